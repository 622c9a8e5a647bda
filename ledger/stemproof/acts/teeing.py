"""Running a tee: what passes between a client and a server is read by a thread, and recorded.

The pipes (`capture/mcp/stdio`) and the door of HTTP (`capture/prompts/forward`) hand bytes over
and do not wait. The thread alone parses and touches the ledger. What it cannot read or record
is counted and told, and breaks no traffic, unless the tee is strict.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from stemproof.acts.agents import Rules, record_call
from stemproof.acts.begin import Work
from stemproof.acts.home import Home, now, opened
from stemproof.capture.mcp.conversation import Conversation, ToolCall
from stemproof.capture.mcp.lines import Lines
from stemproof.capture.mcp.messages import parse_line
from stemproof.capture.mcp.stdio import StdioTee
from stemproof.errors import Malformed, StemproofError, Unavailable
from stemproof.log.store import Log

# What may wait for a ledger that is slow; what comes on top is lost, and counted.
MAX_WAITING_BYTES: Final = 128 << 20
MAX_WAITING: Final = 20_000
# What is recorded in one transaction: the watch waits while it is written.
MAX_BATCH: Final = 200
MAX_BATCH_BYTES: Final = 4 << 20
MAX_SECRETS: Final = 1_000
ENDING_S: Final = 20.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls are recorded."""

    home: Home
    work: Work


@dataclass(slots=True)
class Counts:
    """What a tee saw; `lost` is what could not be recorded, `unread` what is no message."""

    calls: int = 0
    lost: int = 0
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it passed; `line` is None where a stream failed, or all ends."""

    is_sent: bool
    line: bytes | None
    moment: datetime
    stream: int = 0
    error: str = ""
    secrets: frozenset[str] = frozenset()


@dataclass(slots=True)
class TeeRecorder:
    """Reads and records what it is handed, in the order in which it comes."""

    place: Place | None
    rules: Rules
    tell: Tell
    counts: Counts = field(default_factory=Counts)
    _talk: Conversation = field(default_factory=Conversation)
    _secrets: set[str] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _held: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _error: StemproofError | None = None
    _queue: queue.Queue[Heard | None] = field(default_factory=queue.Queue)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read."""
        self._thread = threading.Thread(target=self._run, name="mcp-recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Record what waits and what stays unanswered, and end."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(ENDING_S)
            if self._thread.is_alive():
                self._lose(Unavailable("the ledger could not be written before the tee ended"))

    def put(self, heard: Heard) -> None:
        """Hand over what passed, from any thread."""
        size = len(heard.line or b"")
        with self._lock:
            is_full = self._held + size > MAX_WAITING_BYTES or self._queue.qsize() > MAX_WAITING
            self._held += 0 if is_full else size
        if is_full:
            self._lose(Unavailable("the ledger is slower than the traffic that it records"))
            return
        self._queue.put(heard)

    def miss(self, why: str) -> None:
        """Count what passed and could not be copied."""
        self._lose(Unavailable(why))

    def settle(self) -> None:
        """Wait until what was handed over is recorded; raise what was ever lost."""
        self._queue.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        is_over = False
        while not is_over:
            batch = self._take()
            calls: list[ToolCall] = []
            for heard in batch:
                if heard is None:
                    is_over = True
                    calls += self._talk.end(now())
                else:
                    calls += self._hear_safely(heard)
            # One transaction for what came together: an assistant may call faster than a disk.
            self._record(calls)
            for _ in batch:
                self._queue.task_done()

    def _take(self) -> list[Heard | None]:
        """Wait for what comes next, and take what came with it."""
        batch = [self._queue.get()]
        size = _size_of(batch[0])
        while batch[-1] is not None and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
            try:
                batch.append(self._queue.get_nowait())
            except queue.Empty:
                break
            size += _size_of(batch[-1])
        with self._lock:
            self._held -= size
        return batch

    def _hear_safely(self, heard: Heard) -> list[ToolCall]:
        try:
            return self._hear(heard)
        # The thread must outlive any fault: a strict tee waits for it.
        except Exception as error:  # noqa: BLE001 - see above; it is counted and told
            self._lose(_unforeseen(error))
            return []

    def _hear(self, heard: Heard) -> list[ToolCall]:
        if len(self._secrets) < MAX_SECRETS:
            self._secrets |= heard.secrets
        if heard.line is None:
            return self._talk.broke(heard.moment, heard.error, stream=heard.stream)
        try:
            read = parse_line(heard.line)
        except Malformed:
            # Its bytes may hold anything: they are told to nobody.
            self.counts.unread += 1
            return []
        self.counts.unread += read.unread
        calls: list[ToolCall] = []
        for message in read.messages:
            if heard.is_sent:
                size = len(heard.line) // len(read.messages)
                calls += self._talk.sent(message, heard.moment, size=size, stream=heard.stream)
            else:
                calls += self._talk.answered(message, heard.moment, stream=heard.stream)
        return calls

    def _record(self, calls: Sequence[ToolCall]) -> None:
        if not calls:
            return
        if self.place is None:
            self.counts.lost += len(calls)
            return
        rules = replace(self.rules, secrets=self.rules.secrets | self._secrets)
        done = 0
        try:
            with opened(self.place.home) as log, log.writing():
                for call in calls:
                    done += self._record_one(log, self.place.work, call, rules)
        # The thread must outlive any fault: a strict tee waits for it.
        except Exception as error:  # noqa: BLE001 - it could not be opened, or nothing was durable
            done = 0
            found = error if isinstance(error, StemproofError) else _unforeseen(error)
            for _ in calls:
                self._lose(found)
        self.counts.calls += done

    def _record_one(self, log: Log, work: Work, call: ToolCall, rules: Rules) -> bool:
        try:
            problems = record_call(log, work, call, rules)
        except StemproofError as error:
            self._lose(error)
            return False
        # As above; what one call did not get recorded keeps no other from it.
        except Exception as error:  # noqa: BLE001 - see above; it is counted and told
            self._lose(_unforeseen(error))
            return False
        for problem in problems:
            self._tell_once(f"a result is not kept in the vault: {problem}")
        return True

    def _lose(self, error: StemproofError) -> None:
        self.counts.lost += 1
        self._error = self._error or error
        self._tell_once(f"not recorded: {error}")

    def _tell_once(self, text: str) -> None:
        if text not in self._told and len(self._told) < 100:
            self._told.add(text)
            self.tell(text)


def start_stdio(
    command: Sequence[str],
    recorder: TeeRecorder,
    *,
    strict: bool,
    stdin: int = 0,
    stdout: int = 1,
) -> StdioTee:
    """Start a server with a tee in its pipes; strict, nothing passes before it is recorded."""

    def listener(is_sent: bool) -> Callable[[bytes], None]:
        lines = Lines()
        missed = 0

        def listen(part: bytes) -> None:
            nonlocal missed
            for line in lines.feed(part):
                recorder.put(Heard(is_sent, line, now()))
            if lines.too_long != missed:
                missed = lines.too_long
                recorder.miss(f"a message longer than {lines.most} bytes passed")
            if strict:
                recorder.settle()

        return listen

    recorder.start()
    return StdioTee(command, listener(True), listener(False), stdin=stdin, stdout=stdout)


def _unforeseen(error: Exception) -> StemproofError:
    return Unavailable(f"the record failed: {type(error).__name__}")


def _size_of(heard: Heard | None) -> int:
    return 0 if heard is None else len(heard.line or b"")


async def settled(recorder: TeeRecorder) -> None:
    """Wait as `settle` does, and let other streams go on."""
    await asyncio.to_thread(recorder.settle)
