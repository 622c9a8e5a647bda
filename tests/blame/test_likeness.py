"""The notes of a clip against those that a generator gave."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from stemproof.blame.likeness import MIN_NOTES, keys_of, same_notes
from stemproof.capture.sessions.model import Clip, ClipKind, Moment, Note

TUNE = tuple(
    Note(60 + (7 * n) % 12, 480 * n + 60 * (n % 3), 240 + 30 * (n % 2), 90) for n in range(16)
)


def clip(notes: tuple[Note, ...], ppq: int = 480) -> Clip:
    zero = Moment(Fraction(0))
    return Clip(ClipKind.NOTES, "", zero, zero, notes=notes, ppq=ppq)


@given(st.integers(0, 96), st.sampled_from([480, 960]))
def test_what_was_placed_elsewhere_and_played_softer_is_the_same(shift: int, ppq: int) -> None:
    scale = ppq // 480
    moved = tuple(
        Note(n.pitch, (n.start + 240 * shift) * scale, n.length * scale, 40) for n in TUNE
    )
    assert same_notes(clip(moved, ppq), keys_of(TUNE, 480)) == frozenset(range(16))


def test_an_edited_note_is_not_the_machine_s() -> None:
    edited = (*TUNE[:5], TUNE[5]._replace(pitch=90), *TUNE[6:])
    assert same_notes(clip(edited), keys_of(TUNE, 480)) == frozenset(range(16)) - {5}


def test_a_few_notes_in_common_tell_nothing() -> None:
    other = tuple(n._replace(pitch=n.pitch + 30) for n in TUNE[MIN_NOTES - 1 :])
    assert same_notes(clip((*TUNE[: MIN_NOTES - 1], *other)), keys_of(TUNE, 480)) == frozenset()


def test_a_transposed_melody_is_another_one() -> None:
    higher = tuple(n._replace(pitch=n.pitch + 1) for n in TUNE)
    found = same_notes(clip(higher), keys_of(TUNE, 480))
    assert len(found) < 16


def test_half_a_clip_or_less_tells_nothing() -> None:
    long = TUNE + tuple(n._replace(start=n.start + 480 * 40, pitch=30) for n in TUNE * 2)
    given_notes = (*TUNE[:8], *(n._replace(pitch=100 + n.pitch % 20) for n in TUNE * 2))
    assert same_notes(clip(long), keys_of(given_notes, 480)) == frozenset()
