"""The query of an RPC call, read strictly: an option that is not known is refused, not ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from stemproof.content.cid import Cid, parse_cid
from stemproof.errors import Usage

# What clients send with any call and what changes no answer of ours.
_IDLE: Final = frozenset(
    ("stream-channels", "progress", "quiet", "quieter", "silent", "encoding", "offline", "timeout")
)
_BOOLS: Final[Mapping[str, bool]] = {
    "1": True,
    "t": True,
    "true": True,
    "True": True,
    "TRUE": True,
    "0": False,
    "f": False,
    "false": False,
    "False": False,
    "FALSE": False,
}
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")


class Options:
    """The options of one call. To read one makes it known; `check_all_known` refuses the rest."""

    def __init__(self, pairs: tuple[tuple[str, str], ...]) -> None:
        self.args: tuple[str, ...] = tuple(value for name, value in pairs if name == "arg")
        self._values: dict[str, str] = {}
        for name, value in pairs:
            if name != "arg" and self._values.setdefault(name, value) != value:
                raise Usage(f"option {name!r:.40} is given twice")
        self._known: set[str] = set(_IDLE)

    def flag(self, name: str, default: bool) -> bool:
        """Read a boolean option."""
        text = self.text(name, "")
        if text == "":
            return default
        if text not in _BOOLS:
            raise Usage(f"option {name} is {text!r:.40}, want true or false")
        return _BOOLS[text]

    def number(self, name: str, default: int) -> int:
        """Read a whole number without sign."""
        text = self.text(name, str(default))
        if not _NUMBER.fullmatch(text):
            raise Usage(f"option {name} is {text!r:.40}, want a whole number")
        return int(text)

    def text(self, name: str, default: str) -> str:
        """Read an option as it stands."""
        self._known.add(name)
        return self._values.get(name, default)

    def refuse(self, *names: str) -> None:
        """Know options that this node has only in their off position."""
        for name in names:
            if self.flag(name, default=False):
                raise Usage(f"option {name} is not offered by this node")

    def check_all_known(self) -> None:
        """Refuse what nobody asked for; call it when all options are read."""
        if unknown := sorted(self._values.keys() - self._known):
            raise Usage(f"option {unknown[0]!r:.40} is not known to this node")

    def cid(self) -> Cid:
        """Read the single argument, a CID or /ipfs/CID."""
        if len(self.args) != 1:
            raise Usage(f"{len(self.args)} arguments are given, want one CID")
        return cid_argument(self.args[0])


def cid_argument(text: str) -> Cid:
    """Read a CID or the path /ipfs/CID. Paths below a CID are not offered."""
    return parse_cid(text.removeprefix("/ipfs/"))
