"""EIP-712: the digest that a wallet signs for a typed message.

    digest = keccak256(0x1901 || domain separator || hash of the struct)

Member types: bytes32, address, bool, uint8 to uint256, string, bytes, another struct of
the same table, and arrays `T[]` of any of these. Values are Python's own: bytes for
bytes32, bytes and address (20 bytes), int, bool, str, Mapping for a struct, list or
tuple for an array. A value that does not fit its type is refused, never cut. No I/O.

    >>> types = {"Note": (("text", "string"),)}
    >>> hash_struct(types, "Note", {"text": "hi"}).hex()[:8]
    'add79835'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stemproof.errors import Malformed
from stemproof.evidence.keccak import keccak256

Members: TypeAlias = tuple[tuple[str, str], ...]
Types: TypeAlias = Mapping[str, Members]

_UINT = re.compile(r"uint([1-9][0-9]{0,2})\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
# Our own messages are flat; EIP-712's example is two deep.
MAX_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature counts: one contract, on one chain."""

    name: str
    version: str
    chain_id: int
    contract: bytes


_DOMAIN_TYPES: Types = {
    "EIP712Domain": (
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    )
}


def typed_digest(
    domain: Domain, types: Types, primary: str, message: Mapping[str, object]
) -> bytes:
    """Compute the 32 bytes that a wallet signs for `message`."""
    return keccak256(b"\x19\x01" + domain_separator(domain) + hash_struct(types, primary, message))


def domain_separator(domain: Domain) -> bytes:
    """Hash the domain; our contracts use these four members, without salt."""
    values = {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": domain.contract,
    }
    return hash_struct(_DOMAIN_TYPES, "EIP712Domain", values)


def encode_type(types: Types, primary: str) -> str:
    """Write a struct's type: itself, then the structs that it uses, by name."""
    used = _used_structs(types, primary, set())
    order = [primary, *sorted(used - {primary})]
    return "".join(
        f"{name}({','.join(f'{kind} {member}' for member, kind in types[name])})" for name in order
    )


def hash_struct(
    types: Types, primary: str, values: Mapping[str, object], *, depth: int = 0
) -> bytes:
    """Hash a struct; exactly the members of its type must be given."""
    if depth > MAX_DEPTH:
        raise Malformed("nesting of a typed message", depth, f"at most {MAX_DEPTH}")
    type_hash = keccak256(encode_type(types, primary).encode())
    members = types[primary]
    if set(values) != {name for name, _ in members}:
        raise Malformed(f"members of {primary}", sorted(values), f"{[name for name, _ in members]}")
    return keccak256(
        type_hash + b"".join(_encode(types, kind, values[name], depth) for name, kind in members)
    )


def _encode(types: Types, kind: str, value: object, depth: int) -> bytes:
    """Encode one member as its 32-byte word."""
    if kind.endswith("[]"):
        if not isinstance(value, (list, tuple)):
            raise Malformed(kind, value, "a list")
        return keccak256(b"".join(_encode(types, kind[:-2], item, depth + 1) for item in value))
    if kind in types:
        if not isinstance(value, Mapping):
            raise Malformed(kind, value, "a mapping")
        return hash_struct(types, kind, value, depth=depth + 1)
    if match := _UINT.match(kind):
        return _encode_integer(kind, int(match[1]), value)
    match kind, value:
        case "bytes32", bytes() if len(value) == 32:
            return value
        case "address", bytes() if len(value) == 20:
            return value.rjust(32, b"\0")
        case "bool", bool():
            return int(value).to_bytes(32, "big")
        case "string", str():
            return keccak256(_utf8(value))
        case "bytes", bytes():
            return keccak256(value)
    raise Malformed(f"value of type {kind}", value, "a known type and a value that fits it")


def _encode_integer(kind: str, bits: int, value: object) -> bytes:
    if bits % 8 or bits > 256:
        raise Malformed("integer type", kind, "uint8 to uint256")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise Malformed(f"value of type {kind}", value, f"0 to 2**{bits} - 1")
    return value.to_bytes(32, "big")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Malformed("string", text, "Unicode without lone surrogates") from error


def _used_structs(types: Types, name: str, seen: set[str]) -> set[str]:
    if name not in types or not _NAME.match(name):
        raise Malformed("struct", name, "a name in the table of types")
    if name not in seen:
        seen.add(name)
        for _, kind in types[name]:
            element = kind.rstrip("[]")
            if element in types:
                _used_structs(types, element, seen)
    return seen
