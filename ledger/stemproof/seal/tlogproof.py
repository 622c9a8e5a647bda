"""`.tlog-proof` files: one entry's inclusion with the checkpoint it is proved against (C2SP).

    c2sp.org/tlog-proof@v1
    extra <base64>                 (left out when there is none; nothing vouches for it)
    index 73894
    <base64 of 32 bytes>           (the proof, from the leaf's sibling upwards)
    <blank line, then the signed checkpoint, byte for byte>

An export for other people's tools: it shows RFC 6962 inclusion in one work's tree.
Parsing is strict: bytes that format_tlog_proof would not write are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed
from stemproof.seal.checkpoint import Checkpoint, open_checkpoint
from stemproof.seal.merkle import SIZE_LIMIT, Digest, check_digest, check_inclusion
from stemproof.seal.note import MAX_NOTE_SIZE
from stemproof.seal.strict import format_base64, parse_base64, parse_number

HEADER: Final = "c2sp.org/tlog-proof@v1"
# A path in a tree of fewer than 2**64 leaves.
MAX_PROOF_LENGTH: Final = 64
MAX_EXTRA_SIZE: Final = 65_536
_MAX_HEAD_SIZE: Final = 2 * MAX_EXTRA_SIZE


@dataclass(frozen=True, slots=True)
class TlogProof:
    """What a `.tlog-proof` file says; nothing of it checked yet."""

    index: int
    proof: tuple[Digest, ...]
    checkpoint: bytes
    extra: bytes = b""


def format_tlog_proof(proof: TlogProof) -> bytes:
    """Write a `.tlog-proof` file."""
    if not 0 <= proof.index < SIZE_LIMIT:
        raise Malformed("index of the tlog-proof", proof.index, "a number from 0 to 2**64 - 1")
    _check_bounds(proof)
    lines = [HEADER]
    if proof.extra:
        lines.append(f"extra {format_base64(proof.extra)}")
    lines.append(f"index {proof.index}")
    lines += [format_base64(check_digest("node of the tlog-proof", node)) for node in proof.proof]
    return "\n".join(lines).encode("ascii") + b"\n\n" + proof.checkpoint


def parse_tlog_proof(data: bytes) -> TlogProof:
    """Read a `.tlog-proof` file; neither its checkpoint nor its proof is checked."""
    if len(data) > MAX_NOTE_SIZE + _MAX_HEAD_SIZE:
        raise Malformed("size of the tlog-proof", len(data), f"at most {MAX_NOTE_SIZE}")
    head, blank, checkpoint = data.partition(b"\n\n")
    if not blank:
        raise Malformed("tlog-proof", data, "a proof, a blank line and a checkpoint")
    if not head.isascii() or len(head) > _MAX_HEAD_SIZE:
        raise Malformed("head of the tlog-proof", head, f"ASCII of at most {_MAX_HEAD_SIZE} bytes")
    lines = head.decode("ascii").split("\n")
    if lines.pop(0) != HEADER:
        raise Malformed("first line of the tlog-proof", head, HEADER)
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = parse_base64("extra of the tlog-proof", lines.pop(0).removeprefix("extra "))
        if not extra:
            raise Malformed("extra of the tlog-proof", "empty", "at least one byte or no such line")
    if not lines or not lines[0].startswith("index "):
        raise Malformed("line of the tlog-proof", lines[:1], "'index <number>'")
    index = parse_number("index of the tlog-proof", lines.pop(0).removeprefix("index "))
    nodes = tuple(_parse_node(line) for line in lines[: MAX_PROOF_LENGTH + 1])
    proof = TlogProof(index, nodes, checkpoint, extra)
    _check_bounds(proof)
    return proof


def check_tlog_proof(proof: TlogProof, leaf: bytes, public: bytes, origin: str) -> Checkpoint:
    """Refuse unless the entry with hash `leaf` is in the tree that log `origin` signed.

    `extra` is not covered by anything and must not be believed.
    """
    checkpoint = open_checkpoint(proof.checkpoint, public, origin)
    check_inclusion(leaf, proof.index, checkpoint.size, proof.proof, checkpoint.root)
    return checkpoint


def _parse_node(line: str) -> Digest:
    return check_digest("node of the tlog-proof", parse_base64("node of the tlog-proof", line))


def _check_bounds(proof: TlogProof) -> None:
    if len(proof.proof) > MAX_PROOF_LENGTH:
        raise Malformed("length of the tlog-proof", len(proof.proof), f"at most {MAX_PROOF_LENGTH}")
    if len(proof.extra) > MAX_EXTRA_SIZE:
        raise Malformed("size of the extra", len(proof.extra), f"at most {MAX_EXTRA_SIZE} bytes")
    if not proof.checkpoint or len(proof.checkpoint) > MAX_NOTE_SIZE:
        raise Malformed("size of the checkpoint", len(proof.checkpoint), f"1 to {MAX_NOTE_SIZE}")
