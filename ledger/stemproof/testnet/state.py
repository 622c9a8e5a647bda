"""The folder of a local chain: its state, log, process id, and a copy that is known to be whole.

anvil rewrites its state file in place every second, so a kill can leave half a file. A state
file that parses is copied aside at each start and stop; half a file is replaced by the copy.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stemproof.anchor.filelock import hold_lock
from stemproof.errors import BadInput, Unavailable

_GOOD_COPY_AGE_S = 60.0
# A state of a long-lived chain is some hundred megabytes.
_COPY_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What is written down about a running anvil."""

    pid: int
    port: int
    instance: str


@dataclass(frozen=True, slots=True)
class StateDir:
    """Paths in the folder of one local chain."""

    path: Path

    @property
    def state(self) -> Path:
        """Blocks, accounts and historical states, written by anvil."""
        return self.path / "anvil.json"

    @property
    def good(self) -> Path:
        """The last state file that was seen whole."""
        return self.path / "anvil.good.json"

    @property
    def log(self) -> Path:
        """What anvil prints."""
        return self.path / "anvil.log"

    @property
    def run(self) -> Path:
        """Process id, port and instance of the running anvil."""
        return self.path / "anvil.run.json"

    def make_private(self) -> None:
        """Make the folder, and close it and the files that anvil wrote to other people."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for file in (self.state, self.good, self.run, self.log):
                if file.exists():
                    file.chmod(0o600)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be used: {error.strerror}") from error

    def read_run(self) -> Run | None:
        """Read which anvil was started here; None when none was, or the note is damaged."""
        try:
            noted = json.loads(self.run.read_bytes())
            run = Run(int(noted["pid"]), int(noted["port"]), str(noted["instance"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None
        # Signals to 0 and below would go to groups of processes.
        return run if run.pid > 1 else None

    def write_run(self, run: Run) -> None:
        """Note a running anvil, in one step."""
        beside = self.run.with_suffix(".new")
        noted = {"pid": run.pid, "port": run.port, "instance": run.instance}
        with open(beside, "w", encoding="utf-8", opener=_open_private) as file:
            file.write(json.dumps(noted))
        os.replace(beside, self.run)

    def keep_good_copy(self) -> bool:
        """Copy the state aside if it is whole; say whether it was."""
        with self._beside_good() as beside:
            if _find_height(self.state) is None:
                return False
            _copy_private(self.state, beside)
            os.replace(beside, self.good)
        return True

    def refresh_good_copy(self) -> None:
        """Copy the state aside if the last copy is old: looking at a big state takes a while."""
        try:
            age_s = time.time() - self.good.stat().st_mtime
        except OSError:
            age_s = _GOOD_COPY_AGE_S
        if age_s >= _GOOD_COPY_AGE_S:
            self.keep_good_copy()
        elif self._half_copy.exists():
            with self._beside_good():
                pass

    def write_good(self, state: bytes) -> None:
        """Write a state that anvil handed over as the good copy, in one step."""
        with self._beside_good() as beside:
            with open(beside, "wb", opener=_open_private) as file:
                file.write(state)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self.good)

    @property
    def _half_copy(self) -> Path:
        return self.good.with_suffix(".new")

    @contextmanager
    def _beside_good(self) -> Iterator[Path]:
        """Give the place where a copy grows, to one process at a time and cleared of an old one."""
        with hold_lock(self.path / "anvil.good.lock", timeout_s=_COPY_TIMEOUT_S):
            # Left behind by a program that was killed while it copied.
            self._half_copy.unlink(missing_ok=True)
            yield self._half_copy

    def mend(self) -> None:
        """Put the good copy in place of half a state file, or of one that is behind it."""
        if not self.state.exists():
            # A new chain was wanted: the copy is of another one.
            self.good.unlink(missing_ok=True)
            return
        written, kept = _find_height(self.state), _find_height(self.good)
        if written is None and kept is None:
            raise BadInput(
                f"the local chain's state in {self.state} is damaged and there is no whole copy",
                hint="remove that file to begin a new local chain",
            )
        if kept is not None and (written is None or kept > written):
            _copy_private(self.good, self.state)
        else:
            self.keep_good_copy()

    def last_words(self) -> str:
        """The last line that anvil printed."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text[-4096:].splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _copy_private(source: Path, target: Path) -> None:
    with source.open("rb") as read, open(target, "wb", opener=_open_private) as written:
        shutil.copyfileobj(read, written)


def _find_height(path: Path) -> int | None:
    """Read the number of the newest block in a state file; None where the file is not whole."""
    try:
        state = json.loads(path.read_bytes())
        height = state["best_block_number"]
        return int(height, 16) if isinstance(height, str) else int(height)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
