"""Build the UnixFS DAG of a file or a directory while its bytes pass by once.

The same bytes and the same profile give the same CID as Kubo and the JavaScript importer give.
Profiles (the name travels beside each CID):

    unixfs-v1-2025   IPIP-499: 1 MiB chunks, 1024 links, raw leaves, CIDv1 (the default)
    unixfs-v0-2015   IPIP-499: 256 KiB chunks, 174 links, DAG-PB leaves, CIDv0
    kubo-v1-legacy   what `ipfs add --cid-version=1` gave before: 256 KiB, 174, raw leaves

Layout is balanced. Memory is one chunk and at most `width` nodes a level. Directories are one
block: one that would need sharding (HAMT) is refused.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from stemproof.content.cid import DAG_PB, RAW, Cid, cid_of
from stemproof.content.dagpb import Kind, Link, PbNode, UnixFs, format_node
from stemproof.errors import BadInput, Usage

MAX_DIRECTORY_BYTES: Final = 256 << 10  # beyond it the other importers shard the directory
MAX_NAME_BYTES: Final = 255  # what file systems take
_VIRAMA: Final = 9  # canonical combining class
_EMOJI_STYLE: Final = "\ufe0f"


@dataclass(frozen=True, slots=True)
class Profile:
    """How a file is cut and linked."""

    name: str
    chunk_bytes: int
    width: int
    raw_leaves: bool
    version: int


PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile("unixfs-v1-2025", 1 << 20, 1024, raw_leaves=True, version=1),
        Profile("unixfs-v0-2015", 256 << 10, 174, raw_leaves=False, version=0),
        Profile("kubo-v1-legacy", 256 << 10, 174, raw_leaves=True, version=1),
    )
}
DEFAULT_PROFILE: Final = PROFILES["unixfs-v1-2025"]


def profile_named(name: str) -> Profile:
    """Look a profile up."""
    if name not in PROFILES:
        raise Usage(f"profile {name!r:.40} is not known, want one of {', '.join(PROFILES)}")
    return PROFILES[name]


@dataclass(frozen=True, slots=True)
class Node:
    """A built DAG: `size` is the file's bytes, `dag_bytes` all its blocks (Tsize)."""

    cid: Cid
    size: int
    dag_bytes: int


Put = Callable[[Cid, bytes], None]


class Source(Protocol):
    """What is read: a binary file, a socket, an upload."""

    def read(self, size: int, /) -> bytes: ...


def _drop(_cid: Cid, _block: bytes) -> None:
    """Forget the block: only the CID is wanted."""


def build_file(source: Source, put: Put = _drop, profile: Profile = DEFAULT_PROFILE) -> Node:
    """Read `source` to its end, hand each block to `put` children first, return the root."""
    levels: list[list[Node]] = [[]]
    chunk = _read_chunk(source, profile.chunk_bytes)
    while True:
        _push(levels, 0, _leaf(chunk, put, profile), put, profile)
        chunk = _read_chunk(source, profile.chunk_bytes)
        if not chunk:
            return _fold(levels, put, profile)


def build_directory(
    entries: Mapping[str, Node], put: Put = _drop, profile: Profile = DEFAULT_PROFILE
) -> Node:
    """Link named nodes into one directory block, in the order of their UTF-8 names."""
    links = []
    for name in sorted(entries, key=_utf8_name):
        links.append(Link(entries[name].cid, name, entries[name].dag_bytes))
    block = format_node(PbNode(tuple(links), UnixFs(Kind.DIRECTORY)))
    if len(block) > MAX_DIRECTORY_BYTES:
        raise BadInput(
            f"a folder with {len(links)} entries needs {len(block)} bytes in one block, "
            f"want at most {MAX_DIRECTORY_BYTES}",
            hint="put the files into several folders",
        )
    below = sum(node.dag_bytes for node in entries.values())
    size = sum(node.size for node in entries.values())
    return Node(_emit(block, DAG_PB, put, profile), size, len(block) + below)


def check_name(name: str) -> None:
    """Refuse a directory entry that could not be a plain file name on every system."""
    encoded = name.encode("utf-8", "replace")
    if not 1 <= len(encoded) <= MAX_NAME_BYTES or name in (".", ".."):
        raise BadInput(f"the name {name!r:.80} is not a file name")
    if any(letter in "/\\" or ord(letter) < 0x20 or ord(letter) == 0x7F for letter in name):
        raise BadInput(f"the name {name!r:.80} holds a slash or a control character")
    # Cf turns text around or hides in it: "gpj.exe" is shown as "exe.jpg".
    for place, letter in enumerate(name):
        if unicodedata.category(letter) == "Cf" and not _is_joiner_in_place(name, place):
            raise BadInput(f"the name {name!r:.80} holds an invisible character")


def _is_joiner_in_place(name: str, place: int) -> bool:
    """Tell whether a joiner stands where it changes how its neighbours are written.

    As in RFC 5892 appendix A: between a virama and a letter, and between letters of a script
    that joins them. Emoji (UTS #51) are joined by ZWJ too. Elsewhere joiners only hide.
    """
    if name[place] not in "\u200c\u200d" or not 0 < place < len(name) - 1:
        return False
    before, after = name[place - 1], name[place + 1]
    if unicodedata.combining(before) == _VIRAMA:
        return unicodedata.category(after)[0] == "L"
    left = name[:place].rstrip(_marks_in(name))
    right = name[place + 1 :].lstrip(_marks_in(name))
    if left and right and _is_joining(left[-1]) and _is_joining(right[0]):
        return True
    is_emoji = unicodedata.category(before) in ("So", "Sk") or before == _EMOJI_STYLE
    return name[place] == "\u200d" and is_emoji and unicodedata.category(after) == "So"


def _marks_in(name: str) -> str:
    return "".join({letter for letter in name if unicodedata.category(letter) == "Mn"})


def _is_joining(letter: str) -> bool:
    """Tell the letters of Arabic script and its kin, which join in writing."""
    return unicodedata.bidirectional(letter) == "AL" and unicodedata.category(letter) == "Lo"


def _utf8_name(name: str) -> bytes:
    check_name(name)
    try:
        return name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadInput(f"the name {name!r:.80} is not UTF-8") from error


def _read_chunk(source: Source, size: int) -> bytes:
    chunk = source.read(size)
    if len(chunk) == size or not chunk:
        return chunk
    # Pipes and sockets give less than was asked; a short chunk would change the CID.
    parts = bytearray(chunk)
    while len(parts) < size and (more := source.read(size - len(parts))):
        parts += more
    return bytes(parts)


def _emit(block: bytes, codec: int, put: Put, profile: Profile) -> Cid:
    cid = cid_of(block, codec=codec, version=profile.version)
    put(cid, block)
    return cid


def _leaf(chunk: bytes, put: Put, profile: Profile) -> Node:
    if profile.raw_leaves:
        return Node(_emit(chunk, RAW, put, profile), len(chunk), len(chunk))
    block = format_node(PbNode((), UnixFs(Kind.FILE, chunk or None, len(chunk))))
    return Node(_emit(block, DAG_PB, put, profile), len(chunk), len(block))


def _parent(children: list[Node], put: Put, profile: Profile) -> Node:
    size = sum(child.size for child in children)
    links = tuple(Link(child.cid, "", child.dag_bytes) for child in children)
    message = UnixFs(Kind.FILE, None, size, tuple(child.size for child in children))
    block = format_node(PbNode(links, message))
    below = sum(child.dag_bytes for child in children)
    return Node(_emit(block, DAG_PB, put, profile), size, len(block) + below)


def _push(levels: list[list[Node]], level: int, node: Node, put: Put, profile: Profile) -> None:
    # A full group is folded only when one more sibling exists: then all leaves keep one depth.
    while len(levels[level]) == profile.width:
        full, levels[level] = levels[level], [node]
        node = _parent(full, put, profile)
        level += 1
        if level == len(levels):
            levels.append([])
    levels[level].append(node)


def _fold(levels: list[list[Node]], put: Put, profile: Profile) -> Node:
    level = 0
    while level < len(levels) - 1 or len(levels[level]) > 1:
        node = _parent(levels[level], put, profile)
        level += 1
        if level == len(levels):
            return node
        _push(levels, level, node, put, profile)
    return levels[level][0]
