"""Sessions between two blocks, and the evidence levels that follow."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from time import process_time

import pytest
from tests.verify.altering import judge
from tests.verify.madeup_chain import CONTRACT, FIRST_TIME, MadeUpChain, Node
from tests.verify.studio import Studio

from stemproof.claim.logpart import Block
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.commitment import Opening
from stemproof.record.event import Header
from stemproof.verify.anchors import Anchored, check_anchors
from stemproof.verify.bounds import MAX_ASKED, bracket_sessions, parse_bound
from stemproof.verify.bundle import Verdict
from stemproof.verify.levels import LevelCount, LeveledLog, count_levels, level_of
from stemproof.verify.logs import CheckedLog, CheckedTree, check_log_part
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State

LATER = "1a" * 16


def _bound(chain: MadeUpChain, studio: Studio, **changes: Json) -> dict[str, Json]:
    """Tell what an honest node shows just now."""
    number = len(chain.hashes) - 1
    origin_id = hashlib.sha256(studio.origin.encode()).digest()
    word = chain.head_of(studio.person.account, origin_id)
    bound: dict[str, Json] = {
        "chain": chain.chain_id,
        "block_number": number,
        "block_hash": chain.hashes[number].hex(),
        "block_time": FIRST_TIME + 12 * number,
        "head": word.to_bytes(32, "big").hex(),
    }
    return {**bound, **changes}


def _finish(studio: Studio, chain: MadeUpChain, trust: Trust | None = None) -> Verdict:
    studio.decide()
    studio.anchor(chain)
    return judge(studio.sealed(studio.bundle()), studio.trust() if trust is None else trust)


def _levels(verdict: Verdict) -> dict[str, int]:
    return {each.level: each.events for each in verdict.levels}


def _begun() -> tuple[Studio, MadeUpChain]:
    """Anchor once, so that the slot holds a head, and let time pass."""
    studio, chain = Studio(), MadeUpChain()
    studio.decide()
    studio.anchor(chain)
    chain.mine(3)
    return studio, chain


def test_a_session_that_holds_a_head_of_the_slot_began_after_its_block() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio), LATER)
    chain.mine(5)
    studio.say("decision.param", {"body": b"{}"}, stage="mixing", session=LATER)
    verdict = _finish(studio, chain)
    assert verdict.state is State.VERIFIED
    assert [
        (
            each.session,
            each.not_before,
            each.not_before_block,
            each.not_after,
            each.not_after_block,
            each.rests_on,
        )
        for each in verdict.sessions
    ] == [(LATER, FIRST_TIME + 12, 1, FIRST_TIME + 12 * 10, 10, "head")]
    assert _levels(verdict) == {"E2": 2, "E3": 1}


def test_a_session_that_holds_the_parent_of_an_anchors_block_began_after_it() -> None:
    studio, chain = Studio(), MadeUpChain()
    chain.mine(4)
    studio.open_session(_bound(chain, studio))
    verdict = _finish(studio, chain)
    # The block is proved, its time is not.
    assert [
        (each.not_before, each.not_before_block, each.rests_on) for each in verdict.sessions
    ] == [(None, 4, "block")]
    assert _levels(verdict) == {"E3": 1}


def test_a_session_whose_block_a_node_confirms_began_after_it() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio, head="00" * 32))
    chain.mine(9)
    honest = Node("a", lambda chain_id, number: chain.hashes[number])
    trust = Trust({1: frozenset({CONTRACT})}, sources=(honest,))
    verdict = _finish(studio, chain, trust)
    assert [
        (each.not_before, each.not_before_block, each.rests_on) for each in verdict.sessions
    ] == [(FIRST_TIME + 12, 4, "node")]


def _no_bound(chain: MadeUpChain, studio: Studio) -> Json:
    return None


def _unconfirmed(chain: MadeUpChain, studio: Studio) -> Json:
    return _bound(chain, studio, head="00" * 32)


def _made_up(chain: MadeUpChain, studio: Studio) -> Json:
    return _bound(chain, studio, head="5c" * 32, block_hash="77" * 31 + "78")


def _of_another_chain(chain: MadeUpChain, studio: Studio) -> Json:
    return {**_bound(chain, studio), "chain": 5}


def _of_another_form(chain: MadeUpChain, studio: Studio) -> Json:
    return {"block": "0x12"}


def _not_an_object(chain: MadeUpChain, studio: Studio) -> Json:
    return [1, 2, 3]


@pytest.mark.parametrize(
    "make",
    [_no_bound, _unconfirmed, _made_up, _of_another_chain, _of_another_form, _not_an_object],
)
def test_a_bound_that_nothing_confirms_does_not_count_and_refutes_nothing(
    make: Callable[[MadeUpChain, Studio], Json],
) -> None:
    studio, chain = _begun()
    studio.open_session(make(chain, studio))
    chain.mine(5)
    verdict = _finish(studio, chain)
    assert verdict.state is State.VERIFIED
    assert (verdict.sessions, _levels(verdict)) == ((), {"E2": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"block_number": 7},
        {"block_number": 8},
        {"block_number": 2**53 - 1},
        {"block_time": FIRST_TIME + 12 * 7 + 1},
    ],
)
def test_a_bound_newer_than_the_anchor_that_covers_it_is_refuted(change: dict[str, Json]) -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio, **change))
    chain.mine(2)
    verdict = _finish(studio, chain)
    assert verdict.state is State.REFUTED
    assert [line.name for line in verdict.checks.lines if line.state is State.REFUTED] == [
        "time bounds"
    ]
    assert "E3" not in _levels(verdict)


def test_a_bound_at_the_edge_is_the_newest_that_can_be() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio, block_number=6, block_time=FIRST_TIME + 12 * 7))
    chain.mine(2)
    assert _finish(studio, chain).state is State.VERIFIED


def test_a_session_that_is_not_opened_in_the_bundle_has_no_bound() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio))
    studio.opened = {work: list(each) for work, each in studio.opened.items()}
    studio.opened[bytes.fromhex("5a" * 16)].clear()
    verdict = _finish(studio, chain)
    assert (verdict.state, verdict.sessions) == (State.VERIFIED, ())


def test_a_session_opened_again_holds_from_its_latest_opening_only() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio))
    studio.decide()
    studio.open_session(None)
    verdict = _finish(studio, chain)
    # The first decision stood before any session, the last in one without a bound.
    assert _levels(verdict) == {"E2": 2, "E3": 1}


def test_levels_do_not_rise_where_the_chain_is_undecided() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio))
    verdict = _finish(studio, chain, Trust({}))
    assert verdict.state is State.UNDECIDED
    assert (verdict.sessions, _levels(verdict)) == ((), {"E2": 2})


def test_nodes_are_asked_for_a_bounded_number_of_sessions() -> None:
    studio, chain = Studio(), MadeUpChain()
    chain.mine(3)
    bound = _bound(chain, studio)
    for number in range(MAX_ASKED + 20):
        studio.open_session(bound, f"{number:032x}")
    chain.mine(3)
    asked = []

    def answer(chain_id: int, number: int) -> bytes:
        asked.append(number)
        return chain.hashes[number]

    trust = Trust({1: frozenset({CONTRACT})}, sources=(Node("a", answer),))
    verdict = _finish(studio, chain, trust)
    assert (verdict.state, len(verdict.sessions)) == (State.VERIFIED, MAX_ASKED)
    assert len(asked) == MAX_ASKED + 1


@pytest.mark.parametrize(
    ("made", "chain_id", "want"),
    [
        # The session holds block 4, whose head is of block 1 at 08:00:12.
        ("2027-01-15T08:00:11.999Z", 1, State.REFUTED),
        ("1999-12-31T00:00:00.000Z", 1, State.REFUTED),
        ("2027-01-15T08:00:12.000Z", 1, State.VERIFIED),
        ("2999-12-31T00:00:00.000Z", 1, State.VERIFIED),
        # The clock of a private chain says nothing of the day.
        ("1999-12-31T00:00:00.000Z", 31337, State.VERIFIED),
    ],
)
def test_a_claim_made_before_a_session_that_it_covers_is_refuted(
    made: str, chain_id: int, want: State
) -> None:
    studio, chain = Studio(), MadeUpChain(chain_id=chain_id)
    studio.decide()
    studio.anchor(chain)
    chain.mine(3)
    studio.open_session(_bound(chain, studio))
    studio.anchor(chain)
    claim = replace(studio.claim(), made=made)
    bundle = replace(studio.bundle(), signed=studio.person.sign_claim(claim))
    verdict = judge(studio.sealed(bundle), studio.trust())
    assert (verdict.state, len(verdict.sessions)) == (want, 1)
    says = [line.says for line in verdict.checks.lines if line.state is State.REFUTED]
    assert all(made in each and "event 1" in each for each in says)


def test_made_is_not_judged_by_a_session_of_a_block_that_nobody_confirmed() -> None:
    studio, chain = _begun()
    studio.open_session(_bound(chain, studio))
    studio.anchor(chain)
    claim = replace(studio.claim(), made="1999-12-31T00:00:00.000Z")
    bundle = replace(studio.bundle(), signed=studio.person.sign_claim(claim))
    verdict = judge(studio.sealed(bundle), Trust({1: frozenset({CONTRACT})}))
    assert verdict.state is State.UNDECIDED


def _made_up_log(heads: int, sessions: int) -> tuple[CheckedLog, Anchored]:
    """Make a log, already checked, of so many anchors and sessions between them."""
    studio, _ = _begun()
    part = studio.part()
    log = check_log_part(part, bytes.fromhex("5a" * 16))
    whole = check_anchors(part, log)
    (head,) = log.heads
    words = tuple(2**255 + place for place in range(heads))
    body: dict[str, Json] = {"chain": 1, "block_number": 0, "block_time": 0}
    body["block_hash"] = "00" * 32
    first, headers, openings = log.work.headers[0], [], {}
    for seq in range(sessions):
        # Of earlier heads, the newest and the oldest; and of none.
        earlier = seq * heads // sessions - 1
        word = [words[earlier], words[0], 7][seq % 3] if earlier >= 0 else 0
        value = canonical_bytes({"after": {**body, "head": f"{word:064x}"}})
        opening = Opening("body", bytes(16), value)
        openings[seq, "body"] = opening
        headers.append(first._replace(action="session.open", session=f"{seq:032x}"))
    made = tuple(
        replace(
            head,
            head=replace(
                head.head,
                work_size=(place + 1) * sessions // heads,
                # Times of blocks are not in order everywhere.
                block=Block(10 * place + 1, 100 * (place ^ 1) + 1, b"%032d" % place),
            ),
        )
        for place in range(heads)
    )
    tree = CheckedTree(tuple(headers), {}, openings)
    return replace(log, work=tree, heads=made), replace(whole, words=words)


def test_bounds_are_those_that_a_scan_of_every_head_finds() -> None:
    log, anchored = _made_up_log(30, 61)
    found = bracket_sessions(log, anchored, 61, Trust({})).sessions
    blocks = [head.head.block for head in log.heads if head.head.block is not None]
    want = []
    for seq in range(61):
        word = parse_bound(log.work.openings[seq, "body"].value)
        covering = next(n for n, head in enumerate(log.heads) if head.head.work_size > seq)
        if word is not None and word.head in anchored.words[:covering]:
            at = blocks[anchored.words.index(word.head)].number
            times = [block.time for block in blocks if block.number <= at]
            want.append((seq, at, max(times), blocks[covering].number, blocks[covering].time))
    assert len(want) > 30
    assert want == [
        (e.work_seq, e.not_before_block, e.not_before, e.not_after_block, e.not_after)
        for e in found
    ]


# A ratio of two short times fails by chance on a busy machine, so it is not in the quick run.
@pytest.mark.deep
def test_twice_the_heads_and_sessions_take_twice_the_time_not_four_times() -> None:
    def measure(heads: int) -> float:
        log, anchored = _made_up_log(heads, 2 * heads)
        took = []
        for _ in range(3):
            before = process_time()
            bracket_sessions(log, anchored, 2 * heads, Trust({}))
            took.append(process_time() - before)
        return min(took)

    # Scanning heads for each session gives 4, and seconds.
    assert measure(3000) < 2.9 * measure(1500)


def _header(**changes: str) -> Header:
    studio = Studio()
    studio.decide()
    from stemproof.record.event import parse_header

    header = parse_header(studio.trees[bytes.fromhex("5a" * 16)][0])
    return header._replace(**changes)  # type: ignore[arg-type]  # texts only


@pytest.mark.parametrize(
    ("observed", "is_bound", "is_bracketed", "level"),
    [
        ("declared", True, True, "E0"),
        ("declared", False, False, "E0"),
        ("tool", False, True, "E1"),
        ("tool", False, False, "E1"),
        ("tool", True, False, "E2"),
        ("tool", True, True, "E3"),
        # E5 is reserved until there is hardware that can show itself.
        ("hardware", True, True, "E3"),
    ],
)
def test_the_level_follows_from_observation_binding_and_bounds(
    observed: str, is_bound: bool, is_bracketed: bool, level: str
) -> None:
    header = _header(observed=observed)
    assert level_of(header, is_bound=is_bound, is_bracketed=is_bracketed) == level


def test_levels_are_counted_by_stage_and_class_and_never_for_facts_about_the_record() -> None:
    headers = [_header(stage=stage) for stage in ("mixing", "lyrics", "none", "mixing")]
    headers.append(_header(stage="mixing", class_="human"))
    counts = count_levels([LeveledLog(headers, True), LeveledLog(headers[:1], False)])
    assert counts == (
        LevelCount("lyrics", "human_with_tool", "E2", 1),
        LevelCount("mixing", "human", "E2", 1),
        LevelCount("mixing", "human_with_tool", "E1", 1),
        LevelCount("mixing", "human_with_tool", "E2", 2),
    )
