"""Whom the verifier trusts: chains, contracts, block hashes, nodes, names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.verify.altering import judge
from tests.verify.madeup_chain import CONTRACT, MadeUpChain, Node
from tests.verify.studio import Scene, Studio, make_scene

from stemproof.claim.logpart import Anchorage
from stemproof.errors import BadInput, Malformed, Refuted, Unavailable, Usage
from stemproof.evidence.chain import format_evidence, parse_evidence
from stemproof.verify.trust import MAX_TRUST_BYTES, Trust, parse_trust
from stemproof.verify.verdict import State


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def _known(scene: Scene, *nodes: Node, needed: int = 1) -> Trust:
    return Trust({1: frozenset({CONTRACT})}, sources=nodes, needed=needed)


def _honest(scene: Scene) -> Callable[[int, int], bytes | None]:
    return lambda chain_id, number: scene.chain.hashes[number]


def _lying(chain_id: int, number: int) -> bytes:
    return b"\x66" * 32


def _behind(chain_id: int, number: int) -> None:
    return None


def _silent(chain_id: int, number: int) -> bytes:
    raise Unavailable("no answer in ten seconds")


def _broken(chain_id: int, number: int) -> bytes:
    raise TimeoutError("timed out")


def _rambling(chain_id: int, number: int) -> bytes:
    # A node's bad answer is no evidence against the bundle.
    raise Malformed("block", "rubbish", "a block")


def _state(scene: Scene, trust: Trust) -> State:
    return judge(scene.data, trust).state


def test_without_anybody_to_ask_the_chain_is_undecided(scene: Scene) -> None:
    verdict = judge(scene.data, Trust({1: frozenset({CONTRACT})}))
    assert verdict.state is State.UNDECIDED
    assert [line.name for line in verdict.checks.lines if line.state is State.UNDECIDED] == [
        "canonical block"
    ]
    assert verdict.sessions == ()


def test_a_typed_hash_of_another_block_leaves_it_undecided_and_says_which_to_look_up(
    scene: Scene,
) -> None:
    assert scene.studio.mined is not None
    verdict = judge(scene.data, replace(scene.trust, blocks=frozenset({b"\x01" * 32})))
    assert verdict.state is State.UNDECIDED
    (line,) = [line for line in verdict.checks.lines if line.state is State.UNDECIDED]
    assert line.name == "canonical block" and "not among those that you gave" in line.says
    assert scene.studio.mined.hash.hex() in line.hint


def test_a_block_typed_for_another_chain_does_not_count(scene: Scene) -> None:
    assert scene.studio.mined is not None
    known = scene.studio.mined.hash
    here = replace(scene.trust, blocks=frozenset(), chain_blocks=frozenset({(1, known)}))
    assert _state(scene, here) is State.VERIFIED
    there = replace(scene.trust, blocks=frozenset(), chain_blocks=frozenset({(5, known)}))
    assert _state(scene, there) is State.UNDECIDED


def test_an_anchor_relabelled_as_of_a_better_chain_is_not_verified_there(scene: Scene) -> None:
    part = scene.bundle.logs[0]
    assert part.evidence is not None and part.anchorage is not None
    assert scene.studio.mined is not None
    evidence = replace(parse_evidence(part.evidence), chain_id=10)
    where = Anchorage(10, part.anchorage.contract, part.anchorage.publisher)
    moved = replace(part, evidence=format_evidence(evidence), anchorage=where)
    data = scene.studio.sealed(replace(scene.bundle, logs=(moved,)))
    both = {1: frozenset({CONTRACT}), 10: frozenset({CONTRACT})}
    for trust, want in (
        (Trust({1: frozenset({CONTRACT})}, blocks=scene.trust.blocks), State.UNDECIDED),
        (Trust(both, chain_blocks=frozenset({(1, scene.studio.mined.hash)})), State.UNDECIDED),
        (Trust(both, sources=(Node("on 10", _lying),)), State.REFUTED),
        (replace(scene.trust, contracts=both, chain_id=1), State.REFUTED),
    ):
        assert judge(data, trust).state is want


def test_an_unknown_contract_is_undecided(scene: Scene) -> None:
    for contracts in ({}, {1: frozenset({b"\xdd" * 20})}, {5: frozenset({CONTRACT})}):
        trust = Trust(contracts, blocks=scene.trust.blocks)
        assert _state(scene, trust) is State.UNDECIDED


def test_another_chain_than_the_one_asked_for_refutes(scene: Scene) -> None:
    assert _state(scene, replace(scene.trust, chain_id=1)) is State.VERIFIED
    assert _state(scene, replace(scene.trust, chain_id=11155111)) is State.REFUTED


@pytest.mark.parametrize(
    ("answer", "want"),
    [
        (_lying, State.REFUTED),
        (_behind, State.UNDECIDED),
        (_silent, State.UNDECIDED),
        (_broken, State.UNDECIDED),
        (_rambling, State.UNDECIDED),
    ],
)
def test_one_node_that_does_not_confirm(
    scene: Scene, answer: Callable[[int, int], bytes | None], want: State
) -> None:
    assert _state(scene, _known(scene, Node("node", answer))) is want


def test_one_honest_node_confirms_and_is_named(scene: Scene) -> None:
    verdict = judge(scene.data, _known(scene, Node("honest.example", _honest(scene))))
    assert verdict.state is State.VERIFIED
    line = next(line for line in verdict.checks.lines if line.name == "canonical block")
    assert "honest.example" in line.says


def test_two_of_three_nodes_decide_and_the_third_is_named(scene: Scene) -> None:
    good, other = Node("a", _honest(scene)), Node("b", _honest(scene))
    liar, mute = Node("liar.example", _lying), Node("mute", _broken)
    verdict = judge(scene.data, _known(scene, good, other, liar, needed=2))
    assert verdict.state is State.VERIFIED
    assert any("against: liar.example says 6666" in line.says for line in verdict.checks.lines)
    assert _state(scene, _known(scene, good, mute, other, needed=2)) is State.VERIFIED
    assert _state(scene, _known(scene, good, mute, liar, needed=2)) is State.UNDECIDED
    two, three = Node("liar two", _lying), Node("liar three", _lying)
    assert _state(scene, _known(scene, good, liar, two, needed=2)) is State.REFUTED
    assert _state(scene, _known(scene, liar, two, three, needed=3)) is State.REFUTED


def test_fewer_nodes_than_could_confirm_a_block_cannot_refute_it(scene: Scene) -> None:
    good, other = Node("a", _honest(scene)), Node("b", _honest(scene))
    liar, two = Node("liar", _lying), Node("liar two", _lying)
    assert _state(scene, _known(scene, good, liar, needed=2)) is State.UNDECIDED
    assert _state(scene, _known(scene, good, liar, other, needed=3)) is State.UNDECIDED
    assert _state(scene, _known(scene, good, liar, two, needed=3)) is State.UNDECIDED
    # Nor can one that says nothing help it.
    mute = Node("mute", _silent)
    assert _state(scene, _known(scene, mute, liar, needed=2)) is State.UNDECIDED


def test_one_node_asked_twice_is_one_voice(scene: Scene) -> None:
    good = Node("a", _honest(scene))
    with pytest.raises(Usage):
        _known(scene, good, good, needed=2)
    both_ways = Node("a", _lying)
    trust = _known(scene, good, both_ways, Node("b", _silent), needed=1)
    assert _state(scene, trust) is State.UNDECIDED


@pytest.mark.parametrize("needed", [0, -1, 2])
def test_a_number_of_nodes_that_cannot_agree_is_refused(scene: Scene, needed: int) -> None:
    with pytest.raises(Usage):
        _known(scene, Node("a", _honest(scene)), needed=needed)


def test_a_typed_hash_that_fits_needs_no_node(scene: Scene) -> None:
    trust = replace(scene.trust, sources=(Node("a", _silent),))
    assert _state(scene, trust) is State.VERIFIED


def test_origins_and_identities_that_the_verifier_names(scene: Scene) -> None:
    studio = scene.studio
    assert _state(scene, replace(scene.trust, origins=frozenset({studio.origin}))) is State.VERIFIED
    assert _state(scene, replace(scene.trust, origins=frozenset({"stemproof/x"}))) is State.REFUTED
    named = judge(
        scene.data, replace(scene.trust, identities={studio.person.identity: "Ann\x1b[2J"})
    )
    line = next(line for line in named.checks.lines if line.name == "identity")
    assert line.state is State.VERIFIED and "Ann" in line.says and "\x1b" not in line.says
    others = judge(scene.data, replace(scene.trust, identities={b"\x01" * 32: "Bob"}))
    line = next(line for line in others.checks.lines if line.name == "identity")
    assert line.state is State.NOTE and "not checked" in line.says


@pytest.mark.parametrize(
    ("chain_id", "warning"), [(31337, "rehearsal"), (1337, "rehearsal"), (84532, "testnet")]
)
def test_chains_that_prove_little_are_warned_of(chain_id: int, warning: str) -> None:
    studio = Studio()
    studio.decide()
    studio.anchor(MadeUpChain(chain_id=chain_id))
    trust = replace(studio.trust(), testnets=frozenset({84532}))
    verdict = judge(studio.sealed(studio.bundle()), trust)
    assert verdict.state is State.VERIFIED
    assert len(verdict.warnings) == 1 and warning in verdict.warnings[0]


def test_no_chain_that_counts_is_warned_of(scene: Scene) -> None:
    assert judge(scene.data, scene.trust).warnings == ()


GOOD = {
    "v": 0,
    "blocks": [{"chain": 1, "hash": "ab" * 32}],
    "contracts": [{"chain": 1, "address": "cd" * 20}],
    "identities": [{"key": "ef" * 32, "name": "Ann"}],
}


def test_a_trust_file_is_read_in_any_spelling() -> None:
    for text in (json.dumps(GOOD), json.dumps(GOOD, indent=2)):
        file = parse_trust(text.encode())
        assert file.blocks == ((1, b"\xab" * 32),)
        assert file.contracts == ((1, b"\xcd" * 20),)
        assert file.identities == ((b"\xef" * 32, "Ann"),)
    assert parse_trust(b'{"v":0}').blocks == ()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 1},
        {"v": "0"},
        {"v": None},
        {"block": []},
        {"blocks": [{"hash": "ab" * 32}]},
        {"blocks": [{"chain": 1, "hash": "AB" * 32}]},
        {"blocks": [{"chain": 1, "hash": "ab" * 31}]},
        {"blocks": [{"chain": -1, "hash": "ab" * 32}]},
        {"blocks": [{"chain": 1, "hash": "ab" * 32, "number": 7}]},
        {"blocks": ["ab" * 32]},
        {"blocks": {}},
        {"contracts": [{"chain": 1, "adress": "cd" * 20}]},
        {"identities": [{"key": "ef" * 32}]},
        {"identities": [{"key": "ef" * 32, "name": 7}]},
        {"blocks": [{"chain": 1.5, "hash": "ab" * 32}]},
    ],
)
def test_a_trust_file_with_a_slip_is_bad_input_and_refutes_nothing(
    change: dict[str, object],
) -> None:
    with pytest.raises(BadInput) as caught:
        parse_trust(json.dumps({**GOOD, **change}).encode())
    assert not isinstance(caught.value, Refuted)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"v":0}x',
        b"[" * 100_000,
        b'{"v":' + b"1" * 5000 + b"}",
        b'{"v":0,"blocks":NaN}',
        b'{"v":0,"identities":[{"key":"' + b"ef" * 32 + b'","name":"\\ud800"}]}',
        b" " * (MAX_TRUST_BYTES + 1),
    ],
)
def test_a_trust_file_that_is_no_json_object_is_bad_input(data: bytes) -> None:
    with pytest.raises(BadInput):
        parse_trust(data)
