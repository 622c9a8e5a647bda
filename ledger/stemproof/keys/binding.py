"""Binding: event 0 of a log says whose keys write it. Consensus: see docs/keys.md.

    {"account":"<40 hex>","chains":[11155111],"identity_key":"<64 hex>","kind":"binding",
     "log_key":"<64 hex>","origin":"stemproof/<identity id>/<device id>",
     "recovery":"<64 hex>","signatures":{"account":"<130 hex>","identity":"<128 hex>",
     "log":"<128 hex>"},"v":0}

Three keys sign, so none can be claimed by another: identity and log key (Ed25519) the
canonical bytes without `signatures`, the account an EIP-712 struct. `recovery` is the
SHA-256 of a public key that is kept apart. Parsing is strict: bytes that format_binding
would not write are refused. No I/O.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Final

from stemproof.errors import Malformed, Refuted
from stemproof.evidence import ethsig
from stemproof.keys.account import statement_digest
from stemproof.keys.fields import Fields, check_key_signature
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.seal import ed25519

VERSION: Final = 0
# The fixed members stay below 1,100 bytes and 64 chain ids below 1,100 more.
MAX_BINDING_BYTES: Final = 4096
MAX_CHAINS: Final = 64
BINDING_DOMAIN: Final = b"stemproof/v0/binding\n"


@dataclass(frozen=True, slots=True)
class Signatures:
    """The three signatures under a binding; all empty while it is not signed."""

    account: bytes = b""
    identity: bytes = b""
    log: bytes = b""


@dataclass(frozen=True, slots=True)
class Binding:
    """Which keys write a log: public keys, account, and the digest of the recovery key."""

    identity_key: bytes
    log_key: bytes
    account: ethsig.Address
    recovery: bytes
    chains: tuple[int, ...] = ()
    signatures: Signatures = Signatures()

    @property
    def origin(self) -> str:
        """The name of the log, which follows from its first two keys."""
        return format_origin(self.identity_key, self.log_key)


def identity_id(identity_key: bytes) -> str:
    """Name an identity by 32 hex digits."""
    return hashlib.sha256(b"stemproof/v0/identity\x00" + identity_key).hexdigest()[:32]


def device_id(log_key: bytes) -> str:
    """Name a device by 32 hex digits."""
    return hashlib.sha256(b"stemproof/v0/device\x00" + log_key).hexdigest()[:32]


def format_origin(identity_key: bytes, log_key: bytes) -> str:
    """Name the log of a device of an identity."""
    return f"stemproof/{identity_id(identity_key)}/{device_id(log_key)}"


def make_binding(
    *,
    identity_seed: bytes,
    log_seed: bytes,
    account_key: bytes,
    recovery: bytes,
    chains: tuple[int, ...] = (),
) -> bytes:
    """Bind a device's log key to an identity and an account; the chains in ascending order."""
    unsigned = Binding(
        identity_key=ed25519.public_of(identity_seed),
        log_key=ed25519.public_of(log_seed),
        account=ethsig.address_of_key(account_key),
        recovery=recovery,
        chains=tuple(sorted(set(chains))),
    )
    message = binding_message(unsigned)
    signatures = Signatures(
        account=ethsig.sign_digest(account_key, binding_digest(unsigned)),
        identity=ed25519.sign(identity_seed, message),
        log=ed25519.sign(log_seed, message),
    )
    data = format_binding(replace(unsigned, signatures=signatures))
    check_binding(data)
    return data


def format_binding(binding: Binding) -> bytes:
    """Write a binding's canonical bytes."""
    signatures: Json = {
        "account": binding.signatures.account.hex(),
        "identity": binding.signatures.identity.hex(),
        "log": binding.signatures.log.hex(),
    }
    return canonical_bytes({**_statement(binding), "signatures": signatures})


def parse_binding(data: bytes) -> Binding:
    """Read a binding in the one form that we write; the signatures are not checked here."""
    fields = Fields.parse(data, what="binding", version=VERSION, max_bytes=MAX_BINDING_BYTES)
    fields.demand_text("kind", "binding")
    signed = fields.inner("signatures")
    binding = Binding(
        identity_key=fields.hex_bytes("identity_key", 32),
        log_key=fields.hex_bytes("log_key", 32),
        account=ethsig.Address(fields.hex_bytes("account", 20)),
        recovery=fields.hex_bytes("recovery", 32),
        chains=_parse_chains(fields.numbers("chains")),
        signatures=Signatures(
            account=signed.hex_bytes("account", 65),
            identity=signed.hex_bytes("identity", 64),
            log=signed.hex_bytes("log", 64),
        ),
    )
    fields.demand_text("origin", binding.origin)
    if format_binding(binding) != data:
        raise Malformed("binding", data, "exactly the members of format version 0")
    return binding


def check_binding(data: bytes) -> Binding:
    """Read a binding and check that all three keys signed it; whose they are is not judged."""
    binding = parse_binding(data)
    if binding.identity_key == binding.log_key:
        raise Refuted("the binding uses one key as identity and as log key")
    message = binding_message(binding)
    signatures = binding.signatures
    check_key_signature(binding.identity_key, message, signatures.identity, who="identity key")
    check_key_signature(binding.log_key, message, signatures.log, who="log key")
    ethsig.check_signature(binding_digest(binding), signatures.account, binding.account)
    return binding


def binding_message(binding: Binding) -> bytes:
    """Write the bytes that identity and log key sign."""
    return BINDING_DOMAIN + canonical_bytes(_statement(binding))


def binding_digest(binding: Binding) -> bytes:
    """Digest the EIP-712 struct that the account signs."""
    values = {
        "origin": binding.origin,
        "logKey": binding.log_key,
        "identityKey": binding.identity_key,
        "recovery": binding.recovery,
    }
    return statement_digest("Binding", values)


def _statement(binding: Binding) -> dict[str, Json]:
    return {
        "account": binding.account.hex(),
        "chains": list(binding.chains),
        "identity_key": binding.identity_key.hex(),
        "kind": "binding",
        "log_key": binding.log_key.hex(),
        "origin": binding.origin,
        "recovery": binding.recovery.hex(),
        "v": VERSION,
    }


def _parse_chains(chains: tuple[int, ...]) -> tuple[int, ...]:
    if len(chains) > MAX_CHAINS:
        raise Malformed("number of chains", len(chains), f"at most {MAX_CHAINS}")
    if list(chains) != sorted(set(chains)) or any(chain < 1 for chain in chains):
        raise Malformed("chains", list(chains), "chain ids from 1, ascending, none twice")
    return chains
