"""A session as a page for people: facts, tracks, devices, files, and what could not be read.

On a terminal it is as wide as the terminal, at most `WIDEST`, and long names are cut; piped,
a row is a line and nothing is cut. Every text of the session is stripped of control characters
before it reaches rich, which is told to see no markup in it.
"""

from __future__ import annotations

import io
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stemproof_cli import say
from stemproof_cli.amounts import counted
from stemproof_cli.sessions import count_clips, count_notes, device_rows, family_of

if TYPE_CHECKING:
    from stemproof.acts.showing import Shown
    from stemproof.capture.sessions.model import Device, Session, State, Track
    from stemproof.capture.tools.catalogue import Catalogue

WIDEST: Final = 110
# Piped, no line is broken.
_ENDLESS: Final = 100_000
_QUIET: Final = "bright_black"
_STATES: Final = {"missing": "red", "elsewhere": "yellow", "found": "green", "not looked for": ""}
_MOST_TEMPOS: Final = 4
_MOST_MARKERS: Final = 12
_INDENT: Final = 2
_GAP: Final = 2
_NARROWEST: Final = 8
_NUMBERS: Final = frozenset({"level", "pan", "clips", "notes", "devices"})


def write_view(shown: Shown, catalogue: Catalogue) -> None:
    """Write the page of a session."""
    is_terminal = sys.stdout.isatty()
    page = io.StringIO()
    console = Console(
        file=page, force_terminal=is_terminal, markup=False, highlight=False, emoji=False
    )
    columns = shutil.get_terminal_size().columns
    console.width = min(columns, WIDEST) if is_terminal else _ENDLESS
    width = console.width - _INDENT
    console.print(_headline(shown))
    _section(console, "", _facts(shown))
    session = shown.session
    if session.tracks:
        from stemproof.capture.unused import unused_busses

        unused = unused_busses(session.tracks)
        title = counted(len(session.tracks) - len(unused), "track")
        if unused:
            title += f", and {len(unused)} unused busses"
        _section(console, title, _tracks(session, width, unused))
    devices = list(device_rows(session.tracks))
    if devices:
        table = _devices(session, devices, width, catalogue)
        _section(console, counted(len(devices), "device"), table)
    if shown.media:
        _section(console, counted(len(shown.media), "file"), _media(shown))
    _section(console, "how much of it was read", _coverage(shown, devices))
    sys.stdout.writelines(line.rstrip() + "\n" for line in page.getvalue().splitlines())


def _section(console: Console, title: str, body: Table) -> None:
    console.print()
    if title:
        console.print(Text(title, style="bold"))
    console.print(Padding(body, (0, 0, 0, _INDENT)) if console.is_terminal else body)


def _headline(shown: Shown) -> Text:
    session = shown.session
    line = Text(_plain(shown.path.name), style="bold")
    program = f"{session.application} {session.version}".strip()
    return line.append(Text(f"  {_plain(program)}", style="not bold"))


def _facts(shown: Shown) -> Table:
    table = _grid()
    session = shown.session
    for name, value in _fact_rows(shown, session):
        table.add_row(Text(name, style=_QUIET), Text(_plain(value)))
    return table


def _fact_rows(shown: Shown, session: Session) -> Iterator[tuple[str, str]]:
    from stemproof.capture.sentences import shown_value

    if session.tempo:
        yield "tempo", _tempo(session)
    for parameter in session.parameters:
        if not parameter.value:
            continue  # a title that nobody gave, a scene without a name
        yield parameter.name, shown_value(parameter.value, parameter.unit).strip("'")
    if session.markers:
        yield "markers", _markers(session)
    yield "saved", time.strftime("%Y-%m-%d %H:%M", time.localtime(shown.modified))
    yield "size", f"{_size(session.size)}, sha256 {session.digest[:12]}"


def _markers(session: Session) -> str:
    """Name the first markers; a score has one at every repeat."""
    names = [marker.name for marker in session.markers if marker.name]
    told = f"{len(session.markers)}: {', '.join(names[:_MOST_MARKERS])}" if names else ""
    more = len(names) - _MOST_MARKERS
    return f"{told} and {more} more" if more > 0 else told or str(len(session.markers))


def _tempo(session: Session) -> str:
    """Tell the tempo and the metre; of a long map the span and the number of changes."""
    bpms = [f"{float(point.bpm):g}" for point in session.tempo]
    metres = list(dict.fromkeys(f"{p.numerator}/{p.denominator}" for p in session.tempo))
    paces = [bpm for bpm, last in zip(bpms, [None, *bpms], strict=False) if bpm != last]
    if len(paces) <= _MOST_TEMPOS:
        pace = " -> ".join(paces)
    else:
        ordered = sorted(paces, key=float)
        pace = f"{ordered[0]} to {ordered[-1]} bpm in {len(paces)} changes, from {paces[0]}"
    return f"{pace} bpm, {', '.join(metres)}"


def _tracks(session: Session, width: int, unused: frozenset[int]) -> Table:
    from stemproof.capture.diff_tracks import track_labels
    from stemproof.capture.sentences import shown_value

    labels = dict(zip(map(id, session.tracks), track_labels(session.tracks), strict=True))
    parents = {track.identity: track.parent for track in session.tracks if track.identity}
    rows = []
    for index, track in enumerate(session.tracks):
        if index in unused:
            continue
        level, pan = track.mixer.volume, track.mixer.pan
        rows.append(
            (
                "  " * _depth(track, parents) + labels[id(track)],
                track.kind.value,
                shown_value(level.value, level.unit) if level else "",
                shown_value(pan.value, pan.unit) if pan else "",
                _switches(track),
                _number(count_clips(track)),
                _number(count_notes(track)),
                _number(len(track.devices)),
            )
        )
    names = ("track", "kind", "level", "pan", "", "clips", "notes", "devices")
    return _table(width, names, rows, right=_NUMBERS)


def _depth(track: Track, parents: dict[str, str]) -> int:
    depth, parent = 0, track.parent
    while parent and depth < 6:
        depth, parent = depth + 1, parents.get(parent, "")
    return depth


def _switches(track: Track) -> str:
    mixer = track.mixer
    words = [(mixer.mute, "muted"), (mixer.solo, "solo"), (mixer.phase, "inverted")]
    return " ".join(word for is_on, word in words if is_on)


def _devices(
    session: Session,
    devices: Sequence[tuple[Track, Device]],
    width: int,
    catalogue: Catalogue,
) -> Table:
    from stemproof.capture.diff_tracks import track_labels

    labels = dict(zip(map(id, session.tracks), track_labels(session.tracks), strict=True))
    rows, last = [], None
    for track, device in devices:
        where = "" if track is last else labels[id(track)]
        last = track
        # A program's own devices are known by their names.
        plugins = [f"{i.kind.value} {i.value}" for i in device.ids if i.kind.value != "native"]
        # Several ids are one plug-in, known under each.
        others = f" (also {', '.join(plugins[1:])})" if len(plugins) > 1 else ""
        identity = plugins[0] + others if plugins else ""
        name = device.name + ("" if device.enabled else " (off)")
        tool = catalogue.match(device)
        # That it can act by a trained model: whether it did, no session says.
        mark = tool.tool.kind.value if tool is not None and tool.tool.is_ai_capable else ""
        rows.append((where, name, device.vendor, identity, mark, _settings(device)))
    names = ("track", "device", "vendor", "id", "AI-capable", "settings")
    return _table(width, names, rows, right=frozenset())


def _settings(device: Device) -> str:
    parts = [f"{len(device.parameters)} named"] if device.parameters else []
    if device.state is not None:
        parts.append(f"{_size(device.state.size)} opaque")
    return ", ".join(parts)


def _media(shown: Shown) -> Table:
    table = _grid()
    for one in shown.media:
        where = f" -> {one.where}" if one.where else ""
        table.add_row(Text(one.state, style=_STATES[one.state]), Text(_plain(one.path + where)))
    return table


def _coverage(shown: Shown, devices: Sequence[tuple[Track, Device]]) -> Table:
    table = _grid()
    session = shown.session
    if session.opaque is not None:
        whole = session.opaque
        said = f"closed format: {_size(whole.size)}, sha256 {whole.digest[:12]}"
        table.add_row(Text("opaque", style="yellow"), Text(said))
    for family, states in sorted(_families(devices).items()):
        count, total = len(states), sum(state.size for state in states)
        digests = len({state.digest for state in states})
        said = f"{counted(count, 'state')} of {family}, {_size(total)}, {digests} different"
        table.add_row(Text("opaque", style="yellow"), Text(_plain(said)))
    digested = [p for track in session.tracks for p in track.parameters if p.unit.value == "digest"]
    if digested:
        said = f"{counted(len(digested), 'setting')} of tracks, only whether they change is known"
        table.add_row(Text("opaque", style="yellow"), Text(said))
    if session.opaque is None:
        for what, count in session.unread:
            table.add_row(
                Text("not read", style="yellow"),
                Text(_plain(f"{what} ({counted(count, 'time')})")),
            )
    if not table.rows:
        table.add_row(Text("read", style="green"), Text("all of it; nothing is opaque"))
    if shown.advice:
        table.add_row(Text("advice", style="cyan"), Text(_plain(shown.advice)))
    return table


def _families(devices: Sequence[tuple[Track, Device]]) -> dict[str, list[State]]:
    found: defaultdict[str, list[State]] = defaultdict(list)
    for _, device in devices:
        if device.state is not None:
            found[family_of(device)].append(device.state)
    return found


def _table(
    width: int, names: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[str]
) -> Table:
    """Lay rows under headings; a column that nothing stands in is left out."""
    table = Table(box=None, pad_edge=False, header_style=_QUIET, padding=(0, _GAP, 0, 0))
    kept = [place for place in range(len(names)) if any(row[place] for row in rows)]
    cells = [[_plain(row[place]) for place in kept] for row in rows]
    titles = [names[place].upper() for place in kept]
    widths = [max(map(cell_len, column)) for column in zip(titles, *cells, strict=True)]
    for title, place, wide in zip(titles, kept, _fit(widths, titles, width), strict=True):
        is_right = names[place] in right
        table.add_column(
            title,
            justify="right" if is_right else "left",
            width=wide,
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _fit(widths: Sequence[int], titles: Sequence[str], width: int) -> list[int]:
    """Cut the widest columns, a character at a time, until all fit."""
    found = list(widths)
    least = [
        max(len(title), min(_NARROWEST, wide)) for title, wide in zip(titles, widths, strict=True)
    ]
    room = width - _GAP * (len(found) - 1)
    while sum(found) > room:
        place = max(range(len(found)), key=lambda n: (found[n] > least[n], found[n]))
        if found[place] <= least[place]:
            break
        found[place] -= 1
    return found


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _number(count: int) -> str:
    return str(count) if count else ""


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1_000_000:.1f} MB"


def _plain(text: str) -> str:
    return say.clean(text)
