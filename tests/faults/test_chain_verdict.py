"""A bundle without its chain, and with nodes that do not agree: what the verdict rests on."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from tests.faults.ledger import Desk
from tests.faults.proxy import DROP, Alter, Call, Raw, proxying
from tests.faults.spawner import Ended, Spawner

from stemproof.testnet import anvil

pytestmark = pytest.mark.chain


@pytest.fixture
def bundle(spawner: Spawner, desk: Desk) -> Path:
    """A claim on a song whose anchor is final."""
    assert spawner.run(desk, "anchor").code == 0
    path = desk.out / "song.stemproof"
    assert spawner.run(desk, "claim", "make", "--out", str(path)).code == 0
    return path


def verify(spawner: Spawner, desk: Desk, bundle: Path, *words: str) -> Ended:
    """Verify as a stranger: no keys, no ledger is needed."""
    return spawner.run(desk, "verify", str(bundle), *words, passphrase=None)


def test_a_bundle_is_verified_with_the_chain_stopped_by_a_block_hash_alone(
    spawner: Spawner, desk: Desk, bundle: Path
) -> None:
    block = desk.anchors()[-1].block_hash
    assert block is not None
    assert anvil.stop(desk.home.testnet)
    assert anvil.status(desk.home.testnet) is None
    typed = verify(spawner, desk, bundle, "--block", "0x" + block.hex())
    assert typed.code == 0, typed
    assert "has the hash that you gave" in typed.out
    other = bytes(reversed(block)).hex()
    assert verify(spawner, desk, bundle, "--block", "0x" + other).code == 3
    nobody = verify(spawner, desk, bundle)
    assert nobody.code == 3
    assert f"--block {block.hex()}" in nobody.out + nobody.err
    silent = verify(spawner, desk, bundle, "--rpc", desk.chain.rpc_url)
    assert (silent.code, "0 of 1 needed nodes confirmed" in silent.out) == (3, True), silent


def _other_hash(call: Call) -> Alter | None:
    if call.method != "eth_getBlockByNumber":
        return None
    return Alter(lambda block: {**block, "hash": "0x" + "66" * 32})


def test_k_of_n_nodes_decide_and_the_others_are_named(
    spawner: Spawner, desk: Desk, bundle: Path
) -> None:
    upstream = desk.chain.rpc_url
    with contextlib.ExitStack() as stack:
        good, liar, broken = (stack.enter_context(proxying(upstream)) for _ in range(3))
        liar.fault = _other_hash
        broken.fault = lambda _call: Raw(b"<html>", 502)
        nodes = [upstream, good.url, liar.url, broken.url]
        asked = [word for url in nodes for word in ("--rpc", url)]
        two = verify(spawner, desk, bundle, *asked, "--need", "2")
        assert two.code == 0, two
        assert f"against: {liar.url.removeprefix('http://')} says 666666666666" in two.out
        three = verify(spawner, desk, bundle, *asked, "--need", "3")
        assert three.code == 3
        assert "2 of 3 needed nodes confirmed" in three.out
        for url in (liar.url, broken.url):
            assert url.removeprefix("http://") in three.out
        alone = verify(spawner, desk, bundle, "--rpc", liar.url)
        assert (alone.code, "is not canonical" in alone.out) == (1, True)


def test_nodes_of_another_chain_and_forged_answers_refute_nothing(
    spawner: Spawner, desk: Desk, bundle: Path
) -> None:
    with proxying(desk.chain.rpc_url) as line:
        for fault, why in (
            (lambda call: Alter(lambda _id: "0x1") if call.method == "eth_chainId" else None, "1"),
            (lambda _call: Raw(b"0" * 2**20, repeat=100), "answers, but not as a chain's node"),
            (lambda _call: Raw(b"", 302, (("Location", "http://127.0.0.1:1/"),)), "not as"),
        ):
            line.fault = fault
            ended = verify(spawner, desk, bundle, "--rpc", line.url)
            assert (ended.code, why in ended.out) == (3, True), ended


def test_a_node_that_is_busy_at_first_is_asked_again(
    spawner: Spawner, desk: Desk, bundle: Path
) -> None:
    with proxying(desk.chain.rpc_url) as line:
        for fault in (
            lambda call: Raw(b"", 429) if call.number == 1 else None,
            lambda call: DROP if call.number == 1 else None,
        ):
            line.calls.clear()
            line.fault = fault
            ended = verify(spawner, desk, bundle, "--rpc", line.url)
            assert ended.code == 0, ended
