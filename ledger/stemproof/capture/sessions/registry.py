"""Which reader reads a file: by what it begins with, the extension only settles the rest."""

from __future__ import annotations

from stemproof.errors import BadInput

from .lmms import read_lmms
from .model import Session
from .rpp import ROOT as RPP_ROOT
from .rpp import read_rpp
from .undo import ROOT as UNDO_ROOT

SESSION_EXTENSIONS = (".mmp", ".mmpz", ".rpp", ".rpp-bak")
"""File names that may be sessions; content decides."""
_LMMS_ROOTS = (b"<lmms-project", b"<multimedia-project")


def is_session_name(path_name: str) -> bool:
    """Tell whether a file of this name is worth reading as a session."""
    return path_name.lower().endswith(SESSION_EXTENSIONS)


def read_session(path_name: str, data: bytes) -> Session:
    """Read a session file; the name serves only to choose the reader and to name the file."""
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    try:
        if head.startswith(f"<{RPP_ROOT}".encode()):
            return read_rpp(data)
        if head.startswith(f"<{UNDO_ROOT}".encode()):
            raise BadInput("it is REAPER's undo history and not a session")
        if any(root in head for root in _LMMS_ROOTS):
            return read_lmms(data)
        # zlib's first byte is 0x78 for every window and level that Qt writes.
        if path_name.lower().endswith(".mmpz") or data[4:5] == b"\x78":
            return read_lmms(data)
    except BadInput as error:
        raise BadInput(f"cannot read {_shown(path_name)}: {error}", hint=error.hint) from error
    raise BadInput(
        f"cannot read {_shown(path_name)}: it is no session of a known format",
        hint="readable now: LMMS (.mmp, .mmpz) and REAPER (.rpp)",
    )


def _shown(path_name: str) -> str:
    name = path_name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c if c.isprintable() else "?" for c in name)[:120] or "the session"
