"""Which container a file is, by its first bytes, and all texts in it.

Damage ends the reading of one kind of tag, not of the file: what was read stays, and what was
not is told in `problems`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stemproof.audio.marks.ape import read_tail
from stemproof.audio.marks.id3 import read_id3
from stemproof.audio.marks.model import Tags
from stemproof.audio.marks.mp4 import read_mp4
from stemproof.audio.marks.riff import read_aiff, read_wave
from stemproof.audio.marks.vorbis import read_flac, read_ogg
from stemproof.audio.marks.window import FileWindow, Window
from stemproof.audio.plain import check_extent, open_plain
from stemproof.errors import BadInput

_WAVES: Final = (b"RIFF", b"RF64", b"BW64")
# Known as audio, without tags that this version reads.
_BARE: Final = {b"caff": "CAF", b".snd": "AU", b"riff": "Wave64"}
_TAILED: Final = {b"wvpk": "WavPack", b"MAC ": "Monkey's Audio"}


def read_tags(path: Path) -> Tags:
    """Read every text of an audio file; what is no audio is BadInput."""
    try:
        with open_plain(path) as file:
            state = os.fstat(file.fileno())
            check_extent(path.name, state)
            return read_window(FileWindow(file, state.st_size), path.name)
    except OSError as error:
        raise BadInput(f"{path.name!r} cannot be read: {error.strerror}") from error


def read_window(window: Window, name: str) -> Tags:
    """Read every text of audio in a window; `name` is what to call it in a refusal."""
    tags = Tags()
    start = 0
    head = window.read(0, min(12, window.size))
    if head[:3] == b"ID3":
        tags.container = "MP3"
        with tags.telling():
            start = read_id3(window, 0, tags)
            head = window.read(start, min(12, window.size - start))
    reader = _find_reader(head, start, tags)
    if reader is None and not tags.container:
        raise BadInput(
            f"{name!r} is not audio that this version knows",
            hint="WAV, AIFF, MP3, M4A, FLAC, Ogg, Opus, WavPack and CAF are known",
        )
    for read in (reader, read_tail if tags.container in _WITH_TAIL else None):
        if read is not None:
            with tags.telling():
                read(window, tags)
    return tags


_WITH_TAIL: Final = ("MP3", *_TAILED.values())
_Reader = Callable[[Window, Tags], None]


def _find_reader(head: bytes, start: int, tags: Tags) -> _Reader | None:
    """Find who reads what begins so; names the container."""
    mark, reader = head[:4], None
    if mark in _WAVES and head[8:12] == b"WAVE":
        tags.container, reader = "WAV", read_wave
    elif mark == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        tags.container, reader = "AIFF", read_aiff
    elif mark == b"OggS":
        tags.container, reader = "Ogg", read_ogg
    elif head[4:8] == b"ftyp":
        tags.container, reader = "MP4", read_mp4
    elif mark == b"fLaC":
        tags.container = "FLAC"
        return lambda window, found: read_flac(window, start, found)
    elif mark in _TAILED or mark in _BARE:
        tags.container = _TAILED.get(mark) or _BARE[mark]
        if mark in _BARE:
            tags.problems.append(f"tags of {tags.container} are not read by this version")
    elif len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0:
        tags.container = "MP3"
    return reader
