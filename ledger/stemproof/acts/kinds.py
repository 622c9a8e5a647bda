"""What a file of a project is, by its name and place: a session, audio, or neither.

Programs keep files of their own beside a song: earlier saves, peaks, frozen tracks, the MIDI
of single regions. These are not sessions of the song and no takes. What a program records
(`interchange/NAME/audiofiles`, `Samples/Recorded`, the `Media` of a Logic bundle) is heard.
"""

from __future__ import annotations

import os
import re
from typing import Final

from stemproof.capture.sessions.registry import is_session_name

AUDIO_EXTENSIONS: Final = frozenset(
    ".wav .wave .rf64 .bwf .flac .aif .aiff .aifc .mp3 .m4a .aac .ogg .oga .opus .wv .caf".split()
)
_BACKUP: Final = re.compile(r"(?i)(\.bak\b|-bak\b|\.backup\b|autosave|recover\.|~$|\.tmp$|\.part$)")
_OWN_FOLDERS: Final = frozenset(
    {
        "backup",
        "backups",
        "autosave",
        "auto saves",
        "auto-backups",
        "session file backups",
        "project file backups",
        "ableton project info",
        "peaks",
        "freeze files",
    }
)
# A project of these is a folder, of which only the media are files of the song.
_BUNDLES: Final = (".logicx", ".band")
_MEDIA: Final = "media"
# Each version of a Logic project is a folder of its own: `Alternatives/000/ProjectData`.
_ALTERNATIVES: Final = "alternatives"
_PROJECT_DATA: Final = "projectdata"
# Ardour: `interchange/NAME/` holds audiofiles, midifiles and sometimes peaks.
_INTERCHANGE: Final = "interchange"
_TAKES: Final = "audiofiles"


def kind_of(name: str) -> str | None:
    """Say whether a file name is that of a session or of audio; None for anything else."""
    if is_session_name(name):
        kind = "session"
    elif os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS:
        kind = "audio"
    else:
        return None
    return None if name.startswith(".") or _BACKUP.search(name) else kind


def is_entered(parents: tuple[str, ...], name: str) -> bool:
    """Say whether a folder may hold files of the song; `parents` are the folders above it."""
    lower = name.lower()
    if name.startswith(".") or lower in _OWN_FOLDERS or lower.endswith(".nosync"):
        return False
    if parents and parents[-1].lower().endswith(_BUNDLES):
        return lower in (_MEDIA, _ALTERNATIVES)
    inside = _in_bundle(parents)
    if inside and inside[0] == _ALTERNATIVES:
        return len(inside) == 1
    if len(parents) >= 2 and parents[-2].lower() == _INTERCHANGE:
        return lower == _TAKES
    return True


def kind_in(parents: tuple[str, ...], name: str) -> str | None:
    """Say of what kind a file is, where it lies in these folders."""
    kind = kind_of(name)
    bundle = _in_bundle(parents)
    if bundle and bundle[0] == _ALTERNATIVES:
        # One file stands for the whole version.
        return "session" if len(bundle) == 2 and name.lower() == _PROJECT_DATA else None
    # Ardour keeps the MIDI of each region as a file: it is part of the session.
    inside = any(
        part.lower() == _INTERCHANGE or part.lower().endswith(_BUNDLES) for part in parents
    )
    return None if inside and kind == "session" else kind


def may_be_score(name: str) -> bool:
    """Say whether a file's content must tell: MusicXML is often called just `.xml`."""
    return name.lower().endswith(".xml") and not name.startswith(".") and not _BACKUP.search(name)


def _in_bundle(parents: tuple[str, ...]) -> tuple[str, ...]:
    """Give the folders within the bundle that the file lies in, in lower case."""
    lower = tuple(part.lower() for part in parents)
    for place, part in enumerate(lower):
        if part.endswith(_BUNDLES):
            return lower[place + 1 :]
    return ()
