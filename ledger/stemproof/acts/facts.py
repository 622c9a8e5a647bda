"""Drafts of events: bodies in canonical JSON, with the words that the header shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from stemproof.log.store import Draft
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time


def fact(
    action: str,
    moment: datetime,
    body: Mapping[str, Json],
    *,
    session: str = "",
    extra: Mapping[str, bytes] | None = None,
) -> Draft:
    """Draft a fact about the record itself, seen by this program."""
    return Draft(
        time=format_time(moment),
        action=action,
        stage="none",
        class_="unknown",
        observed="tool",
        actor="machine",
        tool="capture",
        session=session,
        values={"body": canonical_bytes(dict(body)), **(extra or {})},
    )


def saying(
    action: str,
    moment: datetime,
    body: Mapping[str, Json],
    *,
    stage: str = "none",
    session: str = "",
) -> Draft:
    """Draft what only a person can say: declared, evidence level E0."""
    return Draft(
        time=format_time(moment),
        action=action,
        stage=stage,
        class_="unknown",
        observed="declared",
        actor="author",
        tool="none",
        session=session,
        values={"body": canonical_bytes(dict(body))},
    )
