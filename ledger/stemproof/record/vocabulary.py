"""The words of a header: stages, classes, ways of observing, actors, tools, actions.

Closed lists, as docs/format.md gives them. An unknown action is not an error for a
verifier (it is shown as unknown); an unknown word of the other lists is.
"""

from __future__ import annotations

import re
from typing import Final

# "none" is for facts about the record itself, which no stage count includes.
STAGES: Final = (
    "none",
    "composition",
    "lyrics",
    "performance",
    "recording",
    "arrangement",
    "production",
    "editing",
    "mixing",
    "mastering",
    "release",
)

# Who decided. `unknown` is the default, never `human`.
CLASSES: Final = (
    "human",
    "human_with_tool",
    "ai_automated",
    "ai_assisted",
    "ai_generated",
    "mixed",
    "unknown",
)

OBSERVED: Final = ("declared", "tool", "hardware")

# Roles only: a header never names a person.
ACTORS: Final = ("author", "contributor", "machine", "unknown")

TOOLS: Final = ("none", "daw", "plugin", "generator", "assistant", "capture", "unknown")

ACTION_PATTERN: Final = re.compile(r"[a-z]{1,20}(?:\.[a-z_]{1,24}){1,3}")

# What this version writes. Decisions read from sessions use `decision.<kind>`.
ACTIONS: Final = frozenset(
    {
        "log.open",
        "log.continue",
        "key.rotate",
        "key.revoked",
        "work.open",
        "work.continue",
        "session.open",
        "session.close",
        "session.found",
        "session.saved",
        "session.jumped",
        "session.moved",
        "session.copied",
        "session.gone",
        "session.returned",
        "session.upgraded",
        "session.received",
        "session.unreadable",
        "session.past",
        "undo.read",
        "undo.entry",
        "tool.present",
        "tool.changed",
        "tool.burst",
        "take.kept",
        "take.dropped",
        "watch.open",
        "watch.beat",
        "watch.close",
        "watch.pause",
        "audio.appeared",
        "audio.changed",
        "audio.moved",
        "audio.gone",
        "audio.returned",
        "audio.unreadable",
        "daw.told",
        "note.said",
        "credit.said",
        "record.erased",
        "pin.added",
        "claim.made",
        "claim.published",
        "ai.mark",
        "ai.said",
        "gen.request",
        "gen.result",
        "gen.keep",
        "gen.reject",
        "gen.modify",
        "mcp.call",
        "agent.said",
    }
)


def is_action(text: str) -> bool:
    """Say whether `text` has the form of an action."""
    return len(text) <= 64 and ACTION_PATTERN.fullmatch(text) is not None
