"""Asking why at the terminal of a watch: one key, then one line; the watch never waits for it."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from stemproof.errors import StemproofError
from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.acts.asking import Occasion
    from stemproof.acts.begin import Work
    from stemproof.acts.home import Home
    from stemproof.acts.observe import Observed
    from stemproof.log.store import Log

Teller = Callable[["Observed", "Work"], None]
_POLL_S: Final = 0.5
_LINE_BYTES: Final = 65_536


@contextmanager
def asking(home: Home, teller: Teller, *, wanted: bool | None) -> Iterator[Teller]:
    """Ask why while this lasts, where a person sits at a terminal and wants to be asked.

    Gives the teller to use meanwhile: it holds back what it tells while somebody types.
    """
    if wanted is False or not _has_person() or not _is_wanted(home, wanted):
        yield teller
        return
    keys = _Keys(sys.stdin.fileno())
    asker = _Asker(home, teller, keys)
    keys.take_single()
    thread = threading.Thread(target=asker.run, daemon=True)
    thread.start()
    try:
        yield asker.tell
    finally:
        asker.ending.set()
        thread.join(2 * _POLL_S)
        keys.take_lines()


def _has_person() -> bool:
    """Say whether this is the program in front at a terminal that knows single keys."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        import termios  # noqa: F401 - not there on Windows
    except ImportError:
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        # A terminal without jobs: nobody else is in front.
        return True


def _is_wanted(home: Home, wanted: bool | None) -> bool:
    from stemproof.acts.asking import is_asking, set_asking
    from stemproof.acts.home import opened

    with opened(home) as log:
        if wanted:
            set_asking(log, True)
        return is_asking(log)


class _Keys:
    """A terminal, read key by key or line by line."""

    def __init__(self, descriptor: int) -> None:
        import termios

        self._descriptor = descriptor
        # Any: the attributes of a terminal are a list of numbers and lists.
        self._lines: list[Any] = termios.tcgetattr(descriptor)

    def take_single(self) -> None:
        """Give each key at once; Ctrl-C still interrupts."""
        import tty

        tty.setcbreak(self._descriptor)

    def take_lines(self) -> None:
        """Give whole lines, as the terminal did before; forget what was typed until now."""
        import termios

        termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, self._lines)

    def read(self, most: int, timeout_s: float) -> str | None:
        """Read what was typed; None if nothing was."""
        if not select.select([self._descriptor], [], [], timeout_s)[0]:
            return None
        return os.read(self._descriptor, most).decode("utf-8", "surrogateescape")


class _Asker:
    """Looks for occasions, shows the question once, and takes the answer."""

    def __init__(self, home: Home, teller: Teller, keys: _Keys) -> None:
        self.ending = threading.Event()
        self._home = home
        self._teller = teller
        self._keys = keys
        self._lock = threading.Lock()
        self._held: list[tuple[Observed, Work]] | None = None

    def tell(self, observed: Observed, work: Work) -> None:
        """Tell what is recorded, or keep it until the line is typed."""
        with self._lock:
            if self._held is not None:
                self._held.append((observed, work))
                return
        self._teller(observed, work)

    def run(self) -> None:
        """Ask until the watch ends; a ledger that is busy is asked again later."""
        from stemproof.acts.asking import is_asking, occasions_after
        from stemproof.acts.home import opened
        from stemproof.acts.reading import newest_event

        with opened(self._home) as log:
            last, current = newest_event(log), None
            while not self.ending.is_set():
                try:
                    found, last = occasions_after(log, last)
                    if found and is_asking(log):
                        current = found[-1]
                        asked = f"{say.clean(current.what)}: {current.question}"
                        say.talk(f"{asked} w to say it, n never to ask")
                    key = self._keys.read(1, _POLL_S)
                    if current is not None and key in ("w", "n"):
                        self._answer(log, current, key)
                        current = None
                except StemproofError as error:
                    say.talk(f"not noted: {say.clean(str(error))}")
                    self.ending.wait(_POLL_S)

    def _answer(self, log: Log, current: Occasion, key: str) -> None:
        from stemproof.acts.asking import answer, set_asking
        from stemproof.acts.home import now

        if key == "n":
            set_asking(log, False)
            say.talk("you will not be asked again; `stemproof watch --ask` changes that")
            return
        what = say.clean(current.what)
        line = self._line(f"{what}: {current.question} ")
        if line.strip():
            event = answer(log, current, line, now())
            say.talk(f"{what}: noted as event {event}")

    def _line(self, asked: str) -> str:
        with self._lock:
            self._held = []
        self._keys.take_lines()
        # Two questions may stand above, and more that was recorded between them.
        sys.stderr.write(asked)
        sys.stderr.flush()
        line = None
        try:
            while line is None and not self.ending.is_set():
                line = self._keys.read(_LINE_BYTES, _POLL_S)
        finally:
            if not self.ending.is_set():
                self._keys.take_single()
            with self._lock:
                held, self._held = self._held or [], None
            for observed, work in held:
                self._teller(observed, work)
        return line or ""
