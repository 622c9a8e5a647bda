"""Files that a Live set points to: samples, presets, Max patches.

Until Live 10 a path is a list of folders, relative to something that `RelativePathType` names, and
a list of folders from the root as a hint; from Live 11 on it is written out, once relative and once
absolute. A file inside the project is named relative to it, since projects move, one of a
pack or library relative to that; another one by its absolute path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .live_xml import value
from .model import MediaRef

if TYPE_CHECKING:
    from lxml.etree import _Element

_IN_PROJECT: Final = "3"
_IN_LIBRARIES: Final = frozenset({"2", "5", "6", "7"})
"""The old library, a pack, the user's library, what Live brings."""
RECORDED: Final = "Samples/Recorded/"
"""The folder of a project that Live records into."""


def read_media(owner: _Element) -> MediaRef | None:
    """Read the file of a `SampleRef`, `FilePresetRef` or the like; None where it names none."""
    reference = owner.find("FileRef")
    path = "" if reference is None else file_path(reference)
    return MediaRef(path) if path else None


def file_path(reference: _Element) -> str:
    """Write the path of a `FileRef`."""
    kind = value(reference, "RelativePathType")
    relative, absolute = value(reference, "RelativePath"), value(reference, "Path")
    name = value(reference, "Name")
    if not relative and not absolute:
        if not name:
            return ""
        folders = _folders(reference.find("RelativePath"))
        relative = "/".join((*(folder or ".." for folder in folders), name))
        if kind != _IN_PROJECT and kind not in _IN_LIBRARIES:
            absolute = _hinted(reference, name)
    if relative and kind in _IN_LIBRARIES:
        pack = value(reference, "LivePackName")
        return f"{pack}/{relative}" if pack else relative
    return relative if relative and (kind == _IN_PROJECT or not absolute) else absolute


def _hinted(reference: _Element, name: str) -> str:
    hint = _folders(reference.find("SearchHint/PathHint"))
    if hint:
        root = "" if hint[0].endswith(":") else "/"
        return root + "/".join((*hint, name))
    return ""


def file_stem(reference: _Element) -> str:
    """Name the file of a `FileRef` without its folders and its extension."""
    path = value(reference, "Name") or value(reference, "Path") or value(reference, "RelativePath")
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, _ = name.rpartition(".")
    return stem if dot else name


def _folders(path: _Element | None) -> list[str]:
    return [] if path is None else [part.get("Dir", "") for part in path]
