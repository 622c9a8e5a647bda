"""Words and signs of one clip compared: lyrics verse by verse, chord symbols, dynamics.

One decision for each kind and verse: added, removed, changed, or moved where the same signs
stand elsewhere. Linear but for sorting.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

from .decision import Change
from .sentences import plain
from .sessions.model import Clip
from .sessions.signs import Sign, SignKind
from .timeline import Timeline

_NOUNS = {
    SignKind.LYRICS: ("syllable", "syllables"),
    SignKind.CHORDS: ("chord symbol", "chord symbols"),
    SignKind.DYNAMICS: ("dynamic", "dynamics"),
    SignKind.ARTICULATIONS: ("articulation", "articulations"),
    SignKind.DIRECTIONS: ("direction", "directions"),
}
_LONGEST = 48


def compare_signs(label: str, line: Timeline, one: Clip, two: Clip) -> list[Change]:
    """List what changed of a clip's signs, one change a kind and verse."""
    if one.signs == two.signs:
        return []
    before, after = _by_line(one.signs), _by_line(two.signs)
    origin = float(two.position.value)
    found = []
    for key in sorted(before.keys() | after.keys()):
        change = _compare_line(label, line, origin, (before.get(key, []), after.get(key, [])))
        if change is not None:
            found.append(change)
    return found


def added_signs(label: str, line: Timeline, clip: Clip) -> list[Change]:
    """List the signs of a clip that came as a whole."""
    origin = float(clip.position.value)
    lines = sorted(_by_line(clip.signs).items())
    changes = (_compare_line(label, line, origin, ([], signs)) for _, signs in lines)
    return [change for change in changes if change is not None]


def _by_line(signs: Sequence[Sign]) -> dict[tuple[SignKind, int], list[Sign]]:
    found: defaultdict[tuple[SignKind, int], list[Sign]] = defaultdict(list)
    for sign in signs:
        found[sign.kind, sign.line].append(sign)
    return found


def _compare_line(
    label: str, line: Timeline, origin: float, both: tuple[list[Sign], list[Sign]]
) -> Change | None:
    one, two = Counter(both[0]), Counter(both[1])
    gone = sorted((one - two).elements(), key=_order)
    come = sorted((two - one).elements(), key=_order)
    if not gone and not come:
        return None
    sample = (come or gone)[0]
    verse = f" of verse {sample.line}" if sample.line > 1 else ""
    noun = "lyrics" if sample.kind is SignKind.LYRICS else _NOUNS[sample.kind][1]
    what = f"{noun}{verse}"
    shift = _shift(gone, come)
    touched = [origin + float(sign.at) for sign in (come or gone)]
    bars = line.bars_between(min(touched), max(touched))
    before, after = _joined(gone), _joined(come)
    if shift is not None:
        beats = f"{abs(float(shift)):.3f}".rstrip("0").rstrip(".")
        way = "later" if shift > 0 else "earlier"
        text = f"{label}: {_counted(come)}{verse} moved {way} by {beats} beats, now in {bars}"
        return Change(f"{sample.kind.value}.moved", what, text, None, f"{float(shift):+g}")
    if gone and come:
        text = f"{label}: {what} changed in {bars}: '{before}' -> '{after}'"
        return Change(f"{sample.kind.value}.changed", what, text, before, after)
    verb, words = ("added", after) if come else ("removed", before)
    text = f"{label}: {_counted(come or gone)}{verse} {verb} in {bars}: '{words}'"
    ends = (None, after) if come else (before, None)
    count = len(come or gone)
    return Change(f"{sample.kind.value}.{verb}", what, text, ends[0], ends[1], count=count)


def _counted(signs: Sequence[Sign]) -> str:
    one, many = _NOUNS[signs[0].kind]
    return f"1 {one}" if len(signs) == 1 else f"{len(signs)} {many}"


def _shift(gone: Sequence[Sign], come: Sequence[Sign]) -> Fraction | None:
    if not gone or [s.text for s in gone] != [s.text for s in come]:
        return None
    shifts = {two.at - one.at for one, two in zip(gone, come, strict=True)}
    return shifts.pop() if len(shifts) == 1 else None


def _joined(signs: Sequence[Sign]) -> str:
    text = plain(" ".join(sign.text for sign in signs[:200]).replace("- ", "-"))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _order(sign: Sign) -> tuple[Fraction, str]:
    return (sign.at, sign.text)
