"""Anchors on a real chain: many at once, for others, by allowed keys, and revoked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from hexbytes import HexBytes
from tests.contracts.witness import (
    FAR,
    Head,
    Signed,
    Witness,
    account,
    compact,
    named,
    open_witness,
)
from tests.testnet.running import running_testnet
from web3.exceptions import ContractCustomError, ContractLogicError

from stemproof.evidence.accumulator import NO_HEAD, Step, replay
from stemproof.evidence.eip712 import Domain, typed_digest
from stemproof.evidence.keccak import keccak256

pytestmark = pytest.mark.chain

ROOT = named("root")
END = 2**40 - 1
MAX_GROWTH = 2**24
NOBODY = "0x" + "00" * 20
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_numbers = itertools.count()


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    with running_testnet(tmp_path_factory.mktemp("chain")) as testnet:
        yield open_witness(testnet)


@pytest.fixture
def origin() -> bytes:
    return named(f"log {next(_numbers)}")


def refusal(witness: Witness, function: str, *values: Any, by: str = "") -> str:
    """Call, and name the error with which the contract refuses."""
    names = {
        "0x"
        + keccak256(f"{e['name']}({','.join(i['type'] for i in e['inputs'])})".encode())[
            :4
        ].hex(): e["name"]
        for e in witness.contract.abi
        if e["type"] == "error"
    }
    call = witness.contract.get_function_by_name(function)(*values)
    with pytest.raises((ContractCustomError, ContractLogicError)) as caught:
        call.call({"from": by or witness.payer})
    return names.get(str(caught.value.data)[:10], str(caught.value))


def anchor_first(witness: Witness, origin: bytes, size: int = 5) -> int:
    """Anchor once, by the payer, and give the head."""
    assert witness.send("anchor", origin, 0, size, ROOT)["status"] == 1
    return witness.head_of(witness.payer, origin)


# many of one's own


def test_many_logs_are_anchored_in_one_call(witness: Witness) -> None:
    heads = [(named(f"many {n}"), 0, n + 1, named(f"root {n}")) for n in range(20)]
    receipt = witness.send("anchorMany", heads)
    assert [args["size"] for args in witness.anchored(receipt)] == list(range(1, 21))
    assert witness.refused(receipt) == []
    assert all(witness.head_of(witness.payer, head[0]) >> 216 == head[2] for head in heads)


def test_each_of_many_fails_alone(witness: Witness, origin: bytes) -> None:
    head = anchor_first(witness, origin)
    good = [named(f"good {n}") for n in range(2)]
    heads = [
        (good[0], 0, 1, ROOT),
        (origin, head + 1, 6, ROOT),
        (origin, head, 5, ROOT),
        (origin, head, 5 + MAX_GROWTH + 1, ROOT),
        (good[1], 0, 1, ROOT),
    ]
    receipt = witness.send("anchorMany", heads)
    assert receipt["status"] == 1
    assert witness.refused(receipt) == ["NotTheHead", "NoGrowth", "TooMuchGrowth"]
    assert [args["origin"] for args in witness.anchored(receipt)] == good
    assert witness.head_of(witness.payer, origin) == head


def test_the_same_log_twice_in_one_call_counts_once(witness: Witness, origin: bytes) -> None:
    receipt = witness.send("anchorMany", [(origin, 0, 1, ROOT), (origin, 0, 2, ROOT)])
    assert witness.refused(receipt) == ["NotTheHead"]
    assert witness.head_of(witness.payer, origin) >> 216 == 1


def test_more_heads_than_one_call_takes_are_refused(witness: Witness) -> None:
    heads = [(named(f"h{n}"), 0, 1, ROOT) for n in range(501)]
    assert refusal(witness, "anchorMany", heads) == "TooManyHeads"
    assert refusal(witness, "anchorManyFor", [(NOBODY, head, 0, b"") for head in heads]) == (
        "TooManyHeads"
    )


# for others


def test_an_artist_without_funds_is_anchored_by_a_relay(witness: Witness, origin: bytes) -> None:
    artist = account(1)
    assert witness.web3.eth.get_balance(artist.address) == 0
    receipt = witness.send("anchorFor", witness.signed(artist, (origin, 0, 9, ROOT)))
    [args] = witness.anchored(receipt)
    assert args["publisher"] == artist.address
    assert witness.head_of(artist.address, origin) >> 216 == 9
    assert witness.head_of(witness.payer, origin) == 0


def test_what_eth_account_signs_is_what_our_own_code_hashes(
    witness: Witness, origin: bytes
) -> None:
    artist = account(1)
    publisher, head, deadline, signature = witness.signed(artist, (origin, 0, 9, ROOT))
    types = {
        "Anchor": (
            ("publisher", "address"),
            ("origin", "bytes32"),
            ("prior", "uint256"),
            ("size", "uint40"),
            ("root", "bytes32"),
            ("deadline", "uint256"),
        )
    }
    contract = bytes.fromhex(witness.contract.address[2:])
    digest = typed_digest(
        Domain("stemproof Anchors", "1", witness.chain_id, contract),
        types,
        "Anchor",
        dict(
            zip(
                [name for name, _ in types["Anchor"]],
                (bytes.fromhex(publisher[2:]), *head, deadline),
                strict=True,
            )
        ),
    )
    assert bytes(Account.unsafe_sign_hash(HexBytes(digest), artist.key).signature) == signature


def test_a_compact_signature_counts_and_is_of_use_once(witness: Witness, origin: bytes) -> None:
    item = witness.signed(account(1), (origin, 0, 9, ROOT))
    short = compact(item)
    assert len(short[3]) == 64
    assert witness.send("anchorFor", short)["status"] == 1
    assert refusal(witness, "anchorFor", short) == "NotTheHead"
    assert refusal(witness, "anchorFor", item) == "NotTheHead"


@pytest.mark.parametrize("bit", [0, 255, 256, 511])
def test_a_compact_signature_with_a_flipped_bit_is_refused(
    witness: Witness, origin: bytes, bit: int
) -> None:
    whose, head, deadline, signature = compact(witness.signed(account(1), (origin, 0, 9, ROOT)))
    flipped = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
    assert refusal(witness, "anchorFor", (whose, head, deadline, flipped)) == "NotSigned"


def test_a_signature_is_of_use_once(witness: Witness, origin: bytes) -> None:
    item = witness.signed(account(1), (origin, 0, 9, ROOT))
    assert witness.send("anchorFor", item)["status"] == 1
    assert refusal(witness, "anchorFor", item) == "NotTheHead"


def altered(witness: Witness, origin: bytes, what: str) -> Signed:
    """Sign a head, and change one thing."""
    artist, head = account(1), (origin, 0, 9, ROOT)
    whose, _, deadline, signature = item = witness.signed(artist, head)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    changes: dict[str, Signed] = {
        "another publisher": (account(2).address, head, deadline, signature),
        "nobody": (NOBODY, head, deadline, signature),
        "nobody, no signature": (NOBODY, head, deadline, bytes(65)),
        "another size": (whose, (origin, 0, 10, ROOT), deadline, signature),
        "another root": (whose, (origin, 0, 9, named("other")), deadline, signature),
        "another log": (whose, (named("other log"), 0, 9, ROOT), deadline, signature),
        "another deadline": (whose, head, deadline + 1, signature),
        "high s": (whose, head, deadline, r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])),
        "v of 0": (whose, head, deadline, signature[:64] + bytes([v - 27])),
        "cut short": (whose, head, deadline, signature[:63]),
        "a byte more": (whose, head, deadline, signature + b"\0"),
        "no signature": (whose, head, deadline, b""),
        "another chain": witness.signed(artist, head, chainId=1),
        "another contract": witness.signed(artist, head, verifyingContract=account(3).address),
        "another version": witness.signed(artist, head, version="2"),
        "another name": witness.signed(artist, head, name="Anchors"),
    }
    assert s <= HALF_ORDER
    assert changes[what] != item
    return changes[what]


@pytest.mark.parametrize(
    "what",
    [
        "another publisher",
        "nobody",
        "nobody, no signature",
        "another size",
        "another root",
        "another log",
        "another deadline",
        "high s",
        "v of 0",
        "cut short",
        "a byte more",
        "no signature",
        "another chain",
        "another contract",
        "another version",
        "another name",
    ],
)
def test_what_was_not_signed_is_refused(witness: Witness, origin: bytes, what: str) -> None:
    assert refusal(witness, "anchorFor", altered(witness, origin, what)) == "NotSigned"


def test_a_late_relay_is_refused(witness: Witness, origin: bytes) -> None:
    now = witness.web3.eth.get_block("latest")["timestamp"]
    late = witness.signed(account(1), (origin, 0, 9, ROOT), deadline=now - 1)
    assert refusal(witness, "anchorFor", late) == "TooLate"
    in_time = witness.signed(account(1), (origin, 0, 9, ROOT), deadline=now + 600)
    assert witness.send("anchorFor", in_time)["status"] == 1


def test_one_bad_item_among_a_hundred_is_left_out_alone(witness: Witness) -> None:
    items = [
        witness.signed(account(n), (named(f"hundred {n}"), 0, 3, ROOT), deadline=FAR)
        for n in range(100)
    ]
    whose, head, deadline, _ = items[50]
    items[50] = (whose, head, deadline, bytes(65))
    receipt = witness.send("anchorManyFor", items)
    assert receipt["status"] == 1
    assert witness.refused(receipt) == ["NotSigned"]
    assert len(witness.anchored(receipt)) == 99


# wallets that are contracts


def test_a_wallet_contract_signs_by_its_own_rule(witness: Witness, origin: bytes) -> None:
    owner = account(4)
    wallet = witness.deploy("Keeping", owner.address)
    head: Head = (origin, 0, 9, ROOT)
    assert witness.send("anchorFor", witness.signed(owner, head, publisher=wallet))["status"] == 1
    assert witness.head_of(wallet, origin) >> 216 == 9
    stranger = witness.signed(account(5), (origin, 0, 10, ROOT), publisher=wallet)
    assert refusal(witness, "anchorFor", stranger) == "NotSigned"


@pytest.mark.parametrize(
    "kind",
    ["Burning", "Bombing", "BombingBack", "Short", "Dirty", "Silent", "Refusing", "Writing"],
)
def test_a_hostile_wallet_fails_alone_and_burns_little(
    witness: Witness, origin: bytes, kind: str
) -> None:
    wallet = witness.deploy(kind)
    good = [witness.signed(account(n), (origin, 0, 3, ROOT)) for n in (6, 7)]
    bad = (wallet, (origin, 0, 3, ROOT), FAR, bytes(65))
    receipt = witness.send("anchorManyFor", [good[0], bad, good[1]])
    assert witness.refused(receipt) == ["NotSigned"]
    assert len(witness.anchored(receipt)) == 2
    # Two first anchors cost some 110,000; what a wallet may burn is bounded.
    assert receipt["gasUsed"] < 260_000


# keys that may only anchor


def test_an_allowed_key_anchors_within_its_bounds(witness: Witness, origin: bytes) -> None:
    artist, key = witness.payer, witness.funded(1)
    now = witness.web3.eth.get_block("latest")["timestamp"]
    assert refusal(witness, "anchorAs", artist, (origin, 0, 3, ROOT), by=key) == "NotSigned"
    witness.send("allow", key, now + 1000, 10)
    assert witness.contract.functions.allowanceOf(artist, key).call() == 10
    assert witness.send("anchorAs", artist, (origin, 0, 10, ROOT), by=key)["status"] == 1
    head = witness.head_of(artist, origin)
    assert head >> 216 == 10
    too_much = (origin, head, 21, ROOT)
    assert refusal(witness, "anchorAs", artist, too_much, by=key) == "TooMuchGrowth"
    witness.send("allow", key, 0, 0)
    assert refusal(witness, "anchorAs", artist, (origin, head, 11, ROOT), by=key) == "NotSigned"


def test_an_allowance_ends_with_its_time(witness: Witness, origin: bytes) -> None:
    artist, key = witness.payer, witness.funded(2)
    now = witness.web3.eth.get_block("latest")["timestamp"]
    witness.send("allow", key, now + 1000, 10)
    allowance = witness.contract.functions.allowanceOf(artist, key)
    assert allowance.call() == 10
    witness.web3.provider.make_request("evm_increaseTime", [1001])  # type: ignore[arg-type]  # anvil's own
    witness.web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]  # anvil's own
    assert allowance.call() == 0
    assert refusal(witness, "anchorAs", artist, (origin, 0, 3, ROOT), by=key) == "NotSigned"


def test_a_relay_brings_what_an_allowed_key_signed(witness: Witness, origin: bytes) -> None:
    artist, key = witness.payer, account(8)
    item = witness.signed(key, (origin, 0, 10, ROOT), publisher=artist)
    assert refusal(witness, "anchorFor", item) == "NotSigned"
    now = witness.web3.eth.get_block("latest")["timestamp"]
    witness.send("allow", key.address, now + 1000, 10)
    assert witness.send("anchorFor", item)["status"] == 1
    more = witness.signed(
        key, (origin, witness.head_of(artist, origin), 21, ROOT), publisher=artist
    )
    assert refusal(witness, "anchorFor", more) == "TooMuchGrowth"
    elsewhere = witness.signed(key, (origin, 0, 10, ROOT), publisher=account(9).address)
    assert refusal(witness, "anchorFor", elsewhere) == "NotSigned"


def test_no_key_may_be_allowed_more_than_the_publisher_itself(witness: Witness) -> None:
    key = account(8).address
    assert refusal(witness, "allow", key, FAR, MAX_GROWTH + 1) == "TooMuchGrowth"


# revoking


def test_after_a_revocation_nothing_is_anchored(witness: Witness, origin: bytes) -> None:
    artist, key = witness.payer, witness.funded(1)
    head = anchor_first(witness, origin)
    witness.send("allow", key, FAR, 10)
    receipt = witness.send("revoke", origin)
    [revoked] = witness.contract.events.Revoked().process_receipt(receipt)
    assert (revoked["args"]["publisher"], revoked["args"]["last"]) == (artist, head)
    ended = witness.head_of(artist, origin)
    assert (ended >> 216, ended % 2**216) == (END, head % 2**216)
    for prior in (head, ended):
        for size in (6, END):
            tried = refusal(witness, "anchor", origin, prior, size, ROOT)
            assert tried == ("NotTheHead" if prior == head else "NoGrowth")
            tried = refusal(witness, "anchorAs", artist, (origin, prior, size, ROOT), by=key)
            assert tried == ("NotTheHead" if prior == head else "NoGrowth")


def test_a_log_may_be_revoked_before_its_first_anchor_and_twice(
    witness: Witness, origin: bytes
) -> None:
    for _ in range(2):
        assert witness.send("revoke", origin)["status"] == 1
        assert witness.head_of(witness.payer, origin) == END << 216
    assert refusal(witness, "anchor", origin, 0, 1, ROOT) == "NotTheHead"


def test_nobody_revokes_the_log_of_another(witness: Witness, origin: bytes) -> None:
    head = anchor_first(witness, origin)
    other = witness.funded(1)
    assert witness.send("revoke", origin, by=other)["status"] == 1
    assert witness.head_of(witness.payer, origin) == head
    assert witness.head_of(other, origin) == END << 216


# all ways together


def test_the_word_is_the_replay_of_its_events_whoever_brought_them(
    witness: Witness, origin: bytes
) -> None:
    artist, key = account(11), witness.funded(3)
    witness.web3.provider.make_request("anvil_setBalance", [artist.address, hex(10**18)])  # type: ignore[arg-type]  # anvil's own
    witness.web3.provider.make_request("anvil_impersonateAccount", [artist.address])  # type: ignore[arg-type]  # anvil's own
    witness.send("allow", key, FAR, 1000, by=artist.address)
    head, steps = 0, []
    for size in range(1, 13):
        wanted: Head = (origin, head, size * 7, named(f"root {size}"))
        receipt = (
            lambda: witness.send("anchor", *wanted, by=artist.address),  # noqa: B023  # called at once
            lambda: witness.send("anchorAs", artist.address, wanted, by=key),  # noqa: B023  # called at once
            lambda: witness.send("anchorFor", witness.signed(artist, wanted)),  # noqa: B023  # called at once
            lambda: witness.send("anchorManyFor", [witness.signed(artist, wanted)]),  # noqa: B023  # called at once
        )[size % 4]()
        [args] = witness.anchored(receipt)
        assert (args["size"], args["root"], args["prior"]) == (wanted[2], wanted[3], head)
        block = witness.web3.eth.get_block(receipt["blockNumber"])
        head = witness.head_of(artist.address, origin)
        steps.append(
            Step(
                size=args["size"],
                root=bytes(args["root"]),
                number=block["number"],
                time=block["timestamp"],
                parent_hash=bytes(block["parentHash"]),
            )
        )
    assert replay(NO_HEAD, steps) == head
