"""Choice is authorship: which results of a generator entered a session, and which never did.

    gen.keep      a session plays it, holds its notes or its words
    gen.reject    no session did by then: a day after it came, or when a claim was made
    gen.modify    what was kept was edited since

Derived from what the log and the files say, when a working session closes and before a claim;
deriving again adds nothing. `how` says by what a result was recognised: `digest`, `notes`,
`text`, or `fingerprint`, which is likeness and no proof. `rests` lists the leaves of the events
that it follows from. A rejected result may be kept later: the newest event counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from stemproof.acts.disclosed import from_vault
from stemproof.acts.facts import fact
from stemproof.acts.finding import MIDI, Find, find_everywhere
from stemproof.acts.saved_steps import Fact, History, read_history
from stemproof.acts.traces import Output, find_traces
from stemproof.blame.steps import NEW_CLIP, Told
from stemproof.errors import StemproofError
from stemproof.record.event import leaf_hash, parse_time

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.acts.blaming import Source
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Draft, Log
    from stemproof.record.canonical import Json

# A result that no session took up within a day was most likely not wanted.
PATIENCE: Final = timedelta(days=1)
_RESULT: Final = b'"action":"gen.result"'
_MAX_RESTS: Final = 64


def no_source(_digest: bytes) -> bytes | None:
    """Give nothing: the vault is closed."""
    return None


def derive_choices(log: Log, work: Work, moment: datetime, source: Source = no_source) -> int:
    """Record what follows so far; a result is rejected a day after it came."""
    return _derive(log, work, moment, source, moment - PATIENCE)


def settle_choices(log: Log, keys: Keys, work: Work, moment: datetime) -> int:
    """Record what follows now that the work is claimed: what it has not taken up, it rejected.

    A vault that is damaged or of other keys is no reason not to claim: sound tells without it.
    """
    try:
        with from_vault(log, keys) as kept:
            return _derive(log, work, moment, partial(kept, work.id), moment)
    except StemproofError:
        return _derive(log, work, moment, no_source, moment)


@dataclass(slots=True)
class _Known:
    """What was derived before: events by result and file."""

    kept: dict[tuple[str, int, str], Fact] = field(default_factory=dict)
    rejected: set[tuple[str, int]] = field(default_factory=set)
    modified: dict[tuple[str, int, str], Fact] = field(default_factory=dict)


def _derive(log: Log, work: Work, moment: datetime, source: Source, until: datetime) -> int:
    if not log.fetch_all("events_of_action", work.id, _RESULT):
        return 0
    history = read_history(log, work.id)
    outputs = [one for one in find_traces(history).outputs if one.status != "failed"]
    known = _known(history)
    finds = find_everywhere(log, work, history, outputs, source)
    drafts: list[Draft] = []
    for output in outputs:
        mine = [one for one in finds if one.output is output]
        drafts += _kept(log, output, mine, known, moment)
        drafts += _modified(log, history, mine, known, moment)
        name = output.call, output.index
        is_kept = bool(mine) or any(key[:2] == name for key in known.kept)
        if not is_kept and name not in known.rejected and parse_time(output.time) <= until:
            # A closed vault or a program that is missing cannot say that nothing was taken up.
            if _can_tell(output, source):
                body = _body(output, "", "nowhere", _leaves(log, [output.event]))
                drafts.append(fact("gen.reject", moment, body))
    if drafts:
        log.append(work.id, drafts)
    return len(drafts)


def _kept(
    log: Log, output: Output, finds: Sequence[Find], known: _Known, moment: datetime
) -> Iterator[Draft]:
    for find in finds:
        if (output.call, output.index, find.path) not in known.kept:
            body = _body(output, find.path, find.how, _leaves(log, [output.event, *find.events]))
            yield fact("gen.keep", moment, {**body, **find.more})


def _modified(
    log: Log, history: History, finds: Sequence[Find], known: _Known, moment: datetime
) -> Iterator[Draft]:
    """Record edits that were not recorded yet: of a clip, or another state of notes or words."""
    for find in finds:
        output = find.output
        last = known.modified.get((output.call, output.index, find.path))
        if find.state:
            # What was recorded is which state it was in; the one that came is no edit.
            before = "" if last is None else str(last.body.get("state", ""))
            state = sha256(find.state).hexdigest()
            if not find.is_edited or before == state:
                continue
            rests: list[int] = [output.event]
            more: dict[str, Json] = {**find.more, "state": state}
        else:
            rests = list(_edits(history, find, 0 if last is None else last.event))
            if not rests:
                continue
            more = {**find.more, "count": len(rests)}
        body = _body(output, find.path, find.how, _leaves(log, rests[:_MAX_RESTS]))
        yield fact("gen.modify", moment, {**body, **more})


def _edits(history: History, find: Find, after: int) -> Iterator[int]:
    """Name the decisions since about a clip that plays a kept result."""
    saves, _ = history.chain(find.path, find.digest)
    for save in saves:
        for told in save.told:
            if told.event > max(after, find.output.event) and _is_edit(told, find.clips):
                yield told.event


def _is_edit(told: Told, clips: Sequence[tuple[str, str, str]]) -> bool:
    if told.kind in NEW_CLIP or not told.kind.startswith(("clip.", "automation.", "device.")):
        return False
    for track, label, identity in clips:
        if identity and told.object_id == identity:
            return True
        if not identity and told.track == track and told.what == label:
            return True
    return False


def _known(history: History) -> _Known:
    known = _Known()
    for one in history.of("gen.keep", "gen.reject", "gen.modify"):
        call, index, path = str(one.body["call"]), int(one.body["index"]), str(one.body["path"])
        match one.header.action:
            case "gen.keep":
                known.kept[call, index, path] = one
                known.rejected.discard((call, index))
            case "gen.reject":
                known.rejected.add((call, index))
            case _:
                known.modified[call, index, path] = one
    return known


def _can_tell(output: Output, source: Source) -> bool:
    """Say whether a result would have been found, had it entered: sound by its digest at least."""
    if output.media.startswith("audio/") and output.media not in MIDI:
        return True
    # Pictures and calls of tools are looked for nowhere.
    is_known = output.media in MIDI or output.media.startswith("text/")
    return is_known and source(bytes.fromhex(output.sha256)) is not None


def _body(output: Output, path: str, how: str, rests: Sequence[str]) -> dict[str, Json]:
    return {
        "call": output.call,
        "index": output.index,
        "sha256": output.sha256,
        "path": path,
        "how": how,
        "rests": list(rests),
    }


def _leaves(log: Log, events: Sequence[int]) -> list[str]:
    found: dict[str, None] = {}
    for event in events:
        entry = log.entry(event)
        if entry is not None:
            found[leaf_hash(entry.header).hex()] = None
    return list(found)
