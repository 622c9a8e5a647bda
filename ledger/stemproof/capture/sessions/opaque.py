"""Sessions whose format is closed: a digest, a size, and the few words that lie open in them.

What is found by its mark and its length is taken; nothing is guessed. Whether a save differs
from the last one is all that can be told of the rest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Final

from stemproof.errors import BadInput

from .model import (
    Device,
    Parameter,
    PluginId,
    PluginKind,
    Session,
    State,
    Track,
    TrackKind,
)
from .opaque_table import PRO_TOOLS_MARK

# Cubase writes records of names with their lengths; strings end with a zero byte.
_APPLICATION: Final = re.compile(
    rb"PAppVersion\0.{0,24}?((?:Cubase|Nuendo)[ -~]{0,40})\0.{0,8}?Version (\d[\d.]{0,20})",
    re.DOTALL,
)
_PLUGIN: Final = re.compile(
    rb"Plugin UID\0.{22}.([0-9A-Fa-f]{32})\0.{4}Plugin Name\0.{6}([^\0]{1,100})\0"
    rb"(?:.{4}Original Plugin Name\0.{6}([^\0]{1,100})\0)?",
    re.DOTALL,
)
# A string in Bitwig's header: type 8, length in four bytes, text.
_BITWIG_VERSION: Final = re.compile(
    rb"application_version_name\x08\x00\x00\x00(.)([0-9][ -~]{0,40})", re.DOTALL
)
_BITWIG_HEAD: Final = 1 << 16
_MAX_PLUGINS: Final = 10_000
_XOR_TYPE_PLACE: Final = 18
_PRO_TOOLS_AGES: Final = {1: "5 to 9", 5: "10 or later"}
ALL_OF_IT: Final = "the session itself"


def closed_session(name: str, application: str, data: bytes) -> Session:
    """Make the session of a closed format; callers add what they find open."""
    if not data:
        raise BadInput("the session is empty")
    digest = hashlib.sha256(data).hexdigest()
    return Session(
        format=name,
        application=application,
        version="",
        digest=digest,
        content_digest=digest,
        size=len(data),
        tempo=(),
        tracks=(),
        opaque=State(digest, len(data)),
        unread=((ALL_OF_IT, 1),),
    )


def read_cubase(data: bytes) -> Session:
    """Read what lies open in a Cubase or Nuendo project: version and plug-ins."""
    if data[8:12] != b"NUND":
        raise BadInput("it is a RIFF file, but not of Cubase")
    found = _APPLICATION.search(data)
    application, version = "Cubase", ""
    if found is not None:
        application, version = found[1].decode("ascii").strip(), found[2].decode("ascii")
    plugins: dict[tuple[str, str], int] = {}
    for match in _PLUGIN.finditer(data):
        name = (match[3] or match[2]).decode("utf-8", "replace")
        key = (name, match[1].decode("ascii").upper())
        if key in plugins or len(plugins) < _MAX_PLUGINS:
            plugins[key] = plugins.get(key, 0) + 1
    devices = tuple(
        Device(
            name,
            ids=(PluginId(PluginKind.VST3, identity),),
            identity=identity,
            parameters=(Parameter("instances", str(count)),),
        )
        for (name, identity), count in sorted(plugins.items())
    )
    # On which tracks they sit is not known.
    holder = Track("Plug-ins", TrackKind.TRACK, identity="plug-ins", devices=devices)
    session = closed_session("cubase", application, data)
    return replace(session, version=version, tracks=(holder,) if devices else ())


def read_bitwig(data: bytes) -> Session:
    """Read what lies open in a Bitwig project: the version of the program."""
    found = _BITWIG_VERSION.search(data[:_BITWIG_HEAD])
    version = found[2][: found[1][0]].decode("ascii").strip() if found is not None else ""
    return replace(closed_session("bitwig", "Bitwig Studio", data), version=version)


def read_pro_tools(data: bytes) -> Session:
    """Read what lies open in a Pro Tools session: which generation of the program wrote it."""
    if data[1:17] != PRO_TOOLS_MARK or len(data) <= _XOR_TYPE_PLACE:
        raise BadInput("it is no Pro Tools session")
    version = _PRO_TOOLS_AGES.get(data[_XOR_TYPE_PLACE], "")
    return replace(closed_session("pro-tools", "Pro Tools", data), version=version)


def read_reason(data: bytes) -> Session:
    """Record a Reason song."""
    return closed_session("reason", "Reason", data)


def read_cakewalk(data: bytes) -> Session:
    """Record a Cakewalk project."""
    return closed_session("cakewalk", "Cakewalk", data)


def read_samplitude(data: bytes) -> Session:
    """Record a Samplitude project."""
    return closed_session("samplitude", "Samplitude", data)


def read_renoise(data: bytes) -> Session:
    """Record a Renoise song."""
    return closed_session("renoise", "Renoise", data)
