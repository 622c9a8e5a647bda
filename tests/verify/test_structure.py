"""Bundles put together wrongly, each signed by the artist's own keys: what is inside refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.verify.altering import judge
from tests.verify.madeup_chain import MadeUpChain
from tests.verify.studio import (
    OWN,
    SONG,
    Person,
    Scene,
    Studio,
    audio_body,
    claimed_audio,
    make_scene,
)

from stemproof.claim.bundle import Bundle
from stemproof.claim.claim import Audio, Claim, LogCover
from stemproof.claim.logpart import Head, LogPart
from stemproof.evidence.chain import check_evidence, format_evidence, parse_evidence
from stemproof.record.event import leaf_hash
from stemproof.seal.checkpoint import Checkpoint, sign_checkpoint
from stemproof.seal.merkle import Digest, root_of
from stemproof.verify.logs import MAX_ROTATIONS
from stemproof.verify.verdict import State


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def _refusals(scene: Scene, bundle: Bundle) -> list[str]:
    """Name the checks that refuse a bundle, which must be refuted as a whole."""
    verdict = judge(scene.studio.sealed(bundle), scene.trust)
    assert verdict.state is State.REFUTED, verdict.checks.lines
    return [line.name for line in verdict.checks.lines if line.state is State.REFUTED]


def _with_part(scene: Scene, **changes: object) -> Bundle:
    part = replace(scene.bundle.logs[0], **changes)  # type: ignore[arg-type]  # tests alter any
    return replace(scene.bundle, logs=(part,))


def _with_claim(scene: Scene, **changes: object) -> Bundle:
    claim = replace(scene.studio.claim(scene.master), **changes)  # type: ignore[arg-type]  # any
    return replace(scene.bundle, signed=scene.studio.person.sign_claim(claim))


def _with_cover(scene: Scene, **changes: object) -> Bundle:
    cover = replace(scene.studio.cover(), **changes)  # type: ignore[arg-type]  # tests alter any
    return _with_claim(scene, logs=(cover,))


# What the artist says of their own accord, and nothing in the log could contradict.
@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Another title"},
        {"credits": ()},
        {"identifiers": ()},
        {"made": "2001-01-01T00:00:00.000Z"},
    ],
)
def test_what_only_the_artist_can_say_stands_as_signed(
    scene: Scene, changes: dict[str, object]
) -> None:
    data = scene.studio.sealed(_with_claim(scene, **changes))
    assert judge(data, scene.trust).state is State.VERIFIED


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other.wav"},
        {"bytes": 4097},
        {"sha256": "00" * 32},
        {"cid": "bafkrei" + "b" * 52},
        {"profile": "unixfs-v0"},
        {"duration_ms": 10001},
        {"fingerprint": "00" * 32},
        {"log": 1},
        {"work_seq": 0},
        {"work_seq": 2},
        {"work_seq": 6},
        {"work_seq": 2**53 - 1},
    ],
)
def test_a_file_claimed_otherwise_than_recorded_is_refuted(
    scene: Scene, changes: dict[str, object]
) -> None:
    item = replace(scene.master, **changes)  # type: ignore[arg-type]  # tests alter any member
    assert _refusals(scene, _with_claim(scene, audio=(item,))) == ["master"]


def test_a_file_claimed_twice_is_refuted(scene: Scene) -> None:
    twice = (scene.master, replace(scene.master, role="stem"))
    assert _refusals(scene, _with_claim(scene, audio=twice)) == ["bundle"]


def test_a_file_whose_openings_are_not_shown_is_refuted(scene: Scene) -> None:
    for name in ("audio", "body", "fingerprint"):
        kept = [
            each
            for each in scene.bundle.logs[0].openings
            if (each.work_seq, each.opening.field) != (scene.master.work_seq, name)
        ]
        assert _refusals(scene, _with_part(scene, openings=tuple(kept))) == ["master"]


def test_an_event_of_another_kind_that_commits_to_audio_is_no_recording() -> None:
    studio, chain = Studio(), MadeUpChain()
    body = audio_body("master.wav")
    values = {"body": json.dumps(body, sort_keys=True, separators=(",", ":")).encode()}
    values["audio"] = bytes.fromhex(str(body["sha256"]))
    item = claimed_audio(body, 0)
    values["fingerprint"] = bytes.fromhex(item.fingerprint)
    studio.say("note.said", values, show=tuple(values))
    studio.anchor(chain)
    verdict = judge(studio.sealed(studio.bundle(item)), studio.trust())
    assert verdict.state is State.REFUTED


@pytest.mark.parametrize("name", ["sha256", "fingerprint"])
def test_a_body_that_contradicts_its_own_commitments_is_refuted(name: str) -> None:
    studio, chain = Studio(), MadeUpChain()
    honest = audio_body("master.wav")
    lie: dict[str, object] = {"sha256": "00" * 32}
    if name == "fingerprint":
        inner = honest["fingerprint"]
        assert isinstance(inner, dict)
        lie = {"fingerprint": {**inner, "digest": "00" * 32}}
    body = json.dumps({**honest, **lie}, sort_keys=True, separators=(",", ":")).encode()
    item = claimed_audio(honest, 0)
    values = {
        "body": body,
        "audio": bytes.fromhex(item.sha256),
        "fingerprint": bytes.fromhex(item.fingerprint),
    }
    studio.say("audio.appeared", values, show=tuple(values))
    studio.anchor(chain)
    verdict = judge(studio.sealed(studio.bundle(item)), studio.trust())
    assert [line.name for line in verdict.checks.lines if line.state is State.REFUTED] == ["master"]


def _one_count_more(claim: Claim) -> Claim:
    first, *rest = claim.report.stages
    report = replace(claim.report, stages=(replace(first, events=first.events + 1), *rest))
    return replace(claim, report=report)


def _other_class(claim: Claim) -> Claim:
    stages = tuple(replace(each, class_="human") for each in claim.report.stages)
    return replace(claim, report=replace(claim.report, stages=stages))


def _one_row_fewer(claim: Claim) -> Claim:
    return replace(claim, report=replace(claim.report, stages=claim.report.stages[1:]))


def _longer_watch(claim: Claim) -> Claim:
    coverage = replace(claim.report.coverage, watched_ms=3_600_000)
    return replace(claim, report=replace(claim.report, coverage=coverage))


@pytest.mark.parametrize("lie", [_one_count_more, _other_class, _one_row_fewer, _longer_watch])
def test_counts_other_than_those_of_the_events_are_refuted(
    scene: Scene, lie: Callable[[Claim], Claim]
) -> None:
    signed = scene.studio.person.sign_claim(lie(scene.studio.claim(scene.master)))
    assert _refusals(scene, replace(scene.bundle, signed=signed)) == ["claim counts"]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 7},
        {"size": 9},
        {"size": 0},
        {"size": 2**53 - 1},
        {"work_size": 5},
        {"work_size": 7},
        {"root": "00" * 32},
        {"work_root": "00" * 32},
        {"origin": "stemproof/" + "0" * 32 + "/" + "0" * 32},
    ],
)
def test_a_cover_that_no_checkpoint_states_is_refuted(
    scene: Scene, changes: dict[str, object]
) -> None:
    assert _refusals(scene, _with_cover(scene, **changes)) == ["claim cover"]


def test_a_claim_about_a_checkpoint_without_the_work_is_refuted(scene: Scene) -> None:
    studio = scene.studio
    cover = LogCover(studio.origin, 2, studio.roots[0].hex(), 0, "00" * 32)
    assert _refusals(scene, _with_claim(scene, logs=(cover,))) == ["claim cover"]


def test_a_claim_about_an_earlier_checkpoint_counts_its_events_only(scene: Scene) -> None:
    studio, middle = Studio(), MadeUpChain()
    studio.decide()
    studio.anchor(middle)
    claim = studio.claim()
    studio.decide()
    studio.anchor(middle)
    bundle = Bundle("full", studio.person.sign_claim(claim), (studio.part(),))
    verdict = judge(studio.sealed(bundle), studio.trust())
    assert verdict.state is State.VERIFIED
    assert [count.events for count in verdict.levels] == [1]


def test_a_claim_about_the_logs_own_record_is_refuted(scene: Scene) -> None:
    assert _refusals(scene, _with_claim(scene, work=OWN.hex())) == ["log"]


def test_a_claim_by_another_identity_or_account_is_refuted(scene: Scene) -> None:
    thief = Person.called("thief")
    claim = scene.studio.claim(scene.master)
    for changed in (
        replace(claim, identity=thief.identity.hex(), account=thief.account.hex()),
        replace(claim, identity=thief.identity.hex()),
        replace(claim, account=thief.account.hex()),
    ):
        bundle = replace(scene.bundle, signed=thief.sign_claim(changed))
        assert _refusals(scene, bundle) == ["claim signatures"]
    stolen = replace(scene.bundle, signed=thief.sign_claim(claim))
    assert _refusals(scene, stolen) == ["claim signatures"]


def _drop_last_event(part: LogPart) -> LogPart:
    return replace(part, headers=part.headers[:-1])


def _add_an_event(part: LogPart) -> LogPart:
    return replace(part, headers=(*part.headers, part.headers[-1]))


def _swap_events(part: LogPart) -> LogPart:
    first, second, *rest = part.headers
    return replace(part, headers=(second, first, *rest))


def _repeat_opening(part: LogPart) -> LogPart:
    return replace(part, openings=(*part.openings, part.openings[-1]))


def _opening_of_another_event(part: LogPart) -> LogPart:
    moved = replace(part.openings[-1], work_seq=0)
    return replace(part, openings=(moved, *part.openings[1:]))


def _no_binding(part: LogPart) -> LogPart:
    return replace(part, own_openings=())


def _first_head_dropped(part: LogPart) -> LogPart:
    return replace(part, heads=part.heads[1:])


def _middle_head_dropped(part: LogPart) -> LogPart:
    return replace(part, heads=(part.heads[0], part.heads[2]))


def _last_head_dropped(part: LogPart) -> LogPart:
    size = part.heads[1].work_size
    kept = tuple(each for each in part.openings if each.work_seq < size)
    return replace(part, heads=part.heads[:2], headers=part.headers[:size], openings=kept)


def _heads_swapped(part: LogPart) -> LogPart:
    first, second, third = part.heads
    return replace(part, heads=(second, first, third))


def _head_repeated(part: LogPart) -> LogPart:
    return replace(part, heads=(*part.heads, part.heads[-1]))


def _proofs_swapped(part: LogPart) -> LogPart:
    last = part.heads[-1]
    other = replace(last, own_proof=last.work_proof, work_proof=last.own_proof)
    return replace(part, heads=(*part.heads[:-1], other))


def _absence_where_the_work_is(part: LogPart) -> LogPart:
    hidden = replace(part.heads[1], work_size=0)
    return replace(part, heads=(part.heads[0], hidden, part.heads[2]))


def _presence_where_it_is_not(part: LogPart) -> LogPart:
    return replace(part, heads=(replace(part.heads[0], work_size=1), *part.heads[1:]))


@pytest.mark.parametrize(
    "change",
    [
        _drop_last_event,
        _add_an_event,
        _swap_events,
        _repeat_opening,
        _opening_of_another_event,
        _no_binding,
        _first_head_dropped,
        _middle_head_dropped,
        _last_head_dropped,
        _heads_swapped,
        _head_repeated,
        _proofs_swapped,
        _absence_where_the_work_is,
        _presence_where_it_is_not,
    ],
)
def test_parts_left_out_added_or_moved_are_refuted(
    scene: Scene, change: Callable[[LogPart], LogPart]
) -> None:
    bundle = replace(scene.bundle, logs=(change(scene.bundle.logs[0]),))
    assert _refusals(scene, bundle)


def test_last_events_dropped_with_a_shortened_claim_are_refuted(scene: Scene) -> None:
    part = _last_head_dropped(scene.bundle.logs[0])
    studio = Studio()
    studio.trees, studio.roots = scene.studio.trees, scene.studio.roots[:2]
    studio.heads, studio.mined, studio.chain = list(part.heads), scene.studio.mined, scene.chain
    signed = scene.studio.person.sign_claim(studio.claim())
    assert _refusals(scene, Bundle("full", signed, (part,))) == ["chain evidence"]


def test_a_history_rewritten_between_two_anchors_is_refuted() -> None:
    studio, chain = Studio(), MadeUpChain()
    studio.decide()
    studio.decide()
    studio.anchor(chain)
    # The artist begins the song anew, in the same log.
    del studio.trees[SONG], studio.opened[SONG]
    studio.decide("composition", "human")
    studio.decide("composition", "human")
    studio.decide("composition", "human")
    studio.anchor(chain)
    assert judge(studio.sealed(studio.bundle()), studio.trust()).state is State.REFUTED
    # Nor does it help to begin with the later anchor.
    part = replace(studio.part(), heads=studio.part().heads[1:])
    bundle = replace(studio.bundle(), logs=(part,))
    verdict = judge(studio.sealed(bundle), studio.trust())
    assert verdict.state is State.REFUTED
    assert [line.name for line in verdict.checks.lines if line.state is State.REFUTED] == [
        "chain evidence"
    ]


def test_a_checkpoint_that_counts_fewer_events_than_it_holds_is_refuted() -> None:
    studio, chain = Studio(), MadeUpChain()
    for _ in range(5):
        studio.decide()
    studio.size = 3
    studio.anchor(chain)
    assert judge(studio.sealed(studio.bundle()), studio.trust()).state is State.REFUTED


def test_two_checkpoints_between_which_the_log_grew_too_little_are_refuted() -> None:
    studio, chain = Studio(), MadeUpChain()
    studio.decide()
    studio.size = 100
    studio.anchor(chain)
    for _ in range(5):
        studio.decide()
    studio.size = 102
    studio.anchor(chain)
    assert judge(studio.sealed(studio.bundle()), studio.trust()).state is State.REFUTED


def test_a_checkpoint_signed_by_another_key_is_refuted(scene: Scene) -> None:
    part = scene.bundle.logs[0]
    last = part.heads[-1]
    lines = last.note.split(b"\n")
    checkpoint = Checkpoint(scene.studio.origin, int(lines[1]), Digest(scene.studio.roots[-1]))
    forged = replace(last, note=sign_checkpoint(checkpoint, b"\x07" * 32))
    assert _refusals(scene, _with_part(scene, heads=(*part.heads[:-1], forged))) == ["log"]


@pytest.mark.parametrize("name", ["contract", "publisher", "origin_id"])
def test_evidence_relabelled_is_refuted(scene: Scene, name: str) -> None:
    part = scene.bundle.logs[0]
    assert part.evidence is not None
    evidence = parse_evidence(part.evidence)
    forged: dict[str, object] = {name: b"\x01" * len(getattr(evidence, name))}
    other = replace(evidence, **forged)  # type: ignore[arg-type]  # one of three byte strings
    bundle = _with_part(scene, evidence=format_evidence(other))
    assert _refusals(scene, bundle) == ["chain evidence"]


def _evidence_of(studio: Studio, chain: MadeUpChain) -> bytes:
    studio.decide()
    return studio.anchor(chain).evidence


def test_evidence_of_another_log_anchor_chain_or_publisher_is_refuted(scene: Scene) -> None:
    others = {
        "log": _evidence_of(Studio(device="desktop"), MadeUpChain()),
        "publisher": _evidence_of(Studio(person=Person.called("rival")), MadeUpChain()),
        "chain": _evidence_of(Studio(), MadeUpChain(chain_id=5)),
        "contract": _evidence_of(Studio(), MadeUpChain(contract=b"\xdd" * 20)),
        "anchor": _evidence_of(Studio(), MadeUpChain()),
    }
    for name, evidence in others.items():
        assert _refusals(scene, _with_part(scene, evidence=evidence)) == ["chain evidence"], name


def test_heads_anchored_by_another_publisher_are_refuted(scene: Scene) -> None:
    studio, rival = Studio(), Person.called("rival")
    studio.decide()
    honest, studio.person = studio.person, rival
    studio.anchor(MadeUpChain())
    part, cover = studio.part(), studio.cover()
    studio.person = honest
    claim = replace(studio.claim(), logs=(cover,))
    bundle = Bundle("full", honest.sign_claim(claim), (part,))
    verdict = judge(studio.sealed(bundle), studio.trust())
    assert [line.name for line in verdict.checks.lines if line.state is State.REFUTED] == [
        "chain evidence"
    ]


def test_a_log_shown_twice_is_refuted(scene: Scene) -> None:
    part, cover = scene.bundle.logs[0], scene.studio.cover()
    claim = replace(scene.studio.claim(scene.master), logs=(cover, cover))
    bundle = Bundle("full", scene.studio.person.sign_claim(claim), (part, part))
    assert _refusals(scene, bundle) == ["log"]


def _two_devices() -> tuple[Studio, Studio, Claim]:
    chain = MadeUpChain()
    laptop, desktop = Studio(), Studio(device="desktop")
    for studio in (laptop, desktop):
        studio.decide()
        studio.anchor(chain)
    claim = laptop.claim()
    stages = tuple(replace(each, events=2 * each.events) for each in claim.report.stages)
    report = replace(claim.report, stages=stages)
    return laptop, desktop, replace(claim, logs=(laptop.cover(), desktop.cover()), report=report)


def test_two_devices_of_one_person_are_verified_and_added_up() -> None:
    laptop, desktop, claim = _two_devices()
    bundle = Bundle("full", laptop.person.sign_claim(claim), (laptop.part(), desktop.part()))
    assert desktop.mined is not None
    trust = laptop.trust()
    trust = replace(trust, blocks=trust.blocks | {desktop.mined.hash})
    verdict = judge(laptop.sealed(bundle), trust)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    assert [(each.level, each.events) for each in verdict.levels] == [("E2", 2)]


def test_two_logs_in_another_order_or_one_fewer_than_claimed_are_refuted() -> None:
    laptop, desktop, claim = _two_devices()
    signed = laptop.person.sign_claim(claim)
    for logs in ((desktop.part(), laptop.part()), (laptop.part(),)):
        data = laptop.sealed(Bundle("full", signed, logs))
        assert judge(data, laptop.trust()).state is State.REFUTED


def test_a_log_of_another_person_cannot_be_claimed() -> None:
    chain = MadeUpChain()
    mine, hers = Studio(), Studio(person=Person.called("she"))
    for studio in (mine, hers):
        studio.decide()
        studio.anchor(chain)
    claim = mine.claim()
    stages = tuple(replace(each, events=2 * each.events) for each in claim.report.stages)
    claim = replace(
        claim,
        logs=(mine.cover(), hers.cover()),
        report=replace(claim.report, stages=stages),
    )
    bundle = Bundle("full", mine.person.sign_claim(claim), (mine.part(), hers.part()))
    verdict = judge(mine.sealed(bundle), mine.trust())
    assert "claim signatures" in [
        line.name for line in verdict.checks.lines if line.state is State.REFUTED
    ]


def _rotated() -> Studio:
    studio, chain = Studio(), MadeUpChain()
    studio.decide()
    studio.anchor(chain)
    studio.roots.clear()
    studio.rotate(Person.called("artist, later"))
    studio.decide()
    studio.anchor(chain)
    return studio


def test_a_log_handed_over_by_a_rotation_is_verified() -> None:
    studio = _rotated()
    verdict = judge(studio.sealed(studio.bundle()), studio.trust())
    assert verdict.state is State.VERIFIED, verdict.checks.lines


def test_the_key_that_was_replaced_signs_no_more() -> None:
    studio = _rotated()
    old = Person.called("artist")
    claim = replace(studio.claim(), identity=old.identity.hex(), account=old.account.hex())
    bundle = Bundle("full", old.sign_claim(claim), (studio.part(),))
    verdict = judge(studio.sealed(bundle), studio.trust())
    assert verdict.state is State.REFUTED
    stolen = replace(studio.bundle(), signed=studio.person.sign_claim(studio.claim()))
    studio.person = old
    assert judge(studio.sealed(stolen), studio.trust()).state is State.REFUTED


def test_a_rotation_that_is_hidden_or_forged_is_refuted() -> None:
    studio = _rotated()
    part = studio.part()
    hidden = tuple(each for each in part.own_openings if each.work_seq == 0)
    bundle = replace(studio.bundle(), logs=(replace(part, own_openings=hidden),))
    assert judge(studio.sealed(bundle), studio.trust()).state is State.REFUTED
    # A thief of the log's key alone writes a rotation that no authority signed.
    taken, thief = Studio(), Person.called("thief")
    taken.decide()
    body = json.loads(studio.opened[OWN][-1].opening.value)
    body["identity_key"], body["account"] = thief.identity.hex(), thief.account.hex()
    forged = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    taken.say("key.rotate", {"body": forged}, work=OWN, show=("body",))
    taken.person = thief
    taken.anchor(MadeUpChain())
    verdict = judge(taken.sealed(taken.bundle()), taken.trust())
    assert [line.name for line in verdict.checks.lines if line.state is State.REFUTED] == ["log"]


def test_a_bundle_that_is_not_anchored_yet_is_undecided() -> None:
    studio = Studio()
    studio.decide()
    studio.anchor(MadeUpChain())
    head = replace(studio.heads[-1], block=None)
    part = replace(studio.part(), heads=(head,), anchorage=None, evidence=None)
    bundle = replace(studio.bundle(), logs=(part,))
    verdict = judge(studio.sealed(bundle), studio.trust())
    assert verdict.state is State.UNDECIDED
    assert verdict.sessions == ()


def test_more_rotations_than_a_reader_follows_are_refused_before_any_is_checked() -> None:
    studio = Studio()
    for _ in range(MAX_ROTATIONS + 1):
        studio.say("key.rotate", {"body": b"{}"}, work=OWN)
    studio.decide()
    studio.anchor(MadeUpChain())
    verdict = judge(studio.sealed(studio.bundle()), studio.trust())
    (says,) = [line.says for line in verdict.checks.lines if line.state is State.REFUTED]
    assert says == f"number of rotations is {MAX_ROTATIONS + 1}, want at most {MAX_ROTATIONS}"


def test_blocks_of_a_time_that_no_calendar_has_are_refuted_not_a_crash() -> None:
    for time in (253402300800, 2**63, 2**64 - 1):
        chain = MadeUpChain(block_time=lambda number, time=time: time)  # type: ignore[misc]  # bound
        studio = Studio()
        studio.decide()
        mined = studio.anchor(chain)
        assert check_evidence(parse_evidence(mined.evidence)).time == time
        if time < 2**53:
            assert judge(studio.sealed(studio.bundle()), studio.trust()).state is State.REFUTED


def test_the_roots_that_the_fixture_claims_are_those_of_rfc_6962(scene: Scene) -> None:
    leaves = [leaf_hash(data) for data in scene.bundle.logs[0].headers]
    assert scene.studio.cover().work_root == root_of(leaves).hex()
    assert isinstance(scene.bundle.logs[0].heads[0], Head)
    assert isinstance(scene.master, Audio)
