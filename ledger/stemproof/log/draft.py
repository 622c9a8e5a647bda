"""An event before and after it stands in the log: the draft, its commitments, its header."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from stemproof.errors import BadInput
from stemproof.record.commitment import DOMAIN, FIELDS, SALT_BYTES
from stemproof.record.event import Header


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be appended: what the header says, and the values it commits to."""

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
    return Header(
        origin=origin,
        work=work,
        work_seq=seq,
        prev=prev,
        time=draft.time,
        session=draft.session,
        stage=draft.stage,
        action=draft.action,
        class_=draft.class_,
        observed=draft.observed,
        actor=draft.actor,
        tool=draft.tool,
        commit=commit,
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
