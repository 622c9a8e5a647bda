"""Signed notes: text with Ed25519 signatures under it (C2SP signed-note).

    text, one or more lines, each ending in a newline
    <blank line>
    — <key name> <base64 of 4 bytes key id, 64 bytes signature>

The signatures cover the text with its last newline, not the blank line. A key id is
SHA-256(key name || 0x0A || 0x01 || public key)[:4].

Parsing is strict: bytes that format_note would not write are refused. Signatures by keys that the
verifier does not know are ignored, as the specification wants, so they are *unsigned bytes*:
whoever needs every byte covered demands one signature (checkpoint.open_checkpoint does).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from stemproof.errors import Malformed, Refuted
from stemproof.seal import ed25519
from stemproof.seal.strict import format_base64, parse_base64

# The bounds of golang.org/x/mod/sumdb/note: room for post-quantum signatures of 5 kB each.
MAX_NOTE_SIZE: Final = 1_000_000
MAX_SIGNATURES: Final = 100

_ED25519: Final = b"\x01"  # signature type byte, C2SP signed-note section "Signature types"
_DASH: Final = "\N{EM DASH}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line; `value` has no fixed length, since the key may be of any kind."""

    name: str
    key_id: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text and the signatures under it; none of them checked yet."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key that a verifier trusts, under the name that it signs with."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that say which key signed; a hint, not a proof."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the name that it signs with."""

    name: str
    seed: bytes = field(repr=False)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, ed25519.public_of(self.seed))


def check_key_name(name: str) -> None:
    """Refuse a name that a signature line cannot hold."""
    # str.isspace is Unicode's White_Space and U+001C to U+001F, which no note may hold anyway.
    if not name or "+" in name or any(mark.isspace() or mark < " " for mark in name):
        raise Malformed("key name", name, "one or more characters, no space, no '+', no control")


def sign_note(text: str, signer: Signer) -> bytes:
    """Write a note with one signature."""
    check_key_name(signer.name)
    _check_text(text)
    value = ed25519.sign(signer.seed, text.encode())
    return format_note(Note(text, (Signature(signer.name, signer.verifier.key_id, value),)))


def format_note(note: Note) -> bytes:
    """Write the text, a blank line and the signature lines."""
    lines = (
        f"{_DASH} {each.name} {format_base64(each.key_id + each.value)}\n"
        for each in note.signatures
    )
    return (note.text + "\n" + "".join(lines)).encode()


def parse_note(data: bytes) -> Note:
    """Read a note; no signature is checked, so its text must not be believed yet."""
    if len(data) > MAX_NOTE_SIZE:
        raise Malformed("size of the note", len(data), f"at most {MAX_NOTE_SIZE} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("note", data, "valid UTF-8") from error
    # The last blank line separates: the text may hold blank lines of its own.
    text, blank, tail = whole.rpartition("\n\n")
    if not blank:
        raise Malformed("note", whole, "a text, a blank line and signatures")
    text += "\n"
    _check_text(text)
    if not tail.endswith("\n"):
        raise Malformed("end of the note", tail[-20:], "a newline after the last signature")
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed("number of signatures", len(lines), f"at most {MAX_SIGNATURES}")
    return Note(text, tuple(_parse_signature(line) for line in lines))


def check_note(note: Note, verifier: Verifier) -> None:
    """Refuse unless the verifier's key signed the text, once; other keys' lines are ignored."""
    ed25519.check_public(verifier.public)
    key_id = verifier.key_id
    own = [each for each in note.signatures if (each.name, each.key_id) == (verifier.name, key_id)]
    if not own:
        raise Refuted(f"note has no signature by {verifier.name!r:.200}, key id {key_id.hex()}")
    if len(own) > 1:
        raise Malformed(f"number of signatures by key id {key_id.hex()}", len(own), "1")
    ed25519.check_signature(verifier.public, note.text.encode(), own[0].value)


def format_verifier(verifier: Verifier) -> str:
    """Write the one-line form of a public key, <name>+<key id in hex>+<base64>."""
    check_key_name(verifier.name)
    encoded = format_base64(_ED25519 + verifier.public)
    return f"{verifier.name}+{verifier.key_id.hex()}+{encoded}"


def parse_verifier(line: str) -> Verifier:
    """Read the one-line form of a public key; only Ed25519 keys are known."""
    parts = line.split("+", 2)
    if len(parts) != 3:
        raise Malformed("verifier key", line, "<name>+<8 hex digits>+<base64>")
    name, _, encoded = parts
    check_key_name(name)
    value = parse_base64("key of the verifier key", encoded)
    if value[:1] != _ED25519:
        raise Malformed("kind of the verifier key", value[:1].hex(), "01, Ed25519")
    verifier = Verifier(name, value[1:])
    ed25519.check_public(verifier.public)
    if format_verifier(verifier) != line:
        raise Malformed("verifier key", line, f"key id {verifier.key_id.hex()}")
    return verifier


def _parse_signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != _DASH:
        raise Malformed("signature line", line, f"'{_DASH} <key name> <base64>'")
    check_key_name(parts[1])
    value = parse_base64("signature", parts[2])
    if len(value) < 5:
        raise Malformed("signature", parts[2], "4 bytes key id and at least 1 more")
    return Signature(parts[1], value[:4], value[4:])


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise Malformed("end of the note's text", text[-20:], "a newline")
    control = next((mark for mark in text if mark < " " and mark != "\n"), None)
    if control is not None:
        raise Malformed("character of the note", control, "no control character but newline")
