"""Merkle-Patricia tries (Yellow Paper, appendix D): proofs of a value or of its absence.

A proof is the nodes from the root to where the key ends or leaves the trie, in that
order, each written in full. A node shorter than 32 bytes is embedded in its parent and
does not appear. A proof of the empty trie has no node at all. Every node must be used:
a proof with one node more is refused, so nothing unproved can ride along.

Keys are taken as they are: hash them first where the trie is a "secure" one.
`build_proof` makes the proof for one item of a list, as receipts are kept: the key of
item n is RLP(n). No I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.keccak import keccak256
from stemproof.evidence.rlp import RlpItem, as_bytes, decode_list, encode_integer, encode_rlp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
# One node a nibble of a hashed key, and the leaf.
MAX_NODES = 65
MAX_KEY_BYTES = 32
# Yellow Paper, equation 196: shorter nodes stand inside their parent.
_EMBEDDED_BELOW = 32
_ABSENT = b""


def prove_value(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """Yield the value at `key` under `root`, or None where the nodes prove that there is none."""
    if len(nodes) > MAX_NODES or len(key) > MAX_KEY_BYTES:
        raise Malformed("trie proof", len(nodes), f"at most {MAX_NODES} nodes for a short key")
    if root == EMPTY_ROOT:
        if nodes:
            raise Malformed("trie proof", len(nodes), "no nodes: the trie is empty")
        return None
    return _Walk(root, key, nodes).value()


def build_proof(items: Sequence[bytes], index: int) -> tuple[bytes, list[bytes]]:
    """Build the trie of a list (key = RLP of the position): its root, and the proof of one."""
    entries = {encode_rlp(encode_integer(n)): item for n, item in enumerate(items)}
    return build_trie_proof(entries, encode_rlp(encode_integer(index)))


def build_trie_proof(entries: Mapping[bytes, bytes], key: bytes) -> tuple[bytes, list[bytes]]:
    """Build a trie of not empty values: its root, and the proof for `key`, present or not."""
    if not entries:
        return EMPTY_ROOT, []
    builder = _Builder(_nibbles(key))
    root_node = builder.node(
        sorted((_nibbles(each), value) for each, value in entries.items()), 0, on_path=True
    )
    encoded = encode_rlp(root_node)
    return keccak256(encoded), [encoded, *reversed(builder.nodes)]


class _Walk:
    """The way down from the root, node by node."""

    __slots__ = ("next", "nodes", "path", "root")

    def __init__(self, root: bytes, key: bytes, nodes: Sequence[bytes]) -> None:
        self.root = root
        self.nodes = nodes
        self.path = _nibbles(key)
        self.next = 0

    def value(self) -> bytes | None:
        """Walk to the end of the key and demand that no node is left over."""
        found = self._descend(self._load(self.root))
        if self.next != len(self.nodes):
            raise Refuted(
                f"the trie proof has {len(self.nodes)} nodes, the way to the key uses {self.next}"
            )
        return found or None

    def _descend(self, node: list[RlpItem]) -> bytes:
        while True:
            if len(node) == 17:
                if not self.path:
                    return as_bytes(node[16], "branch value")
                child = node[self.path[0]]
                self.path = self.path[1:]
            elif len(node) == 2:
                is_leaf, part = _parse_path(as_bytes(node[0], "trie path"))
                if is_leaf:
                    value = as_bytes(node[1], "leaf value")
                    if not value:
                        raise Malformed("leaf value", value, "at least one byte")
                    return value if part == self.path else _ABSENT
                if not part:
                    raise Malformed("extension path", part, "at least one nibble")
                if self.path[: len(part)] != part:
                    return _ABSENT
                self.path = self.path[len(part) :]
                child = node[1]
                if child == b"":
                    raise Malformed("extension", child, "a child")
            else:
                raise Malformed("trie node", len(node), "17 or 2 items")
            if child == b"":
                return _ABSENT
            node = self._child(child)

    def _child(self, child: RlpItem) -> list[RlpItem]:
        if isinstance(child, list):
            if len(encode_rlp(child)) >= _EMBEDDED_BELOW:
                raise Malformed("embedded trie node", child, "fewer than 32 bytes")
            return child
        node = self._load(as_bytes(child, "trie reference", 32))
        if len(self.nodes[self.next - 1]) < _EMBEDDED_BELOW:
            raise Malformed("trie node", self.nodes[self.next - 1], "at least 32 bytes")
        return node

    def _load(self, digest: bytes) -> list[RlpItem]:
        if self.next == len(self.nodes):
            raise Refuted(f"the trie proof ends after {self.next} nodes, before the key is decided")
        data = self.nodes[self.next]
        if keccak256(data) != digest:
            raise Refuted(
                f"node {self.next} of the trie proof hashes to {keccak256(data).hex()}, "
                f"its parent says {digest.hex()}"
            )
        self.next += 1
        return decode_list(data, what="trie node")


class _Builder:
    """Builds a trie from sorted entries and keeps the nodes along one key."""

    __slots__ = ("key", "nodes")

    def __init__(self, key: bytes) -> None:
        self.key = key
        # Deepest first: a child is written before its parent.
        self.nodes: list[bytes] = []

    def node(
        self, entries: list[tuple[bytes, bytes]], depth: int, *, on_path: bool
    ) -> list[RlpItem]:
        """Write the node for entries that share their first `depth` nibbles."""
        first, last = entries[0][0], entries[-1][0]
        if len(entries) == 1:
            return [_format_path(first[depth:], is_leaf=True), entries[0][1]]
        end = depth
        # Sorted: what the first and the last share, all share.
        while end < len(first) and first[end] == last[end]:
            end += 1
        if end > depth:
            follows = on_path and self.key[depth:end] == first[depth:end]
            branch = self._branch(entries, end, on_path=follows)
            return [_format_path(first[depth:end], is_leaf=False), self._refer(branch, follows)]
        return self._branch(entries, depth, on_path=on_path)

    def _branch(
        self, entries: list[tuple[bytes, bytes]], depth: int, *, on_path: bool
    ) -> list[RlpItem]:
        branch: list[RlpItem] = [b""] * 17
        if len(entries[0][0]) == depth:
            branch[16] = entries[0][1]
            entries = entries[1:]
        groups: dict[int, list[tuple[bytes, bytes]]] = {}
        for entry in entries:
            groups.setdefault(entry[0][depth], []).append(entry)
        for nibble, group in groups.items():
            follows = on_path and self.key[depth : depth + 1] == bytes([nibble])
            branch[nibble] = self._refer(self.node(group, depth + 1, on_path=follows), follows)
        return branch

    def _refer(self, node: list[RlpItem], on_path: bool) -> RlpItem:
        encoded = encode_rlp(node)
        if len(encoded) < _EMBEDDED_BELOW:
            return node
        if on_path:
            self.nodes.append(encoded)
        return keccak256(encoded)


def _nibbles(key: bytes) -> bytes:
    return bytes(nibble for byte in key for nibble in (byte >> 4, byte & 15))


def _format_path(nibbles: bytes, *, is_leaf: bool) -> bytes:
    # Yellow Paper, appendix C: hex-prefix encoding.
    flag = (2 if is_leaf else 0) + len(nibbles) % 2
    padded = bytes([flag, *nibbles]) if len(nibbles) % 2 else bytes([flag, 0, *nibbles])
    return bytes(padded[n] << 4 | padded[n + 1] for n in range(0, len(padded), 2))


def _parse_path(data: bytes) -> tuple[bool, bytes]:
    """Read a hex-prefix path: whether it ends in a leaf, and its nibbles."""
    flag = data[0] >> 4 if data else 4
    if flag > 3 or (flag % 2 == 0 and data[0] & 15):
        raise Malformed("trie path", data, "a hex-prefix path")
    nibbles = _nibbles(data)
    return flag >= 2, nibbles[1:] if flag % 2 else nibbles[2:]
