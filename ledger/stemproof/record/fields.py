"""Members of a signed statement, taken out one by one and strictly. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stemproof.errors import Malformed, Undecided
from stemproof.record.canonical import Json, parse_object

_HEX = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object and its name in messages."""

    what: str
    members: dict[str, Json]

    @classmethod
    def parse(cls, data: bytes, *, what: str, version: int, max_bytes: int) -> Fields:
        """Read a canonical object of this format version; a newer one is undecided."""
        members = parse_object(data, what=what, max_bytes=max_bytes)
        found = members.get("v")
        if type(found) is int and found > version:
            raise Undecided(
                f"the {what} has format version {found}, this program knows {version}",
                hint="a newer stemproof may read it",
            )
        if type(found) is not int or found != version:
            raise Malformed(f"{what} version", found, str(version))
        return cls(what, members)

    def inner(self, name: str) -> Fields:
        """Take a member that is an object."""
        value = self.members.get(name)
        if not isinstance(value, dict):
            raise Malformed(f"{self.what} {name}", value, "an object")
        return Fields(f"{self.what} {name}", value)

    def text(self, name: str) -> str:
        """Take a member that is a string."""
        value = self.members.get(name)
        if not isinstance(value, str):
            raise Malformed(f"{self.what} {name}", value, "a string")
        return value

    def demand_text(self, name: str, want: str) -> None:
        """Refuse any other text than `want`."""
        if self.text(name) != want:
            raise Malformed(f"{self.what} {name}", self.members[name], want)

    def hex_bytes(self, name: str, length: int) -> bytes:
        """Take `length` bytes written in lower-case hex."""
        value = self.members.get(name)
        if not isinstance(value, str) or len(value) != 2 * length or not _HEX.fullmatch(value):
            raise Malformed(f"{self.what} {name}", value, f"{2 * length} lower-case hex digits")
        return bytes.fromhex(value)

    def objects(self, name: str) -> tuple[Fields, ...]:
        """Take a list of objects."""
        inner = f"{self.what} {name}"
        found = tuple(Fields(inner, item) for item in self._list(name) if isinstance(item, dict))
        if len(found) != len(self._list(name)):
            raise Malformed(inner, self.members[name], "a list of objects")
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """Take a list of strings."""
        found = tuple(item for item in self._list(name) if isinstance(item, str))
        if len(found) != len(self._list(name)):
            raise Malformed(f"{self.what} {name}", self.members[name], "a list of strings")
        return found

    def flag(self, name: str) -> bool:
        """Take true or false."""
        value = self.members.get(name)
        if not isinstance(value, bool):
            raise Malformed(f"{self.what} {name}", value, "true or false")
        return value

    def number(self, name: str) -> int:
        """Take an integer from 0."""
        return _natural(self.members.get(name), f"{self.what} {name}")

    def numbers(self, name: str) -> tuple[int, ...]:
        """Take a list of integers from 0."""
        return tuple(_natural(item, f"{self.what} {name}") for item in self._list(name))

    def _list(self, name: str) -> list[Json]:
        value = self.members.get(name)
        if not isinstance(value, list):
            raise Malformed(f"{self.what} {name}", value, "a list")
        return value


def _natural(value: Json, what: str) -> int:
    # bool is a subclass of int.
    if type(value) is not int or value < 0:
        raise Malformed(what, value, "an integer from 0")
    return value
