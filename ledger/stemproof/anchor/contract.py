"""The contract Anchors as this package ships it: its interface, code and address.

The artefact is compiled by scripts/compile-contracts; nothing is compiled here. The contract is
put on a chain by CREATE2 through the deterministic deployment proxy, so its address follows from
its code alone and is the same on each chain. No I/O but reading package data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

from stemproof.evidence.ethsig import Address, parse_address
from stemproof.evidence.keccak import keccak256

#: The deterministic deployment proxy (github.com/Arachnid/deterministic-deployment-proxy).
#: Calldata is salt and init code; it answers with the 20 bytes of the address.
DEPLOYER = parse_address("0x4e59b44847b379578588920cA78FbF26c0B4956C")
#: No choice is hidden in the salt.
SALT = bytes(32)


@dataclass(frozen=True, slots=True)
class Artifact:
    """What the compiler made of one contract."""

    contract: str
    compiler: str
    source_sha256: str
    abi: list[dict[str, Any]]  # Any: the ABI's own JSON, as web3 takes it
    bytecode: bytes
    runtime_bytecode: bytes


@cache
def load_artifact(contract: str = "Anchors") -> Artifact:
    """Read a shipped artefact."""
    path = resources.files(__package__) / "artifacts" / f"{contract}.json"
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Artifact(
        contract=raw["contract"],
        compiler=raw["compiler"],
        source_sha256=raw["source_sha256"],
        abi=raw["abi"],
        bytecode=bytes.fromhex(raw["bytecode"].removeprefix("0x")),
        runtime_bytecode=bytes.fromhex(raw["runtime_bytecode"].removeprefix("0x")),
    )


def create2_address(deployer: Address, salt: bytes, init_code: bytes) -> Address:
    """Compute where CREATE2 puts a contract (EIP-1014)."""
    return Address(keccak256(b"\xff" + deployer + salt + keccak256(init_code))[12:])


def address_of(contract: str) -> Address:
    """Compute a contract's address on every chain where it is deployed as we deploy it."""
    return create2_address(DEPLOYER, SALT, load_artifact(contract).bytecode)


def anchors_address() -> Address:
    """Compute the address of Anchors on every chain where it is deployed as we deploy it."""
    return address_of("Anchors")


def deployment_calldata(contract: str = "Anchors") -> bytes:
    """Write what is sent to the deployer to put a contract on a chain."""
    return SALT + load_artifact(contract).bytecode


def origin_id(origin: str) -> bytes:
    """Compute the contract's name for a log: SHA-256 of its origin line."""
    return sha256(origin.encode()).digest()
