"""Timestamps beside a watch: whatever they wait for, recording never waits for them.

    with timestamping(home, command, tell=print):
        watch(home, ...)

A thread looks into the ledger now and then; where something is due it runs the command, a process
of its own that unlocks, asks the chain and ends again. What fails is tried again, ever later, and
told once.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Final

from stemproof.acts.automatic import Due, find_due
from stemproof.acts.home import Home, now, opened
from stemproof.acts.policy import read_policy
from stemproof.errors import StemproofError

# More than a command writes about one timestamp.
_MAX_SAID_BYTES: Final = 16 * 1024
_ERROR: Final = "stemproof: error: "


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often to look, to ask the chain again, and to try again what failed, in seconds."""

    look_s: float = 5.0
    follow_s: float = 120.0
    retry_s: float = 60.0
    longest_retry_s: float = 3600.0
    deadline_s: float = 900.0


RHYTHM: Final = Rhythm()


@contextlib.contextmanager
def timestamping(
    home: Home, command: Sequence[str], *, tell: Callable[[str], None], rhythm: Rhythm = RHYTHM
) -> Iterator[None]:
    """Run the command whenever the ledger's rule says so, until the block ends."""
    beside = _Beside(home, command, tell, rhythm)
    thread = threading.Thread(target=beside.run, name="timestamps", daemon=True)
    thread.start()
    try:
        yield
    finally:
        beside.ended.set()
        # It looks up at once; a command that runs goes on and ends by itself.
        thread.join(timeout=2 * rhythm.look_s)


class _Beside:
    """The loop, and what it remembers from turn to turn."""

    def __init__(
        self, home: Home, command: Sequence[str], tell: Callable[[str], None], rhythm: Rhythm
    ) -> None:
        self.ended = threading.Event()
        self._home = home
        self._command = list(command)
        self._tell = tell
        self._rhythm = rhythm
        self._not_before = 0.0
        self._retry_s = rhythm.retry_s
        self._told = ""
        self._seen: tuple[object, Due] | None = None

    def run(self) -> None:
        """Look until told to end."""
        while not self.ended.wait(self._rhythm.look_s):
            try:
                due = self._look()
            except StemproofError as error:
                # The ledger is in use, or its rule unreadable: the watch itself tells the rest.
                self._say_once(str(error))
                continue
            if due is not Due.NOTHING and time.monotonic() >= self._not_before:
                self._act(due)

    def _look(self) -> Due:
        with opened(self._home) as log:
            policy = read_policy(log)
            if policy is None:
                return Due.NOTHING
            moment = now()
            # What is due by its age, or was sent by hand, is seen a minute later at most.
            mark = log.size, policy, int(moment.timestamp() // 60)
            if self._seen is None or self._seen[0] != mark or self._seen[1] is Due.FOLLOW:
                self._seen = mark, find_due(log, policy, moment)
            return self._seen[1]

    def _act(self, due: Due) -> None:
        self._seen = None
        code, said = self._run_command()
        if self.ended.is_set():
            return
        if code == 0:
            self._told = ""
            self._retry_s = self._rhythm.retry_s
            self._not_before = time.monotonic() + self._rhythm.follow_s * (due is Due.FOLLOW)
            if said:
                self._tell(f"timestamp {said}")
            return
        self._not_before = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, self._rhythm.longest_retry_s)
        self._say_once(f"the next timestamp waits: {said or f'exit code {code}'}")

    def _say_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)

    def _run_command(self) -> tuple[int, str]:
        """Run the command to its end, or leave it to itself when the watch ends."""
        with TemporaryFile() as out, TemporaryFile() as err:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own command, no shell reads it
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    # Ctrl-C ends the watch; what is on its way to the chain may finish.
                    start_new_session=True,
                )
            except OSError as error:
                return 1, f"{self._command[0]} could not be run: {error.strerror}"
            deadline = time.monotonic() + self._rhythm.deadline_s
            while (code := process.poll()) is None:
                if self.ended.wait(0.1):
                    return 0, ""
                if time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    return 1, "it took too long"
            for file in (out, err):
                file.seek(0)
            lines = (out if code == 0 else err).read(_MAX_SAID_BYTES).decode(errors="replace")
            return code, _first(lines, is_error=code != 0)


def own_command(home: Home) -> list[str]:
    """Give the words that run what is due now, by this program."""
    program = [sys.executable, "-P", "-m", "stemproof_cli"]
    return [*program, "--home", str(home.path), "anchor", "--due"]


def _first(text: str, *, is_error: bool) -> str:
    """Take the sentence that counts out of what a command wrote."""
    for line in text.splitlines():
        if not is_error:
            return line.strip()
        if line.startswith(_ERROR):
            return line.removeprefix(_ERROR).strip()
    return ""
