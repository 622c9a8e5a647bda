"""One kept file as it is encrypted: by itself, or as a difference from another.

The age plaintext (one X25519 recipient) is canonical JSON, a line feed, and LZMA:

    {"content":608123,"difference":true,"head":"","memory":8,"packing":"plain","tail":"",
     "zlib":"1.2.13"}

`head`, `memory`, `packing` and `tail` say how the file was packed (`packing`), `zlib` what
packed it here. Whoever reads compares the digest of the whole.
"""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Sequence
from typing import Final

from stemproof.errors import Locked, Malformed
from stemproof.log.difference import apply_difference
from stemproof.log.packing import MAX_CONTENT, Content
from stemproof.record.canonical import canonical_bytes, parse_object

# Up to so many bytes LZMA packs by these presets; denser is slower, and a save is waiting.
_PRESETS: Final = ((128 << 10, 6), (8 << 20, 1))
# The windows of those presets, as liblzma has them.
_WINDOWS: Final = {0: 256 << 10, 1: 1 << 20, 6: 8 << 20}
_MAX_HEAD: Final = 4096

Unseal = Callable[[bytes], bytes]
"""Opens what was encrypted to the vault's recipient; raises `Locked` where it cannot."""


def seal(content: Content, difference: bytes | None, recipient: str) -> bytes:
    """Encrypt a file's content, or what differs in it from another's."""
    from pyrage import encrypt, x25519

    payload = content.data if difference is None else difference
    head = canonical_bytes(
        {
            "content": len(content.data),
            "difference": difference is not None,
            "head": content.head.hex(),
            "memory": content.memory,
            "packing": content.packing,
            "tail": content.tail.hex(),
            "zlib": zlib.ZLIB_RUNTIME_VERSION,
        }
    )
    preset = next((preset for size, preset in _PRESETS if len(payload) <= size), 0)
    # A preset's window is megabytes, and clearing it takes longer than packing a short text.
    window = min(1 << max(len(payload), 1 << 12).bit_length(), _WINDOWS[preset])
    filters = [{"id": lzma.FILTER_LZMA1, "preset": preset, "dict_size": window}]
    packed = lzma.compress(payload, lzma.FORMAT_ALONE, filters=filters)
    return bytes(encrypt(head + b"\n" + packed, [x25519.Recipient.from_str(recipient)]))


def open_with(identities: Sequence[str]) -> Unseal:
    """Make what opens kept files by age identities, the newest first."""
    from pyrage import DecryptError, decrypt, x25519

    keys = [x25519.Identity.from_str(text) for text in identities]

    def unseal(sealed: bytes) -> bytes:
        try:
            return bytes(decrypt(sealed, keys))
        except DecryptError as error:
            raise Locked("a kept file does not open by these keys, or is damaged") from error

    return unseal


def read_part(part: bytes, base: bytes) -> Content:
    """Read what was encrypted; `base` is the content that it may be a difference from."""
    head, _, packed = part.partition(b"\n")
    fields = parse_object(head, what="kept file", max_bytes=_MAX_HEAD)
    try:
        size = int(str(fields["content"]))
        packing, memory = str(fields["packing"]), int(str(fields["memory"]))
        before, behind = (bytes.fromhex(str(fields[name])) for name in ("head", "tail"))
        is_difference = fields["difference"] is True
    except (KeyError, ValueError) as error:
        raise Malformed("kept file", head, "the members that keeping writes") from error
    payload = _unpack_lzma(packed, MAX_CONTENT)
    data = apply_difference(base, payload) if is_difference else payload
    if len(data) != size:
        raise Malformed("kept file", f"{len(data)} bytes", f"{size} bytes")
    return Content(packing, data, before, behind, memory)


def _unpack_lzma(packed: bytes, max_bytes: int) -> bytes:
    reader = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    try:
        data = reader.decompress(packed, max_bytes)
    except lzma.LZMAError as error:
        raise Malformed("kept file", "other bytes", "LZMA") from error
    if not reader.eof:
        raise Malformed("kept file", f"{len(data)} bytes and more", "an end")
    return data
