"""Formats that stay closed: how they are recognised, and which export opens them.

Their saves are recorded by digest, size and time, with what lies open in them. An export in an
open format beside the session is read as any other: that is the advice.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .packed import ZIP_MAGIC

PRO_TOOLS_MARK: Final = b"0010111100101011"
LOGIC_MAGIC: Final = b"\x23\x47\xc0\xab"
PROJECT_DATA: Final = "projectdata"
METADATA: Final = "metadata.plist"
_DAWPROJECT: Final = "export a DAWproject beside it (File > Export) at each step that counts"
_OTHERS: Final = "export MIDI and stems at each step that counts; both are recorded"


class Closed(NamedTuple):
    """One closed format. `marks` are beginnings of which the file has one; none: its name does."""

    name: str
    title: str
    extensions: tuple[str, ...]
    reader: str
    marks: tuple[bytes, ...]
    advice: str

    def recognises(self, name: str, head: bytes) -> bool:
        """Tell by name and first bytes whether a file is of this format."""
        if not name.endswith(self.extensions):
            return False
        return not self.marks or head.startswith(self.marks)


def is_garageband(name: str) -> bool:
    """Tell whether a file lies in a package of GarageBand, which is built as Logic's is."""
    return ".band/" in name.replace("\\", "/").lower()


CLOSED: Final = (
    Closed(
        "cubase",
        "Cubase and Nuendo",
        (".cpr", ".npr"),
        "opaque:read_cubase",
        (b"RIFF", b"RIF2"),
        "export a DAWproject beside it (Cubase 14: File > Export > DAWproject); "
        "before that MIDI and a track archive",
    ),
    Closed(
        "studio-one",
        "Studio One",
        (".song",),
        "opaque_studio_one:read_studio_one",
        (ZIP_MAGIC,),
        "save a DAWproject beside it (File > Convert To > DAWproject)",
    ),
    Closed(
        "bitwig", "Bitwig Studio", (".bwproject",), "opaque:read_bitwig", (b"BtWg",), _DAWPROJECT
    ),
    Closed(
        "pro-tools",
        "Pro Tools",
        (".ptx", ".ptf", ".pts"),
        "opaque:read_pro_tools",
        (b"\x03" + PRO_TOOLS_MARK,),
        "export MIDI and the session as text (File > Export), and stems; all are recorded",
    ),
    Closed(
        "logic",
        "Logic Pro and GarageBand",
        # The session is a folder, NAME.logicx or NAME.band; these are its files.
        (PROJECT_DATA,),
        "opaque_logic:read_project_data",
        (LOGIC_MAGIC,),
        "export MIDI and tracks as audio (File > Export); tempo, key and metre are read",
    ),
    Closed(
        "logic-metadata",
        "Logic Pro, open part",
        (METADATA,),
        "opaque_logic:read_metadata",
        (b"bplist00", b"<?xml", b"<plist", b"<!DOCTYPE plist"),
        "",
    ),
    Closed("reason", "Reason", (".reason", ".rns"), "opaque:read_reason", (), _OTHERS),
    Closed("cakewalk", "Cakewalk and Sonar", (".cwp",), "opaque:read_cakewalk", (), _OTHERS),
    Closed("samplitude", "Samplitude", (".vip",), "opaque:read_samplitude", (), _OTHERS),
    Closed("renoise", "Renoise", (".xrns",), "opaque:read_renoise", (ZIP_MAGIC,), _OTHERS),
)
