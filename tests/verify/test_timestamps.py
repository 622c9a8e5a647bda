"""Timestamps in bundles: what they date, whom they need, and what is refused."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from tests.evidence.local_calendar import Calendar
from tests.evidence.local_tsa import DAY, Wish, make_tsa
from tests.verify.altering import alterations, judge, put_together, take_apart
from tests.verify.stamped import (
    Witnesses,
    heavy_proof,
    judged,
    notes_of,
    with_stamps,
    without_chain,
)
from tests.verify.studio import Scene, make_scene

from stemproof.claim.stamps import MAX_TOKENS, OTS, RFC3161, Stamp, format_stamps, parse_stamps
from stemproof.errors import BadInput, Malformed, Refuted, Undecided, Usage
from stemproof.evidence.otswork import MAX_OPERATIONS, Budget
from stemproof.evidence.rfc3161 import tidy_token
from stemproof.verify.policy import KINDS, Policy, parse_policy
from stemproof.verify.timestamps import check_ots
from stemproof.verify.trust import Trust, parse_trust
from stemproof.verify.verdict import State

ANY = Policy(1, KINDS)
TSA = Policy(1, (RFC3161,))
BITCOIN = Policy(1, (OTS,))
BOTH = Policy(2, (RFC3161, OTS))


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A small honest bundle."""
    return make_scene()


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> Witnesses:
    """An authority and a calendar that has one block."""
    made = Witnesses(
        make_tsa(tmp_path_factory.mktemp("tsa"), Wish(ec=True)),
        Calendar(url="https://alice.example"),
    )
    made.proof(1, b"the first")
    return made


@pytest.fixture(scope="module")
def newest(scene: Scene) -> tuple[int, bytes]:
    """The size and note of the head that the claim rests on."""
    return list(notes_of(scene).items())[-1]


def _says(verdict: object, name: str) -> list[str]:
    return [line.says for line in verdict.checks.lines if line.name == name]  # type: ignore[attr-defined]  # a Verdict


def test_a_token_alone_dates_a_log_that_is_on_no_chain(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    stamp = witnesses.token(*newest)
    bundle = without_chain(scene, [newest[0]], [stamp])
    verdict = judged(scene, bundle, witnesses.trust(), TSA)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    (dated,) = verdict.dated
    assert verdict.not_after == dated.not_after
    (line,) = _says(verdict, "timestamp")
    assert "according to TSA 'CN=Test TSA' (certificate " in line
    assert "no chain shows" in " ".join(_says(verdict, "policy"))


def test_a_bitcoin_proof_alone_dates_a_log_that_is_on_no_chain(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    bundle = without_chain(scene, [newest[0]], [witnesses.proof(*newest)])
    verdict = judged(scene, bundle, witnesses.trust(), BITCOIN)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    assert verdict.not_after == witnesses.calendar.time + 7200


def test_by_default_only_the_chain_counts(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    bundle = without_chain(scene, [newest[0]], [witnesses.token(*newest)])
    verdict = judged(scene, bundle, witnesses.trust())
    assert verdict.state is State.UNDECIDED
    deciding = [line for line in verdict.checks.lines if line.state is State.UNDECIDED]
    assert [line.name for line in deciding] == ["chain evidence"]
    assert "--policy" in deciding[0].hint


@pytest.mark.parametrize("policy", [TSA, BITCOIN, BOTH, ANY])
def test_without_trust_of_the_verifiers_own_it_is_undecided(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes], policy: Policy
) -> None:
    stamps = [witnesses.token(*newest), witnesses.proof(*newest)]
    bundle = without_chain(scene, [newest[0]], stamps)
    verdict = judged(scene, bundle, Trust({}), policy)
    assert verdict.state is State.UNDECIDED
    assert verdict.not_after is None


def test_k_of_n_gives_the_time_by_which_k_agree(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    stamps = [witnesses.token(*newest), witnesses.proof(*newest)]
    verdict = judged(scene, with_stamps(scene, *stamps), _all(scene, witnesses), Policy(3, KINDS))
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    assert scene.studio.mined is not None
    times = sorted([scene.studio.mined.time, *(each.not_after for each in verdict.dated)])
    for need in (1, 2, 3):
        policy = Policy(need, KINDS)
        again = judged(scene, with_stamps(scene, *stamps), _all(scene, witnesses), policy)
        assert again.not_after == times[need - 1]


def test_one_witness_short_is_undecided_and_says_which_is_there(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    bundle = with_stamps(scene, witnesses.token(*newest), witnesses.promise(*newest))
    verdict = judged(scene, bundle, _all(scene, witnesses), Policy(3, KINDS))
    assert verdict.state is State.UNDECIDED
    assert _says(verdict, "policy")[0].endswith("they do: evm, rfc3161")
    assert any("is pending" in says for says in _says(verdict, "timestamp"))


def test_what_is_not_needed_is_a_note(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    bundle = with_stamps(scene, witnesses.token(*newest), witnesses.promise(*newest))
    verdict = judged(scene, bundle, scene.trust)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    states = {line.state for line in verdict.checks.lines if line.name == "timestamp"}
    assert states == {State.NOTE}
    unsure = replace(witnesses.trust(), contracts=scene.trust.contracts)
    verdict = judged(scene, bundle, unsure, ANY)
    assert verdict.state is State.VERIFIED, verdict.checks.lines


@pytest.mark.parametrize("policy", [BITCOIN, ANY, Policy(1, ("evm", OTS))])
def test_a_chain_that_nobody_confirmed_shows_nothing_beside_a_timestamp(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes], policy: Policy
) -> None:
    bundle = with_stamps(scene, witnesses.proof(*newest))
    verdict = judged(scene, bundle, replace(_all(scene, witnesses), blocks=frozenset()), policy)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    assert verdict.not_after == witnesses.calendar.time + 7200
    chain = {"chain evidence", "contract", "canonical block", "time bounds"}
    lines = [line for line in verdict.checks.lines if line.name in chain]
    assert {line.name: line.state for line in lines} == dict.fromkeys(chain, State.NOTE)
    assert all(line.says.startswith(("not confirmed", "nobody was asked")) for line in lines)
    (bracket,) = verdict.brackets
    assert (bracket.is_confirmed, bracket.not_after) == (False, None)
    assert verdict.sessions == ()
    assert all(count.level != "E3" for count in verdict.levels)
    # The very same chain, confirmed.
    verdict = judged(scene, bundle, _all(scene, witnesses), policy)
    states = {line.state for line in verdict.checks.lines if line.name == "chain evidence"}
    assert states == {State.VERIFIED}
    assert verdict.brackets[0].is_confirmed


def test_a_timestamp_of_less_than_the_claim_covers_does_not_count(
    scene: Scene, witnesses: Witnesses
) -> None:
    (first, note), *_, (last, _) = list(notes_of(scene).items())[1:]
    verdict = judged(
        scene, with_stamps(scene, witnesses.token(first, note)), _all(scene, witnesses), TSA
    )
    assert first < last
    assert verdict.state is State.UNDECIDED
    assert [line.state for line in verdict.checks.lines if line.name == "timestamp"] == [
        State.VERIFIED
    ]


def test_an_anchor_of_less_than_the_claim_covers_does_not_count(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    studio = make_scene().studio
    assert studio.mined is not None and studio.chain is not None
    before, contract = studio.mined, studio.chain.contract
    studio.decide()
    studio.anchor(scene.chain)
    part = studio.part()
    # The last head is stamped, and its anchor left out.
    last = replace(part.heads[-1], block=None)
    size = int(last.note.split(b"\n")[1])
    part = replace(
        part,
        heads=(*part.heads[:-1], last),
        evidence=before.evidence,
        stamps=(witnesses.token(size, last.note),),
    )
    bundle = replace(studio.bundle(), logs=(part,))
    trust = replace(
        witnesses.trust(),
        contracts={1: frozenset({contract})},
        blocks=frozenset({before.hash}),
    )
    verdict = judge(studio.sealed(bundle), trust)
    assert verdict.state is State.UNDECIDED, verdict.checks.lines
    assert any("the claim rests on" in says for says in _says(verdict, "chain evidence"))
    verdict = judge(studio.sealed(bundle), replace(trust, policy=ANY))
    assert verdict.state is State.VERIFIED, verdict.checks.lines


def test_earlier_checkpoints_can_be_shown_with_their_own_timestamps(
    scene: Scene, witnesses: Witnesses
) -> None:
    notes = notes_of(scene)
    stamps = [witnesses.token(size, note) for size, note in notes.items()]
    bundle = without_chain(scene, notes, stamps)
    verdict = judged(scene, bundle, witnesses.trust(), TSA)
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    assert [each.size for each in verdict.dated] == list(notes)
    bare = without_chain(scene, notes, stamps[1:])
    verdict = judged(scene, bare, witnesses.trust(), TSA)
    assert verdict.state is State.REFUTED
    assert _says(verdict, "log") == [f"nothing dates checkpoint {next(iter(notes))}"]


def test_a_timestamp_of_something_else_is_refuted_whatever_the_policy(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    size, note = newest
    for stamp in (
        witnesses.token(size, note + b"x"),
        witnesses.proof(size, note + b"x"),
        witnesses.token(size + 1, note),
        Stamp(size, RFC3161, (b"no token",)),
        Stamp(size, OTS, (b"no proof",)),
    ):
        verdict = judged(scene, with_stamps(scene, stamp), _all(scene, witnesses))
        assert verdict.state is State.REFUTED, stamp
        deciding = [line for line in verdict.checks.lines if line.state is State.REFUTED]
        assert [line.name for line in deciding] == ["timestamp"]


def test_a_proof_that_leads_to_another_root_than_the_named_block_is_refuted(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    bundle = without_chain(scene, [newest[0]], [witnesses.proof(*newest)])
    other = replace(witnesses.block, merkle_root=bytes(32))
    verdict = judged(scene, bundle, witnesses.trust(bitcoin={other.height: other}), BITCOIN)
    assert verdict.state is State.REFUTED


def test_a_renewal_keeps_the_first_date(
    scene: Scene,
    newest: tuple[int, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    witnesses: Witnesses,
) -> None:
    size, note = newest
    short = make_tsa(tmp_path_factory.mktemp("short"), Wish(ec=True, before=2 * DAY, name="Short"))
    first = tidy_token(short.stamp(note))
    renewal = tidy_token(witnesses.tsa.stamp(note + first))
    now = int(short.leaf.certificate.not_valid_after_utc.timestamp()) + 1
    roots = (short.root.der, witnesses.tsa.root.der)

    def dated(*tokens: bytes, **changes: object) -> tuple[State, int | None, str]:
        bundle = without_chain(scene, [size], [Stamp(size, RFC3161, tokens)])
        trust = witnesses.trust(**{"tsa_roots": roots, "now": now, **changes})
        verdict = judged(scene, bundle, trust, TSA)
        (line,) = _says(verdict, "timestamp")
        return verdict.state, verdict.not_after, line

    state, _, line = dated(first, now=now - DAY.total_seconds())
    assert state is State.VERIFIED and "CN=Short" in line
    state, _, line = dated(first)
    assert state is State.UNDECIDED and "nothing renewed" in line
    state, time, line = dated(first, renewal)
    assert state is State.VERIFIED and "CN=Short" in line
    # Whoever does not count the first authority has the date of the second.
    state, later, line = dated(first, renewal, tsa_roots=roots[1:])
    assert state is State.VERIFIED and "CN=Test TSA" in line
    assert time is not None and later is not None and time <= later
    state, _, _ = dated(first, tidy_token(witnesses.tsa.stamp(note)))
    assert state is State.REFUTED
    state, _, _ = dated(renewal, first)
    assert state is State.REFUTED


def test_all_proofs_of_a_bundle_share_one_budget(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    one, two = (heavy_proof(*newest, seed) for seed in range(2))
    token = witnesses.token(*newest)
    trust = witnesses.trust()
    assert judged(scene, with_stamps(scene, token, one), trust, TSA).state is State.VERIFIED
    begin = time.process_time()
    verdict = judged(scene, with_stamps(scene, token, one, two), trust, TSA)
    assert verdict.state is State.REFUTED
    (line,) = [each for each in verdict.checks.lines if each.state is State.REFUTED]
    assert "work of all OpenTimestamps proofs together" in line.says
    assert time.process_time() - begin < 5


def test_a_proof_of_something_else_is_refuted_before_it_is_run(newest: tuple[int, bytes]) -> None:
    budget = Budget()
    size, note = newest
    with pytest.raises(Refuted, match="is of the digest"):
        check_ots(heavy_proof(size, note + b"x", 0).proofs[0], note, Trust({}), budget)
    assert budget == Budget()
    with pytest.raises(Undecided, match="rests on nothing"):
        check_ots(heavy_proof(size, note, 0).proofs[0], note, Trust({}), budget)
    assert budget.operations == MAX_OPERATIONS - 7 * (1 + 2 * 256)


def test_no_value_in_the_member_can_be_altered(
    scene: Scene, witnesses: Witnesses, newest: tuple[int, bytes]
) -> None:
    stamps = [witnesses.token(*newest), witnesses.proof(*newest)]
    sealed = scene.studio.sealed(with_stamps(scene, *stamps))
    members = take_apart(sealed)
    trust = replace(_all(scene, witnesses), policy=Policy(3, KINDS))
    assert judge(sealed, trust).state is State.VERIFIED
    for altered in alterations("log00/stamps.json", members["log00/stamps.json"]):
        changed = {**members, altered.member: altered.data}
        verdict = judge(put_together(changed, scene.studio.person.sign), trust)
        assert verdict.state is not State.VERIFIED, altered.where


def test_stamps_are_read_as_they_are_written() -> None:
    stamps = (Stamp(1, OTS, (b"a",)), Stamp(1, RFC3161, (b"b", b"c")), Stamp(2, OTS, (b"a",)))
    assert parse_stamps(format_stamps(stamps)) == stamps


@pytest.mark.parametrize(
    "text",
    [
        '{"stamps":[],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"00","size":1}],"v":0} ',
        '{"stamps":[{"kind":"ots","proof":"","size":1}],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"0","size":1}],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"AA","size":1}],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"00","size":-1}],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"00","size":1,"x":0}],"v":0}',
        '{"stamps":[{"kind":"other","proof":"00","size":1}],"v":0}',
        '{"stamps":[{"kind":"rfc3161","size":1,"tokens":[]}],"v":0}',
        '{"stamps":[{"kind":"rfc3161","proof":"00","size":1}],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"00","size":2},{"kind":"ots","proof":"00","size":1}],"v":0}',
        '{"stamps":[{"kind":"ots","proof":"00","size":1},{"kind":"ots","proof":"00","size":1}],"v":0}',
        json.dumps({"stamps": [{}] * 1000, "v": 0}, separators=(",", ":")),
    ],
)
def test_stamps_in_another_form_are_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_stamps(text.encode())


def test_too_many_renewals_are_malformed() -> None:
    with pytest.raises(Malformed):
        parse_stamps(format_stamps([Stamp(1, RFC3161, (b"a",) * (MAX_TOKENS + 1))]))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("evm", Policy()),
        ("ots", BITCOIN),
        ("evm,rfc3161,ots", ANY),
        ("2 of rfc3161, ots", BOTH),
        ("3 of evm,rfc3161,ots", Policy(3, KINDS)),
    ],
)
def test_a_policy_is_read_as_people_type_it(text: str, want: Policy) -> None:
    assert parse_policy(text) == want
    assert parse_policy(str(want)) == want


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tsa",
        "evm,evm",
        "0 of evm",
        "2 of evm",
        "two of evm,ots",
        "9 of evm",
        "1 of",
        "-1 of evm",
    ],
)
def test_a_policy_that_cannot_mean_anything_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_policy(text)


def test_a_trust_file_names_authorities_blocks_and_a_policy(witnesses: Witnesses) -> None:
    header = witnesses.calendar.header
    block = witnesses.block
    file = parse_trust(
        json.dumps(
            {
                "v": 0,
                "tsa": [{"name": "ours", "pem": witnesses.tsa.root.pem.decode()}],
                "bitcoin": [
                    {"height": block.height, "header": header.hex()},
                    {"height": 7, "merkle_root": block.merkle_root[::-1].hex(), "time": 9},
                ],
                "bitcoin_difficulty": 0,
                "policy": {"need": 2, "of": ["rfc3161", "ots"]},
            }
        ).encode()
    )
    assert file.tsa == (witnesses.tsa.root.der,)
    assert file.bitcoin[0] == block
    assert (file.bitcoin[1].height, file.bitcoin[1].merkle_root) == (7, block.merkle_root)
    assert file.policy == BOTH
    assert file.min_difficulty == 0


@pytest.mark.parametrize(
    "members",
    [
        {"bitcoin": [{"height": 1, "header": "00"}]},
        {"bitcoin": [{"height": 1, "header": "00" * 80}]},
        {"bitcoin": [{"height": 1}]},
        {"bitcoin": [{"height": 2**40, "merkle_root": "00" * 32, "time": 1}]},
        {"tsa": [{"name": "x", "pem": "nothing"}]},
        {"tsa": [{"pem": "nothing"}]},
        {"policy": {"need": 3, "of": ["evm"]}},
        {"policy": {"need": 1}},
        {"policy": "evm"},
        {"bitcoin_difficulty": -1},
        {"timestamps": []},
    ],
)
def test_a_slip_in_a_trust_file_is_told(members: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        parse_trust(json.dumps({"v": 0, **members}).encode())


def _all(scene: Scene, witnesses: Witnesses) -> Trust:
    """Trust the chain, the authority and the block."""
    return replace(
        scene.trust,
        tsa_roots=(witnesses.tsa.root.der,),
        bitcoin={witnesses.block.height: witnesses.block},
    )
