"""An event before and after it stands in the log: the draft, its commitments, its header."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from stemproof.errors import BadInput
from stemproof.record.commitment import DOMAIN, FIELDS, SALT_BYTES
from stemproof.record.event import Header


class Draft(NamedTuple):
    """An event about to be appended: what the header says, and the values it commits to.

    A tuple for the reason that `Header` is one.
    """

    time: str
    action: str
    stage: str
    class_: str
    observed: str
    actor: str
    tool: str
    values: Mapping[str, bytes]
    session: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it stands in the log."""

    id: int
    log: int
    work: bytes
    work_seq: int
    log_seq: int
    header: bytes


def header_of(
    origin: str, work: str, seq: int, prev: str, draft: Draft, commit: Mapping[str, str]
) -> Header:
    """Put a draft into its place in a log."""
    # By position, in the order of Header's members: by name it costs twice as much.
    return Header(
        origin,
        work,
        seq,
        prev,
        draft.time,
        draft.session,
        draft.stage,
        draft.action,
        draft.class_,
        draft.observed,
        draft.actor,
        draft.tool,
        commit,
    )


_PREFIXES: Final = {field: DOMAIN + field.encode() + b"\x00" for field in FIELDS}


def commit_to(
    event: int, values: Mapping[str, bytes], openings: list[tuple[int, str, bytes, bytes]]
) -> dict[str, str]:
    """Draw a salt for each value, keep the opening, and give the commitments."""
    commit = {}
    for field, value in values.items():
        if field not in FIELDS:
            raise BadInput(f"an event cannot commit to {field!r}")
        salt = os.urandom(SALT_BYTES)
        commit[field] = hashlib.sha256(_PREFIXES[field] + salt + value).hexdigest()
        openings.append((event, field, salt, value))
    return commit
