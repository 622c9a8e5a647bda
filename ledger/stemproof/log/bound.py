"""Whose keys write a log: the binding in its first event, as the database holds it."""

from __future__ import annotations

from dataclasses import dataclass

from stemproof.errors import Refuted, StemproofError
from stemproof.keys.binding import Binding, check_binding
from stemproof.log.store import OWN_WORK, Log
from stemproof.record.commitment import check_opening
from stemproof.record.event import parse_header


@dataclass(frozen=True, slots=True)
class BoundKeys:
    """The key that signs each log's checkpoints, by origin; and the logs that bind none."""

    keys: dict[str, bytes]
    problems: tuple[str, ...]


def read_binding(log: Log, number: int, origin: str) -> Binding:
    """Read and check the binding that begins a log; whose keys they are is not judged."""
    tree = log.tree_of(number, OWN_WORK)
    rows = [] if tree is None else log.fetch_all("events", tree, 0, 1)
    if not rows:
        raise Refuted("it does not begin with a binding")
    event_id, _, data = rows[0]
    header = parse_header(data)
    opening = log.openings(event_id).get("body")
    if header.action != "log.open" or opening is None:
        raise Refuted("its first event is not a binding that can be read")
    check_opening(opening, header.commit["body"])
    binding = check_binding(opening.value)
    if binding.origin != origin:
        raise Refuted(f"its binding is of log {binding.origin}")
    return binding


def bound_keys(log: Log) -> BoundKeys:
    """Collect the log keys that the logs of this ledger bind."""
    keys, problems = {}, []
    for number, origin in log.fetch_all("logs"):
        try:
            keys[origin] = read_binding(log, number, origin).log_key
        except StemproofError as error:
            problems.append(f"log {origin}: {error}")
    return BoundKeys(keys, tuple(problems))
