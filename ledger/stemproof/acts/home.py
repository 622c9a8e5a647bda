"""The ledger folder: where everything of one artist on one device lies.

    ledger.db     the log            keys.age, keys.json, device.json   see docs/keys.md
    blocks/       pinned content     testnet/    the local chain         tools/  anvil
    locks/        one a process kind  sealing/    what is being encrypted

Nothing here reads the environment; the command line says which folder it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stemproof.errors import Unavailable
from stemproof.log.store import Log, open_log


@dataclass(frozen=True, slots=True)
class Home:
    """Paths inside a ledger folder."""

    path: Path

    @property
    def database(self) -> Path:
        """The log."""
        return self.path / "ledger.db"

    @property
    def blocks(self) -> Path:
        """What stemproof's own node serves."""
        return self.path / "node"

    @property
    def pins(self) -> Path:
        """CARs of pinned content."""
        return self.path / "pins"

    @property
    def testnet(self) -> Path:
        """The state of the local chain."""
        return self.path / "testnet"

    @property
    def tools(self) -> Path:
        """Programs installed for this ledger."""
        return self.path / "tools"

    @property
    def locks(self) -> Path:
        """Locks between processes."""
        return self.path / "locks"

    @property
    def chains_file(self) -> Path:
        """Chains that the user added."""
        return self.path / "chains.json"

    @property
    def exists(self) -> bool:
        """Whether a ledger is here."""
        return self.database.exists()

    def make(self) -> None:
        """Make the folder, for its owner only."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                # A folder of somebody else's is used as it is, where that is possible at all.
                with suppress(PermissionError):
                    self.path.chmod(0o700)
        except OSError as error:
            raise Unavailable(
                f"the ledger folder {self.path} cannot be made: {error.strerror}",
                hint="choose another with --home",
            ) from error


@contextmanager
def opened(home: Home) -> Iterator[Log]:
    """Open a ledger's log for the length of one deed."""
    with open_log(home.database) as log:
        yield log


def now() -> datetime:
    """Read the clock; deeds take the moment as an argument where tests need one."""
    return datetime.now(UTC)
