"""What holds for every session: permutations change nothing, decisions lead from a to b."""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.diff import diff
from stemproof.capture.match import find_reordered, pair_things
from stemproof.capture.notes import NoteChange, compare_notes
from stemproof.capture.sessions.model import Note
from stemproof.capture.sessions.numbers import is_same_number, parse_decimal
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.rpp_text import split_words
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures"
MMP = (FIXTURES / "lmms/track_added/after.mmp").read_text()
RPP_SAVES = sorted(FIXTURES.glob("rpp/*/after.rpp"))
RPP = (FIXTURES / "rpp/send_added/after.rpp").read_text()

NOTES = st.builds(
    Note,
    pitch=st.integers(0, 127),
    start=st.integers(0, 40).map(lambda n: n * 24),
    length=st.sampled_from((12, 24, 48)),
    velocity=st.sampled_from((64, 100)),
)
CLIPS = st.lists(NOTES, max_size=24)


def replay(before: list[Note], after: list[Note], changes: list[NoteChange]) -> Counter[Note]:
    """Carry the reported changes out: what no change touches must be common to both."""
    touched_after = Counter[Note]()
    removed = Counter[Note]()
    for change in changes:
        if change.kind == "removed":
            removed.update(change.notes)
        else:
            touched_after.update(change.notes[: len(change.notes) - change.again])
    untouched = Counter(after) - touched_after
    assert not untouched - Counter(before), "a note appeared without a change"
    assert not removed - Counter(before), "a note was removed that never was"
    return untouched + touched_after


@given(CLIPS, CLIPS, st.sampled_from((0, 12, 240)))
def test_note_changes_lead_from_the_one_to_the_other(
    before: list[Note], after: list[Note], near: int
) -> None:
    changes = compare_notes(before, after, near=near)
    assert replay(before, after, changes) == Counter(after)
    balance = sum(len(c.notes) for c in changes if c.kind == "added")
    balance -= sum(len(c.notes) for c in changes if c.kind == "removed")
    assert len(before) + balance == len(after)


@given(CLIPS)
def test_equal_notes_in_any_order_are_no_change(notes: list[Note]) -> None:
    assert compare_notes(notes, notes[::-1]) == []


@given(st.lists(NOTES, min_size=1, max_size=24), st.integers(-24, 24), st.integers(-20, 20))
def test_a_uniform_shift_is_one_change(notes: list[Note], pitch: int, steps: int) -> None:
    moved = [n._replace(pitch=n.pitch + pitch, start=n.start + steps * 7) for n in notes]
    changes = compare_notes(notes, moved)
    if pitch == 0 and steps == 0:
        assert changes == []
    else:
        assert [c.kind for c in changes] == ["transposed" if pitch else "moved"]
        assert changes[0].amount == (pitch or steps * 7)


def test_a_scale_moved_up_a_step_is_transposed_as_a_whole() -> None:
    scale = [Note(60 + n, 0, 24, 100) for n in range(6)]
    higher = [n._replace(pitch=n.pitch + 1) for n in scale]
    (change,) = compare_notes(scale, higher)
    assert (change.kind, change.amount, len(change.notes)) == ("transposed", 1, 6)


def told(before: list[Note], after: list[Note]) -> list[tuple[str, int, int | None]]:
    changes = compare_notes(before, after, near=24)
    return [(c.kind, len(c.notes), c.amount) for c in changes]


PART = [Note(60 + n % 5, n * 48, 24, 80 + n) for n in range(16)]


def test_quantised_notes_have_moved() -> None:
    loose = [n._replace(start=n.start + (n.start * 7) % 11 - 5) for n in PART]
    assert told(loose, PART) == [
        ("moved", sum(a != b for a, b in zip(loose, PART, strict=True)), None)
    ]


def test_notes_moved_and_played_anew_are_the_same_notes() -> None:
    later = [n._replace(start=n.start + 96, velocity=100) for n in PART]
    assert told(PART, later) == [("moved", 16, 96), ("velocity", 16, None)]


def test_notes_made_longer_and_louder_stay_where_they_are() -> None:
    other = [n._replace(length=36, velocity=n.velocity + 9) for n in PART]
    assert told(PART, other) == [("velocity", 16, 9), ("resized", 16, 12)]


def test_a_transposition_of_some_notes_is_told_of_those() -> None:
    some = [n._replace(pitch=n.pitch + 12) if n.start < 384 else n for n in PART]
    assert told(PART, some) == [("transposed", 8, 12)]


def test_added_notes_are_not_mistaken_for_moves() -> None:
    before = [Note(60 + n, n * 48, 24, 100) for n in range(3)]
    after = [Note(80, n * 24, 24, 100) for n in range(17)]
    kinds = {c.kind: len(c.notes) for c in compare_notes(before, after)}
    assert kinds == {"removed": 3, "added": 17}


@given(st.lists(st.integers(0, 6), max_size=14), st.lists(st.integers(0, 6), max_size=14))
def test_pairs_are_one_to_one_and_complete(before: list[int], after: list[int]) -> None:
    pairing = pair_things(before, after, (lambda n: n,))
    assert all(before[i] == after[j] for i, j in pairing.pairs)
    assert sorted([i for i, _ in pairing.pairs] + list(pairing.removed)) == list(range(len(before)))
    assert sorted([j for _, j in pairing.pairs] + list(pairing.added)) == list(range(len(after)))
    assert len(pairing.pairs) == (Counter(before) & Counter(after)).total()


@given(st.permutations(range(9)))
def test_what_is_not_reordered_stands_in_its_old_order(order: list[int]) -> None:
    pairs = [(old, new) for new, old in enumerate(order)]
    moved = find_reordered(pairs)
    stayed = [old for old, new in pairs if new not in moved]
    assert stayed == sorted(stayed)
    assert len(moved) < 9 and (not moved) == (list(order) == sorted(order))


@given(st.integers(0, 2**32))
def test_shuffled_attributes_are_no_decision(seed: int) -> None:
    dice = random.Random(seed)

    def shuffled(match: re.Match[str]) -> str:
        attributes = re.findall(r'[\w-]+="[^"]*"', match[2])
        dice.shuffle(attributes)
        return f"<{match[1]} {' '.join(attributes)}{match[3]}"

    other = re.sub(r'<(\w[\w-]*) ((?:[\w-]+="[^"]*"\s*)+)(/?>)', shuffled, MMP)
    assert diff(read_session("a.mmp", MMP.encode()), read_session("b.mmp", other.encode())) == []


@given(st.permutations(range(3)))
def test_reaper_tracks_in_another_order_have_only_moved(order: list[int]) -> None:
    # Without the sends, which REAPER stores by index.
    text = re.sub(r" *AUXRECV .*\n", "", RPP)
    head, *tracks = re.split(r"(?m)^(?=  <TRACK )", text.removesuffix(">\n"))
    other = head + "".join(tracks[i] for i in order) + ">\n"
    decisions = diff(read_session("a.rpp", text.encode()), read_session("b.rpp", other.encode()))
    assert {d.kind for d in decisions} <= {"track.reordered"}
    assert bool(decisions) == (list(order) != [0, 1, 2])


@pytest.mark.parametrize("path", RPP_SAVES, ids=lambda p: p.parent.name)
def test_other_identities_of_everything_in_reaper_are_no_decision(path: Path) -> None:
    text = path.read_text()
    renewed = re.sub(
        r"\{[0-9A-Fa-f-]{36}\}",
        lambda m: f"{{{hashlib.md5(m[0].encode()).hexdigest().upper()}}}",  # noqa: S324 - no secret
        text,
    )
    one, two = (read_session("a.rpp", save.encode()) for save in (text, renewed))
    assert one.tracks != two.tracks
    assert diff(one, two) == []


@given(st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-2))
def test_seven_good_digits_are_one_number(number: float) -> None:
    assert is_same_number(repr(number), f"{number:.7g}")
    assert not is_same_number(repr(number), repr(number * 1.001))


@given(st.text(max_size=30))
def test_a_number_is_read_exactly_or_refused(text: str) -> None:
    try:
        number = parse_decimal(text, "x")
    except BadInput:
        return
    assert text.isascii() and not set(text) - set("0123456789+-.eE")
    assert abs(float(number) - float(text)) <= 1e-9 * max(1, abs(float(text)))


@given(
    st.lists(st.text(st.characters(codec="ascii", exclude_characters="\"'` \t\r\n"), min_size=1))
)
def test_quoted_words_come_back_as_they_were(words: list[str]) -> None:
    line = " ".join(f"{q}{w} x{q}" for w, q in zip(words, "\"'`" * len(words), strict=False))
    assert split_words(line) == [f"{w} x" for w in words]
