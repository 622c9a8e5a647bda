"""What every home of a pin can do: stemproof's own node, Kubo, later services.

One contract test runs over all of them. A backend is believed in nothing: `add_file` compares the
CID that it returns with the one computed here, `get_block` compares the bytes with their CID.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from stemproof.content.cid import Cid
from stemproof.content.unixfs import Node, Profile


class Backend(Protocol):
    """A place that keeps pins."""

    @property
    def name(self) -> str:
        """What to call it in messages: its address."""
        ...

    def describe(self) -> str:
        """Say what answers there: program and version. Raise Unavailable if nothing does."""
        ...

    def add_file(self, path: Path, profile: Profile) -> Node:
        """Upload a file and pin it; raise unless the home names it as we do."""
        ...

    def add_car(self, car: Path) -> Cid:
        """Upload a CAR and pin its root; the way for folders."""
        ...

    def has(self, root: Cid) -> bool:
        """Tell whether the home says that it keeps `root` and all below it."""
        ...

    def get_block(self, cid: Cid) -> bytes:
        """Fetch one block that the home itself holds, checked."""
        ...

    def rm(self, root: Cid) -> None:
        """Let the home forget a pin. Copies elsewhere are not recalled by that."""
        ...
