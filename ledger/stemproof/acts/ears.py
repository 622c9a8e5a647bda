"""Hearing audio beside the watch: one thread, so that no save waits for a long recording."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stemproof.acts.failing import Failed, contained
from stemproof.acts.sound import Heard, hear
from stemproof.acts.survey import Found, is_unchanged
from stemproof.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Job:
    """One file to hear; where this program fails on it, a report goes into the ledger folder."""

    ledger: Path
    work: bytes
    folder: Path
    found: Found
    known: frozenset[bytes]
    live: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a job: heard, nothing because it changed meanwhile, or not possible now."""

    job: Job
    heard: Heard | None
    problem: str = ""
    failed: Failed | None = None


class Ears:
    """Hears files one after the other; `wake` is called when one is done."""

    def __init__(
        self, wake: Callable[[Path], None], listen: Callable[[Job], Answer] | None = None
    ) -> None:
        self._wake = wake
        self._listen = listen or _hear
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._answers: queue.Queue[Answer] = queue.Queue()
        self._asked: dict[tuple[bytes, str], Job] = {}
        # A file takes its time; a watch that ends does not wait for it.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._closing = threading.Event()
        self._thread.start()

    def ask(self, job: Job) -> None:
        """Queue a file, once."""
        key = (job.work, job.found.path)
        if key not in self._asked:
            self._asked[key] = job
            self._jobs.put(job)

    def has(self, work: bytes, found: Found) -> bool:
        """Say whether a file is queued already."""
        return (work, found.path) in self._asked

    def is_busy(self, work: bytes) -> bool:
        """Say whether files of a work wait to be heard."""
        return any(of == work for of, _ in self._asked)

    def answers(self) -> Iterator[Answer]:
        """Give what was heard since the last time."""
        while True:
            try:
                answer = self._answers.get_nowait()
            except queue.Empty:
                return
            self._asked.pop((answer.job.work, answer.job.found.path), None)
            yield answer

    def close(self, patience_s: float) -> None:
        """Take no more files, and wait a moment for the one that is being heard."""
        self._closing.set()
        self._jobs.put(None)
        self._thread.join(patience_s)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if self._closing.is_set():
                return
            self._answers.put(self._listen(job))
            self._wake(job.folder)


def _hear(job: Job) -> Answer:
    try:
        with contained(job.ledger, job.work, job.found.path):
            if not is_unchanged(job.folder, job.found):
                return Answer(job, None)
            return Answer(job, hear(job.folder, job.found, known=job.known, live=job.live))
    except Failed as error:
        return Answer(job, None, failed=error)
    except Unavailable as error:
        return Answer(job, None, str(error))
