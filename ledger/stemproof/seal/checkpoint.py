"""Checkpoints: the three lines that are anchored (C2SP tlog-checkpoint).

    stemproof/9f2c11aa07e1/5d41402abc4b
    1042
    mPaZ…Q0=           (base64 of 32 bytes), then a blank line and the signature

Parsing is strict: text that format_checkpoint would not write is refused. Extension lines, which
other logs may sign, are kept by parse_checkpoint and refused by open_checkpoint: stemproof writes
none. What the root is a root *of* is not said here: a log's own checkpoint holds its map's root.
No I/O. A change here may orphan certificates already issued: see tests/vectors/checkpoint/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed, Refuted
from stemproof.seal.merkle import SIZE_LIMIT, Digest, check_digest
from stemproof.seal.note import Signer, Verifier, check_note, parse_note, sign_note
from stemproof.seal.strict import format_base64, parse_base64, parse_number

# Three short lines and one signature; the origin, written twice, is the only part that can grow.
MAX_CHECKPOINT_SIZE: Final = 4096


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: the root over its first `size` entries."""

    origin: str
    size: int
    root: Digest
    extensions: tuple[str, ...] = ()


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Write the text that is signed."""
    if not 0 <= checkpoint.size < SIZE_LIMIT:
        raise Malformed("checkpoint size", checkpoint.size, "a number from 0 to 2**64 - 1")
    check_digest("checkpoint root", checkpoint.root)
    _check_line("checkpoint origin", checkpoint.origin)
    for line in checkpoint.extensions:
        _check_line("checkpoint extension line", line)
    size, root = str(checkpoint.size), format_base64(checkpoint.root)
    return "".join(f"{line}\n" for line in (checkpoint.origin, size, root, *checkpoint.extensions))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint, which a signature over it must have been checked for."""
    if not text.endswith("\n"):
        raise Malformed("end of the checkpoint", text[-20:], "a newline")
    lines = text[:-1].split("\n")
    if len(lines) < 3:
        raise Malformed("number of lines of the checkpoint", len(lines), "at least 3")
    for line in lines:
        _check_line("line of the checkpoint", line)
    size = parse_number("checkpoint size", lines[1])
    root = check_digest("checkpoint root", parse_base64("checkpoint root", lines[2]))
    return Checkpoint(lines[0], size, root, tuple(lines[3:]))


def sign_checkpoint(checkpoint: Checkpoint, seed: bytes) -> bytes:
    """Write a checkpoint as a note signed by the log's key, under the origin as key name.

    Sign only what is about to be anchored, so that no two checkpoints of one size exist.
    """
    if checkpoint.extensions:
        raise Malformed("number of extension lines", len(checkpoint.extensions), "0")
    return sign_note(format_checkpoint(checkpoint), Signer(checkpoint.origin, seed))


def open_checkpoint(data: bytes, public: bytes, origin: str) -> Checkpoint:
    """Read a stemproof checkpoint and refuse unless `public` signed it for the log `origin`.

    Exactly one signature: a second line by a key that nobody checks would be unsigned bytes.
    """
    if len(data) > MAX_CHECKPOINT_SIZE:
        raise Malformed("size of the checkpoint", len(data), f"at most {MAX_CHECKPOINT_SIZE} bytes")
    note = parse_note(data)
    if len(note.signatures) != 1:
        raise Malformed("number of signatures on the checkpoint", len(note.signatures), "1")
    check_note(note, Verifier(origin, public))
    checkpoint = parse_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise Refuted(f"checkpoint is of log {checkpoint.origin!r:.200}, want {origin!r:.200}")
    if checkpoint.extensions:
        raise Malformed("number of extension lines", len(checkpoint.extensions), "0")
    return checkpoint


def _check_line(what: str, line: str) -> None:
    if not line or any(mark < " " for mark in line):
        raise Malformed(what, line, "one or more characters, no control characters")
