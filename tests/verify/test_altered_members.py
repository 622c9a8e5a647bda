"""Every field altered alone: unsigned, signed by a thief, and signed by the artist's own key."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from tests.verify.altering import (
    Altered,
    alterations,
    altered_values,
    encode,
    judge,
    put_together,
    signature_of,
    take_apart,
    with_manifest,
)
from tests.verify.madeup_chain import Node
from tests.verify.studio import Person, Scene, make_scene

from stemproof.claim.bundle import parse_bundle
from stemproof.claim.container import format_container, pack_member, parse_container
from stemproof.errors import Malformed
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def _with_a_node(scene: Scene) -> Trust:
    """Ask an honest node: of a block whose hash nobody knows, typed hashes say nothing."""
    node = Node("honest", lambda chain_id, number: scene.chain.hashes[number])
    return Trust(scene.trust.contracts, sources=(node,))


def _all_alterations(scene: Scene) -> Iterator[Altered]:
    for name, data in take_apart(scene.data).items():
        yield from alterations(name, data)


def test_whatever_is_altered_and_signed_again_by_the_artist_is_refuted(scene: Scene) -> None:
    members, trust = take_apart(scene.data), _with_a_node(scene)
    assert judge(scene.data, trust).state is State.VERIFIED
    passed = []
    for altered in _all_alterations(scene):
        data = put_together({**members, altered.member: altered.data}, scene.studio.person.sign)
        verdict = judge(data, trust)
        want = State.UNDECIDED if _is_newer_format(altered) else State.REFUTED
        if verdict.state is not want:
            passed.append((altered.where, verdict.state))
    assert passed == []


@pytest.mark.parametrize("signer", ["nobody", "a thief"])
def test_whatever_is_altered_without_the_artist_is_not_verified(scene: Scene, signer: str) -> None:
    members, old = take_apart(scene.data), signature_of(scene.data)
    thief = Person.called("thief")
    passed = []
    # Every eighth: what differs from the test above is the signature alone.
    for altered in list(_all_alterations(scene))[::8]:
        sign = thief.sign if signer == "a thief" else lambda _: old
        data = put_together({**members, altered.member: altered.data}, sign)
        state = judge(data, scene.trust).state
        if state is not State.REFUTED and not _is_newer_format(altered):
            passed.append((altered.where, state))
    assert passed == []


def test_an_honest_bundle_signed_by_a_thief_is_refuted(scene: Scene) -> None:
    data = put_together(take_apart(scene.data), Person.called("thief").sign)
    verdict = judge(data, scene.trust)
    assert verdict.state is State.REFUTED
    assert [line.name for line in verdict.checks.lines if line.state is State.REFUTED] == [
        "bundle signature"
    ]


def test_an_altered_manifest_is_refuted_even_if_the_artist_signs_it(scene: Scene) -> None:
    members = take_apart(scene.data)
    manifest = json.loads(_manifest(scene))
    for where, value in altered_values(manifest):
        data = with_manifest(members, encode(value), scene.studio.person.sign)
        state = judge(data, scene.trust).state
        honest = where in {".v=1", ".v=9007199254740991"} or (
            where.startswith(".profile") and not where.endswith("gone")
        )
        assert state is (State.UNDECIDED if honest else State.REFUTED), where


def test_bits_of_every_line_flipped_and_signed_by_the_artist_are_refuted(scene: Scene) -> None:
    members, trust = take_apart(scene.data), _with_a_node(scene)
    for name, data in members.items():
        for place in range(0, len(data), 31):
            flipped = data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]
            bundle = put_together({**members, name: flipped}, scene.studio.person.sign)
            # An alteration may happen to spell a newer format.
            newer = b'"v":0' in data[max(0, place - 4) : place + 5]
            state = judge(bundle, trust).state
            assert state is State.REFUTED or (newer and state is State.UNDECIDED), (name, place)


@pytest.mark.parametrize("name", ["logo.png", "log00/extra.json", "log07/more"])
def test_a_member_of_unknown_kind_is_shown_and_covered(scene: Scene, name: str) -> None:
    members = {**take_apart(scene.data), name: b"from a newer version"}
    data = put_together(members, scene.studio.person.sign)
    verdict = judge(data, scene.trust)
    assert verdict.state is State.VERIFIED
    assert [line.name for line in verdict.checks.lines if name in line.says] == ["unknown part"]
    # Its CRC and method stand outside of what the manifest digests.
    for place in range(len(data)):
        altered = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        if name.encode() in data[max(0, place - 80) : place + 80]:
            assert judge(altered, scene.trust).state is State.REFUTED, place


def test_an_opening_that_nothing_rests_on_may_be_left_out(scene: Scene) -> None:
    members = take_apart(scene.data)
    lines = members["log00/work.openings"].splitlines(keepends=True)
    kept = b"".join(line for line in lines if b"after" not in line)
    assert len(kept) < len(members["log00/work.openings"])
    data = put_together({**members, "log00/work.openings": kept}, scene.studio.person.sign)
    assert judge(data, scene.trust).state is State.VERIFIED


def _is_newer_format(altered: Altered) -> bool:
    # The claim's own newer format is shown by bytes that its signatures do not cover.
    return altered.where.endswith((".v=1", ".v=9007199254740991")) and "body" not in altered.where


def _manifest(scene: Scene) -> bytes:
    from stemproof.claim.container import pack_member

    parts: dict[str, Json] = {}
    for name, data in take_apart(scene.data).items():
        member = pack_member(name, data)
        digest = hashlib.sha256(member.packed).hexdigest()
        parts[name] = {"bytes": member.size, "method": member.method, "sha256": digest}
    return canonical_bytes({"kind": "bundle", "parts": parts, "profile": "full", "v": 0})


def test_a_member_that_is_not_as_the_manifest_says_is_named() -> None:
    members = parse_container(make_scene().data)
    changed = {**members, "claim.json": pack_member("claim.json", b"{}")}
    more = {**members, "notes.txt": pack_member("notes.txt", b"hello")}
    fewer = {name: each for name, each in members.items() if name != "log00/heads.json"}
    for forged, says in (
        (changed, "claim.json is not as the manifest says: the bundle was altered"),
        (more, "notes.txt is not in the manifest: the bundle was altered"),
        (fewer, "'log00/heads.json' is in the manifest only: the bundle was altered"),
    ):
        with pytest.raises(Malformed) as caught:
            parse_bundle(format_container(forged))
        assert str(caught.value) == says
