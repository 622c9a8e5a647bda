"""The contract Anchors on a real chain, called as any program would call it: by web3."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import solcx
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.middleware import SignAndSendRawMiddlewareBuilder

from stemproof.anchor.contract import anchors_address, load_artifact
from stemproof.anchor.deployments import put_deployer
from stemproof.anchor.evm import Chain
from stemproof.anchor.follow import TxState, wait_until_mined
from stemproof.anchor.publish import prepare_deployment, send
from stemproof.anchor.signer import KeySigner
from stemproof.testnet.anvil import Testnet
from stemproof.testnet.deploy import deploy_anchors

ROOT = Path(__file__).parents[2]
OUTCOMES = ("Anchored", "NotTheHead", "NoGrowth", "TooMuchGrowth", "TooLate", "NotSigned")
FAR = 2**63
"""A deadline that no test lives to see."""
TYPES = {
    "Anchor": [
        {"name": "publisher", "type": "address"},
        {"name": "origin", "type": "bytes32"},
        {"name": "prior", "type": "uint256"},
        {"name": "size", "type": "uint40"},
        {"name": "root", "type": "bytes32"},
        {"name": "deadline", "type": "uint256"},
    ]
}
Head = tuple[bytes, int, int, bytes]
Signed = tuple[str, Head, int, bytes]
Receipt = Any  # web3's own


def named(name: str) -> bytes:
    """Make a log's name, or a root."""
    return bytes(Web3.keccak(text=name))


@dataclass(frozen=True)
class Witness:
    """The deployed contract; account 0 of the chain is the relay, or whoever else pays."""

    web3: Web3
    contract: Contract
    payer: str

    @property
    def chain_id(self) -> int:
        return int(self.web3.eth.chain_id)

    def funded(self, number: int) -> str:
        """Name one of the chain's own accounts, from which anvil sends without a key."""
        return str(list(self.web3.eth.accounts)[number])

    def head_of(self, publisher: str, origin: bytes) -> int:
        return int(self.contract.functions.headOf(publisher, origin).call())

    def send(self, function: str, *values: Any, by: str = "", gas: int = 16_000_000) -> Receipt:
        """Send a call and give its receipt, whether or not it reverted."""
        sent = self.contract.get_function_by_name(function)(*values).transact(
            {"from": by or self.payer, "gas": gas}
        )
        return self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)

    def refused(self, receipt: Receipt) -> list[str]:
        """Name what became of each head that a receipt says was left out."""
        logs = self.contract.events.Refused().process_receipt(receipt, errors=_ignored())
        return [OUTCOMES[log["args"]["outcome"]] for log in logs]

    def anchored(self, receipt: Receipt) -> list[Any]:
        """Give the arguments of each head that was anchored."""
        logs = self.contract.events.Anchored().process_receipt(receipt, errors=_ignored())
        return [log["args"] for log in logs]

    def signed(
        self,
        signer: LocalAccount,
        head: Head,
        *,
        publisher: str = "",
        deadline: int = FAR,
        **domain: Any,
    ) -> Signed:
        """Have eth-account sign a head; `domain` changes where the signature counts."""
        whose = publisher or signer.address
        message = dict(
            zip(
                ("publisher", "origin", "prior", "size", "root", "deadline"),
                (whose, *head, deadline),
                strict=True,
            )
        )
        place = {
            "name": "stemproof Anchors",
            "version": "1",
            "chainId": self.chain_id,
            "verifyingContract": self.contract.address,
        }
        typed = encode_typed_data({**place, **domain}, TYPES, message)
        return whose, head, deadline, bytes(signer.sign_message(typed).signature)

    def deploy(self, contract: str, *arguments: Any) -> str:
        """Put a contract of wallets.sol on the chain."""
        return str(self.deployed("wallets.sol", contract, *arguments).address)

    def deployed(self, file: str, contract: str, *arguments: Any) -> Contract:
        """Put a contract of a file beside this one on the chain, and open it."""
        made = compiled(file)[contract]
        factory = self.web3.eth.contract(abi=made["abi"], bytecode=made["bytecode"])
        sent = factory.constructor(*arguments).transact({"from": self.payer})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
        address = receipt["contractAddress"]
        return cast("Contract", self.web3.eth.contract(address=address, abi=made["abi"]))


def open_witness(testnet: Testnet) -> Witness:
    """Deploy Anchors as we deploy it, and open it."""
    deploy_anchors(testnet)
    web3 = Web3(HTTPProvider(testnet.rpc_url))
    address = Web3.to_checksum_address(bytes(anchors_address()))
    contract = web3.eth.contract(address=address, abi=load_artifact().abi)
    return Witness(web3, contract, str(web3.eth.accounts[0]))


def open_elsewhere(chain: Chain, key: bytes) -> Witness:
    """Open Anchors on a chain of another client, put there as a user would, paying by `key`."""
    put_deployer(chain, KeySigner(key), timeout_s=20)
    raw = prepare_deployment(chain, key).raw
    send(chain, raw)
    assert wait_until_mined(chain, raw, timeout_s=20).state in (TxState.MINED, TxState.FINAL)
    chain.check_contract()
    web3 = Web3(HTTPProvider(chain.node.provider.url))
    # The node knows no key of ours: what is sent is signed here.
    signing = SignAndSendRawMiddlewareBuilder.build(key)
    web3.middleware_onion.inject(signing, layer=0)
    address = Web3.to_checksum_address(bytes(anchors_address()))
    contract = web3.eth.contract(address=address, abi=load_artifact().abi)
    payer: LocalAccount = Account.from_key(key)
    return Witness(web3, contract, payer.address)


def compact(item: Signed) -> Signed:
    """Write an item's signature in the compact form of ERC-2098."""
    whose, head, deadline, signature = item
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return whose, head, deadline, signature[:32] + s.to_bytes(32, "big")


def account(number: int) -> LocalAccount:
    """Make an account that owns nothing: a key that follows from a number."""
    made: LocalAccount = Account.from_key(Web3.keccak(text=f"artist {number}"))
    return made


@cache
def compiled(file: str) -> dict[str, dict[str, Any]]:
    """Compile what stands beside this file, with the project's own compiler and settings."""
    settings = json.loads((ROOT / "contracts" / "settings.json").read_text())
    output = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {file: {"content": (Path(__file__).parent / file).read_text()}},
            "settings": {
                **settings,
                "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
            },
        },
        solc_binary=ROOT / "scripts" / "solc-npm.cjs",
    )
    return {
        name: {"abi": made["abi"], "bytecode": made["evm"]["bytecode"]["object"]}
        for name, made in output["contracts"][file].items()
    }


def _ignored() -> Any:
    from web3.logs import DISCARD

    return DISCARD
