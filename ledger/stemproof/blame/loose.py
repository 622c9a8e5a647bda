"""Things that left their place in a save, by what they may be known by elsewhere. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from stemproof.capture.diff_clips import copied_content
from stemproof.capture.sessions.model import Clip, Device, Note

from .who import Origin

T = TypeVar("T")
H = TypeVar("H")


class Loose(Generic[T, H]):
    """Things that left their track, by what they may be known by; each is found once."""

    def __init__(self) -> None:
        self._by_key: defaultdict[Hashable, list[tuple[int, T, H]]] = defaultdict(list)
        self._taken: set[int] = set()
        self._count = 0

    def add(self, keys: Iterable[Hashable], thing: T, held: H) -> None:
        """Keep a thing that left."""
        self._count += 1
        for key in keys:
            self._by_key[key].append((self._count, thing, held))

    def take(self, keys: Iterable[Hashable]) -> tuple[T, H] | None:
        """Give what a new thing was before, by the strictest key first."""
        for key in keys:
            for number, thing, held in self._by_key.get(key, ()):
                if number not in self._taken:
                    self._taken.add(number)
                    return thing, held
        return None


def clip_keys(clip: Clip) -> list[Hashable]:
    """By what a clip is known on another track: its identity, else what it plays and where."""
    content = copied_content(clip)
    keys: list[Hashable] = [("identity", clip.identity)] if clip.identity else []
    if content is not None:
        keys += [("place", content, clip.position), ("content", content)]
    return keys


def device_keys(device: Device) -> list[Hashable]:
    """By what a device is known on another track."""
    keys: list[Hashable] = [("identity", device.identity)] if device.identity else []
    bare = replace(device, identity="", place="", automations=())
    return [*keys, ("equal", bare)] if device.parameters or device.state else keys


def scaled(notes: Sequence[Note], old: int, new: int) -> Sequence[Note]:
    """Write notes in the ticks of a later save."""
    if old == new:
        return notes
    scale = new / old
    return [n._replace(start=round(n.start * scale), length=round(n.length * scale)) for n in notes]


def pool_of(
    things: Sequence[Hashable], held: Sequence[Origin]
) -> defaultdict[Hashable, list[Origin]]:
    """Give the origins of equal things, in order."""
    pool: defaultdict[Hashable, list[Origin]] = defaultdict(list)
    for thing, origin in zip(things, held, strict=True):
        pool[thing].append(origin)
    return pool


def parallel(
    before: Sequence[Note], held: Sequence[Origin], after: Sequence[Note], changed: Origin
) -> tuple[Origin, ...]:
    """Keep the origin of each note that is still there; the rest is the save's."""
    pool = pool_of(before, held)
    return tuple(pool[note].pop(0) if pool.get(note) else changed for note in after)
