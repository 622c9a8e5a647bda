"""A decision: one change of one property of one object, with the sentence a musician reads."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .sessions.model import PluginId


class Scope(enum.StrEnum):
    """Where in the session a decision was taken; with the kind it gives the stage."""

    SESSION = "session"
    TRACK = "track"
    BUS = "bus"
    MASTER = "master"
    INSTRUMENT = "instrument"
    INPUT = "input"
    CLIP = "clip"


@dataclass(frozen=True, slots=True)
class Change:
    """What happened, before it is known where and in which stage."""

    kind: str
    what: str
    text: str
    before: str | None = None
    after: str | None = None
    object_id: str = ""
    scope: Scope | None = None  # where it differs from its subject's
    count: int = 1
    devices: tuple[PluginId, ...] = ()
    media: tuple[str, ...] = ()
    group: str = ""
    device: str = ""  # the label of the device that it is about
    shown: tuple[str, str] | None = None  # before and after as read, where stored otherwise


@dataclass(frozen=True, slots=True)
class Subject:
    """The track (or the session) that changes are about, or a device on it."""

    label: str
    identity: str
    scope: Scope
    device: str = ""

    @property
    def title(self) -> str:
        """Begin a sentence about it."""
        return f"{self.label}, {self.device}" if self.device else self.label


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision, or one note about the save (`is_note`).

    `before` and `after` are values as stored or as shown; None where the object did not exist.
    Decisions of one kind and track with one `group` read as one sentence (see summary.py).
    `devices` and `media` name the plug-ins and files involved, for the rules about AI tools.
    `shown` is before and after as a musician reads them, where they are stored otherwise.
    """

    kind: str
    stage: str
    scope: Scope
    track: str
    what: str
    before: str | None
    after: str | None
    text: str
    object_id: str
    count: int = 1
    devices: tuple[PluginId, ...] = ()
    media: tuple[str, ...] = ()
    group: str = ""
    device: str = ""
    shown: tuple[str, str] | None = None

    @property
    def is_note(self) -> bool:
        """Tell a fact about the save from a decision about the music."""
        return self.kind == UPGRADED


UPGRADED = "session.upgraded"
