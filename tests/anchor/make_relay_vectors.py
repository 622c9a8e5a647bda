"""Make the vectors in tests/vectors/signedhead and tests/vectors/relayanswer.

    python tests/anchor/make_relay_vectors.py

Digests and signatures are eth-account's, not those of the code under test; the bytes are
written by Python's own JSON encoder. Run by hand when a format changes; the vectors are committed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from web3 import Web3

from stemproof.anchor.contract import anchors_address

VECTORS = Path(__file__).parents[1] / "vectors"
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
Members = dict[str, Any]  # JSON, some of it wrong on purpose


def named(text: str) -> str:
    return bytes(Web3.keccak(text=text)).hex()


def typed(members: Members) -> Any:  # eth-account's own
    domain = {
        "name": "stemproof Anchors",
        "version": "1",
        "chainId": members["chain_id"],
        "verifyingContract": "0x" + members["contract"],
    }
    message = {
        "publisher": "0x" + members["publisher"],
        "origin": bytes.fromhex(members["origin_id"]),
        "prior": int(members["prior"], 16),
        "size": members["size"],
        "root": bytes.fromhex(members["root"]),
        "deadline": members["deadline"],
    }
    return encode_typed_data(domain, TYPES, message)


def head(artist: str, **changes: Any) -> Members:
    account = Account.from_key(Web3.keccak(text=artist))
    members: Members = {
        "chain_id": 31337,
        "contract": bytes(anchors_address()).hex(),
        "deadline": 2**53 - 1,
        "origin_id": named(f"log of {artist}"),
        "prior": "00" * 32,
        "publisher": account.address[2:].lower(),
        "root": named("root"),
        "signature": "",
        "size": 42,
        "v": 0,
        **changes,
    }
    signed = account.sign_message(typed(members))
    return {**members, "signature": changes.get("signature", bytes(signed.signature).hex())}


def text(members: Members) -> str:
    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write(check: str, case: str, vector: Members) -> None:
    folder = VECTORS / check
    folder.mkdir(exist_ok=True)
    (folder / f"{case}.json").write_text(json.dumps(vector, indent=1, sort_keys=True) + "\n")


def accept(case: str, members: Members, *, signer: str | None) -> None:
    digest = bytes(Web3.keccak(b"\x19\x01" + typed(members).header + typed(members).body)).hex()
    write("signedhead", case, {"text": text(members), "digest": digest, "signer": signer})


def compact(signature: str) -> str:
    raw = bytes.fromhex(signature)
    s = int.from_bytes(raw[32:64], "big") | (raw[64] - 27) << 255
    return (raw[:32] + s.to_bytes(32, "big")).hex()


def make_heads() -> None:
    first = head("artist 1")
    accept("first", first, signer=first["publisher"])
    other = head("artist 4", prior="000000002a" + "5e" * 27, size=43, chain_id=11155111)
    accept("next-on-another-chain", other, signer=other["publisher"])
    short = head("artist 2")
    accept(
        "compact", {**short, "signature": compact(short["signature"])}, signer=short["publisher"]
    )
    accept(
        "largest",
        head("artist 3", size=2**40 - 1, prior="ff" * 32, chain_id=2**53 - 1),
        signer=head("artist 3")["publisher"],
    )
    accept("for-a-wallet", head("artist 5", signature="07" * 200), signer=None)
    high = bytes.fromhex(first["signature"])
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(high[32:64], "big")
    turned = high[:32] + s.to_bytes(32, "big") + bytes([55 - high[64]])
    accept("high-s-is-no-accounts", {**first, "signature": turned.hex()}, signer=None)
    delegate = head("artist 6", publisher=first["publisher"])
    signer = Account.from_key(Web3.keccak(text="artist 6")).address[2:].lower()
    accept("by-another-key", delegate, signer=signer)
    refuse_heads(first)


def refuse_heads(good: Members) -> None:
    without = {name: value for name, value in good.items() if name != "root"}
    changes: dict[str, tuple[str, str]] = {
        "member-missing": (text(without), "members"),
        "member-extra": (text({**good, "x": 1}), "members"),
        "spaces": (text(good).replace(",", ", "), "canonical"),
        "members-in-another-order": (
            "{" + ",".join(reversed(text(good)[1:-1].split(","))) + "}",
            "canonical",
        ),
        "member-twice": (text(good).replace('"size":42', '"size":41,"size":42'), "canonical"),
        "list": ("[" + text(good) + "]", "object"),
        "not-json": (text(good)[:-1], "canonical"),
        "trailing-newline": (text(good) + "\n", "canonical"),
        "fraction": (text(good).replace('"size":42', '"size":42.0'), "canonical"),
    }
    for name, value, says in (
        ("size-zero", {"size": 0}, "integer"),
        ("size-too-big", {"size": 2**40}, "integer"),
        ("size-text", {"size": "42"}, "integer"),
        ("size-boolean", {"size": True}, "integer"),
        ("chain-zero", {"chain_id": 0}, "integer"),
        ("deadline-negative", {"deadline": -1}, "integer"),
        ("deadline-beyond-a-double", {"deadline": 2**53}, "2**53"),
        ("newer", {"v": 1}, "integer"),
        ("publisher-short", {"publisher": good["publisher"][2:]}, "20 bytes"),
        ("publisher-with-0x", {"publisher": "0x" + good["publisher"]}, "hex"),
        ("publisher-in-capitals", {"publisher": good["publisher"].upper()}, "hex"),
        ("prior-as-number", {"prior": 0}, "hex"),
        ("prior-long", {"prior": "00" * 33}, "32 bytes"),
        ("root-odd", {"root": good["root"][1:]}, "hex"),
        ("root-null", {"root": None}, "hex"),
        ("contract-empty", {"contract": ""}, "20 bytes"),
        ("origin-as-text", {"origin_id": "stemproof/test/device"}, "hex"),
        ("signature-empty", {"signature": ""}, "1 to 2048"),
        ("signature-too-long", {"signature": "07" * 2049}, "1 to 2048"),
        ("too-long", {"signature": "07" * 4000}, "at most"),
    ):
        changes[name] = (text({**good, **value}), says)
    for case, (written, says) in changes.items():
        vector = {"text": written, "refused": "Malformed", "says": says}
        write("signedhead", f"refused-{case}", vector)


def make_answers() -> None:
    empty: Members = {
        "block": None,
        "block_hash": None,
        "code": None,
        "reason": None,
        "state": "queued",
        "ticket": "ab" * 32,
        "tx": None,
        "v": 0,
    }
    sent = {**empty, "state": "sent", "tx": "07" * 32}
    mined = {**sent, "state": "mined", "block": 12, "block_hash": "08" * 32}
    refused = {**empty, "state": "refused", "code": "over_rate", "reason": "too many: é"}
    unread = {**refused, "ticket": "", "code": "malformed"}
    for case, members in (
        ("queued", empty),
        ("sent", sent),
        ("mined", mined),
        ("refused-by-relay", refused),
        ("unread", unread),
    ):
        write("relayanswer", f"says-{case}", {"text": text(members)})
    for case, members in (
        ("member-missing", {name: value for name, value in empty.items() if name != "tx"}),
        ("member-extra", {**empty, "evidence": "00"}),
        ("newer", {**empty, "v": 1}),
        ("unknown-state", {**empty, "state": "final"}),
        ("unknown-code", {**refused, "code": "because"}),
        ("queued-with-tx", {**empty, "tx": "07" * 32}),
        ("sent-without-tx", {**sent, "tx": None}),
        ("sent-with-block", {**mined, "state": "sent"}),
        ("mined-without-block", {**mined, "block": None}),
        ("mined-without-hash", {**mined, "block_hash": None}),
        ("mined-with-reason", {**mined, "code": "over_rate", "reason": "x"}),
        ("refused-without-reason", {**refused, "reason": None}),
        ("refused-in-a-block", {**refused, "block": 12, "block_hash": "08" * 32}),
        ("reason-of-two-lines", {**refused, "reason": "a\nb"}),
        ("reason-with-escape", {**refused, "reason": "a\x1b[2J"}),
        ("reason-too-long", {**refused, "reason": "x" * 301}),
        ("reason-empty", {**refused, "reason": ""}),
        ("queued-without-ticket", {**empty, "ticket": ""}),
        ("ticket-short", {**empty, "ticket": "ab" * 31}),
        ("ticket-in-capitals", {**empty, "ticket": "AB" * 32}),
        ("block-negative", {**mined, "block": -1}),
        ("block-as-text", {**mined, "block": "12"}),
        ("tx-short", {**sent, "tx": "07" * 31}),
    ):
        vector = {"text": text(members), "refused": "Malformed"}
        write("relayanswer", f"refused-{case}", vector)
    write("relayanswer", "refused-spaces", {"text": json.dumps(empty), "refused": "Malformed"})


if __name__ == "__main__":
    make_heads()
    make_answers()
