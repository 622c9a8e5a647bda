"""OpenTimestamps proofs (`.ots`): hash operations from a digest to a Bitcoin block's root.

    magic, version 1, 0x08, the SHA-256 digest of the file, then a tree:
    [0xff item]... item      item = 0x00 attestation | operation and the tree after it

Written as python-opentimestamps reads them, and read strictly: every number in its fewest
bytes, nothing left over, and the order of the items is kept, so that writing what was read
gives the same bytes. Operations: append, prepend, SHA-256, RIPEMD-160, Keccak-256; SHA-1
is read, and nothing rests on a path that uses it. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from stemproof.errors import Malformed
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.otswork import Budget

MAGIC: Final = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
VERSION: Final = 1
# A proof of one calendar has a kilobyte; of ten, merged, ten.
MAX_PROOF_BYTES: Final = 64 << 10
# As the reference implementation bounds them.
MAX_MESSAGE_BYTES: Final = 4096
MAX_PAYLOAD_BYTES: Final = 8192
MAX_URI_BYTES: Final = 1000
MAX_DEPTH: Final = 256
# Each costs a hash of at most 4 KiB.
MAX_OPERATIONS: Final = 4096
DIGEST_BYTES: Final = 32
_URI_LETTERS: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:"
)
_BITCOIN: Final = bytes.fromhex("0588960d73d71901")
_PENDING: Final = bytes.fromhex("83dfe30d2ef90c8e")
_FORK: Final = 0xFF
_ATTESTATION: Final = 0x00
SHA256: Final = 0x08
APPEND: Final = 0xF0
PREPEND: Final = 0xF1
SHA1: Final = 0x02
RIPEMD160: Final = 0x03
KECCAK256: Final = 0x67
_WITH_BYTES: Final = (APPEND, PREPEND)
_HASHES: Final = (SHA1, RIPEMD160, SHA256, KECCAK256)


@dataclass(frozen=True, slots=True)
class Bitcoin:
    """The message is the Merkle root of the Bitcoin block of this height."""

    height: int


@dataclass(frozen=True, slots=True)
class Pending:
    """The calendar at this address will know more of the message."""

    uri: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An attestation of a kind that is not known here."""

    tag: bytes
    payload: bytes


Attestation: TypeAlias = Bitcoin | Pending | Unknown


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `argument` is what append and prepend add."""

    tag: int
    argument: bytes = b""


@dataclass(frozen=True, slots=True)
class Step:
    """An operation, and what is known of its result."""

    operation: Operation
    tree: Tree


Item: TypeAlias = Attestation | Step
Tree: TypeAlias = tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of one file's SHA-256 digest."""

    digest: bytes
    tree: Tree


@dataclass(frozen=True, slots=True)
class Attested:
    """An attestation, the message that it is of, and the operations that lead there."""

    attestation: Attestation
    message: bytes
    path: tuple[Operation, ...]


def stamped_digest(data: bytes) -> bytes:
    """Read what an `.ots` file is of, and nothing behind that."""
    head = len(MAGIC)
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed("proof length", len(data), f"at most {MAX_PROOF_BYTES} bytes")
    if data[:head] != MAGIC:
        raise Malformed("beginning of the proof", data[:head].hex(), "that of an .ots file")
    if data[head : head + 1] != bytes([VERSION]):
        raise Malformed("version of the proof", data[head : head + 1].hex(), str(VERSION))
    if data[head + 1 : head + 2] != bytes([SHA256]):
        raise Malformed("hash of the file", data[head + 1 : head + 2].hex(), "SHA-256")
    return data[head + 2 : head + 2 + DIGEST_BYTES]


def parse_proof(data: bytes, budget: Budget | None = None) -> Proof:
    """Read an `.ots` file, within what is left of a budget for several."""
    digest = stamped_digest(data)
    return Proof(digest, parse_tree(data[len(MAGIC) + 2 + DIGEST_BYTES :], digest, budget))


def format_proof(proof: Proof) -> bytes:
    """Write an `.ots` file."""
    return b"".join([MAGIC, bytes([VERSION, SHA256]), proof.digest, format_tree(proof.tree)])


def parse_tree(data: bytes, message: bytes, budget: Budget | None = None) -> Tree:
    """Read what is known of a message, as a calendar answers it."""
    if len(message) != DIGEST_BYTES:
        raise Malformed("digest", message.hex(), f"{DIGEST_BYTES} bytes")
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed("proof length", len(data), f"at most {MAX_PROOF_BYTES} bytes")
    reader = _Reader(data, budget)
    tree = reader.tree(message, 0)
    if reader.place != len(data):
        raise Malformed("proof", f"{len(data) - reader.place} bytes more", "nothing after its end")
    return tree


def format_tree(tree: Tree) -> bytes:
    """Write what is known of a message."""
    parts = [_format_item(item) for item in tree]
    return b"".join([*(bytes([_FORK]) + part for part in parts[:-1]), parts[-1]])


def attestations(proof: Proof) -> Iterator[Attested]:
    """List every attestation with its message; those behind SHA-1 are left out."""
    yield from _walk(proof.tree, proof.digest, ())


def run_operation(operation: Operation, message: bytes) -> bytes:
    """Apply one operation to a message."""
    match operation.tag:
        case 0xF0:
            result = message + operation.argument
        case 0xF1:
            result = operation.argument + message
        case 0x08:
            result = hashlib.sha256(message).digest()
        case 0x67:
            result = keccak256(message)
        case 0x03:
            # OpenSSL 3 keeps it in a module that many systems do not load.
            from Crypto.Hash import RIPEMD160 as HASH

            result = bytes(HASH.new(message).digest())
        case 0x02:
            result = hashlib.sha1(message, usedforsecurity=False).digest()
        case _:
            raise Malformed("operation", hex(operation.tag), "one that is known")
    if len(result) > MAX_MESSAGE_BYTES:
        raise Malformed("message", len(result), f"at most {MAX_MESSAGE_BYTES} bytes")
    return result


def path_proof(digest: bytes, found: Attested) -> Proof:
    """Make a proof of one path alone."""
    tree: Tree = (found.attestation,)
    for operation in reversed(found.path):
        tree = (Step(operation, tree),)
    return Proof(digest, tree)


def merge_trees(first: Tree, second: Tree) -> Tree:
    """Join what two say of one message: attestations, then operations, each once."""
    steps: dict[Operation, Tree] = {}
    told: dict[Attestation, None] = {}
    for item in (*first, *second):
        if not isinstance(item, Step):
            told[item] = None
        elif item.operation in steps:
            steps[item.operation] = merge_trees(steps[item.operation], item.tree)
        else:
            steps[item.operation] = item.tree
    return (*told, *(Step(operation, tree) for operation, tree in steps.items()))


def replace_pending(tree: Tree, message: bytes, uri: str, at: bytes, known: Tree) -> Tree:
    """Put what a calendar knows now of the message `at` in the place of its promise."""
    items: Tree = ()
    for item in tree:
        if isinstance(item, Step):
            after = run_operation(item.operation, message)
            inner = replace_pending(item.tree, after, uri, at, known)
            items = merge_trees(items, (Step(item.operation, inner),))
        elif item == Pending(uri) and message == at:
            items = merge_trees(items, known)
        else:
            items = merge_trees(items, (item,))
    return items


def _walk(tree: Tree, message: bytes, path: tuple[Operation, ...]) -> Iterator[Attested]:
    for item in tree:
        if not isinstance(item, Step):
            yield Attested(item, message, path)
        # Two messages with one SHA-1 can be made: what comes after it proves nothing of this one.
        elif item.operation.tag != SHA1:
            after = run_operation(item.operation, message)
            yield from _walk(item.tree, after, (*path, item.operation))


def _format_item(item: Item) -> bytes:
    if isinstance(item, Step):
        argument = item.operation.argument
        added = _varbytes(argument) if item.operation.tag in _WITH_BYTES else b""
        return bytes([item.operation.tag]) + added + format_tree(item.tree)
    match item:
        case Bitcoin(height):
            tag, payload = _BITCOIN, _varuint(height)
        case Pending(uri):
            tag, payload = _PENDING, _varbytes(uri.encode())
        case Unknown(tag, payload):
            pass
    return bytes([_ATTESTATION]) + tag + _varbytes(payload)


def _varuint(number: int) -> bytes:
    """Write a number in groups of seven bits, the lowest first."""
    groups = []
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def _varbytes(data: bytes) -> bytes:
    return _varuint(len(data)) + data


class _Reader:
    """Bytes that are read from the front, and how many operations they held."""

    def __init__(self, data: bytes, budget: Budget | None = None) -> None:
        self._data, self._budget = data, budget
        self.place = 0
        self._operations = 0

    def tree(self, message: bytes, depth: int) -> Tree:
        """Read one tree; every operation is run, so that its bounds hold."""
        if depth > MAX_DEPTH:
            raise Malformed("proof depth", depth, f"at most {MAX_DEPTH} operations in a row")
        items: list[Item] = []
        seen: set[Operation | Attestation] = set()
        is_last = False
        while not is_last:
            tag = self._byte()
            is_last = tag != _FORK
            item = self._item(tag if is_last else self._byte(), message, depth)
            items.append(item)
            seen.add(item.operation if isinstance(item, Step) else item)
            if len(seen) != len(items):
                raise Malformed("proof", "an item twice", "each once")
        return tuple(items)

    def _item(self, tag: int, message: bytes, depth: int) -> Item:
        if tag == _ATTESTATION:
            return self._attestation()
        if tag not in (*_HASHES, *_WITH_BYTES):
            raise Malformed("operation", hex(tag), "one that is known")
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            raise Malformed("operations of the proof", "more", f"at most {MAX_OPERATIONS}")
        argument = self._varbytes(1, MAX_MESSAGE_BYTES) if tag in _WITH_BYTES else b""
        operation = Operation(tag, argument)
        if self._budget is not None:
            self._budget.spend(len(message) + len(argument))
        return Step(operation, self.tree(run_operation(operation, message), depth + 1))

    def _attestation(self) -> Attestation:
        tag = self._take(8)
        inner = _Reader(self._varbytes(0, MAX_PAYLOAD_BYTES))
        payload = inner._data
        found: Attestation = Unknown(tag, payload)
        if tag == _BITCOIN:
            found = Bitcoin(inner._varuint())
        elif tag == _PENDING:
            uri = inner._varbytes(1, MAX_URI_BYTES)
            if not _URI_LETTERS.issuperset(uri):
                raise Malformed("calendar", uri, "letters, digits and -._/: only")
            found = Pending(uri.decode("ascii"))
        else:
            return found
        if inner.place != len(payload):
            raise Malformed("attestation", payload.hex(), "nothing after its end")
        return found

    def _varuint(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if not byte & 0x80:
                if shift and not byte:
                    raise Malformed("number", hex(number), "one in its fewest bytes")
                return number
            shift += 7
            # A height or a length fits five groups.
            if shift > 28:
                raise Malformed("number", hex(number), "one of at most 35 bits")

    def _varbytes(self, shortest: int, longest: int) -> bytes:
        length = self._varuint()
        if not shortest <= length <= longest:
            raise Malformed("length", length, f"{shortest} to {longest} bytes")
        return self._take(length)

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, count: int) -> bytes:
        taken = self._data[self.place : self.place + count]
        if len(taken) != count:
            raise Malformed("proof", "cut short", f"{count} bytes more")
        self.place += count
        return taken
