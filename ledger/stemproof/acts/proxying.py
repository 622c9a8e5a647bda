"""Running the proxy: its door, and the thread that writes what passes it into the log.

The door (`capture/prompts/forward`) hands bytes over and never waits. The thread is the only
one that touches the log. What it cannot record (a ledger that is locked, a disk that is full) is
counted and told, and breaks no call, unless the door is strict.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from stemproof.acts.begin import Work
from stemproof.acts.home import Home, now, opened
from stemproof.acts.proxied import Fetched, Scribe, Seen
from stemproof.capture.prompts.api import Call
from stemproof.capture.prompts.copying import Budget, Copy
from stemproof.capture.prompts.fetch import fetch
from stemproof.capture.prompts.forward import Proxy, Rules
from stemproof.capture.prompts.gate import Upstream
from stemproof.errors import StemproofError, Unavailable
from stemproof.log.store import Log

# Calls that wait for a ledger that is locked or slow; what comes on top is lost, and counted.
MAX_WAITING: Final = 5_000
MAX_TOLD: Final = 100
#: How long the end of the proxy waits for downloads and for what is not yet written.
ENDING_S: Final = 20.0

Tell = Callable[[str], None]


@dataclass(slots=True)
class _Heard:
    """One call of the door; it answers to `Witnessed`."""

    recorder: Recorder
    seen: Seen
    done: Future[None] = field(default_factory=Future)
    copy: Copy | None = None
    moment: datetime | None = None
    answer: _Heard | None = None

    async def recorded(self) -> None:
        """Wait until what was told so far is durable; raise what went wrong."""
        newest = self if self.answer is None else self.answer
        await asyncio.shield(asyncio.wrap_future(newest.done))

    def end(self, copy: Copy) -> None:
        """Hear how the call ended."""
        self.answer = _Heard(self.recorder, self.seen, Future(), copy, now())
        self.recorder.put(self.answer)


# An event stands in the queue to be set when its turn comes.
_Item: TypeAlias = _Heard | Fetched | threading.Event


class Recorder:
    """Writes what the door hands over, in the order in which it comes."""

    def __init__(self, home: Home, work: Work, *, tell: Tell) -> None:
        self.home = home
        self.tell = tell
        self.lost = 0
        self.budget = Budget()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.scribe = Scribe(work, self._fetch, self.put, now)
        self._told: set[str] = set()
        self._fetching: set[Future[Copy]] = set()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="proxy-recorder", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end."""
        self._queue.put(None)
        self._thread.join(ENDING_S)
        if self._thread.is_alive():
            self._lose(Unavailable("the ledger could not be written before the proxy ended"))

    def begin(self, upstream: Upstream, call: Call, secrets: frozenset[str]) -> _Heard:
        """Hear of a call before it goes out."""
        heard = _Heard(self, Seen(upstream, call, secrets, now()))
        self.put(heard)
        return heard

    def put(self, item: _Heard | Fetched) -> None:
        """Hand over what was seen, from any thread."""
        if self._queue.qsize() >= MAX_WAITING:
            self._fail(item, Unavailable("the ledger is slower than the calls that it records"))
            return
        self._queue.put(item)

    def flush(self) -> None:
        """Wait until what was handed over so far is written, for a while."""
        reached = threading.Event()
        self._queue.put(reached)
        reached.wait(ENDING_S)

    async def drain(self) -> None:
        """Wait for downloads that are still under way, for a while."""
        waiting = [asyncio.wrap_future(future) for future in set(self._fetching)]
        if waiting:
            await asyncio.wait(waiting, timeout=ENDING_S)

    def _fetch(self, url: str, upstream: Upstream) -> Future[Copy]:
        if self.loop is None or self.loop.is_closed():
            raise Unavailable("the proxy is not running")
        work = fetch(url, upstream.base_url, self.budget)
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        self._fetching.add(future)
        future.add_done_callback(self._fetching.discard)
        return future

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                with opened(self.home) as log:
                    following: _Item | None = item
                    while following is not None:
                        self._write(log, following)
                        following = self._queue.get()
                return
            except StemproofError as error:
                # It cannot be opened or closed; the next call tries again.
                self._fail(item, error)

    def _write(self, log: Log, item: _Item) -> None:
        if isinstance(item, threading.Event):
            item.set()
            return
        try:
            if isinstance(item, Fetched):
                self.scribe.write_download(log, item)
            elif item.copy is None or item.moment is None:
                self.scribe.write_request(log, item.seen)
            else:
                self.scribe.write_answer(log, item.seen, item.copy, item.moment)
        except StemproofError as error:
            self._fail(item, error)
            return
        # The thread must outlive any fault: strict callers wait for its answer.
        except Exception as error:  # noqa: BLE001 - see above; it is counted and told
            self._fail(item, Unavailable(f"the record failed: {type(error).__name__}: {error}"))
            return
        for problem in self.scribe.unkept:
            self._tell_once(f"an output is not kept in the vault: {problem}")
        self.scribe.unkept.clear()
        self._release(item)
        if isinstance(item, _Heard):
            item.done.set_result(None)

    def _fail(self, item: _Item, error: StemproofError) -> None:
        if isinstance(item, threading.Event):
            item.set()
            return
        self._lose(error)
        self._release(item)
        if isinstance(item, _Heard) and not item.done.done():
            if item.copy is None:
                item.seen.error = error
            item.done.set_exception(error)

    def _release(self, item: _Heard | Fetched) -> None:
        if item.copy is not None:
            self.budget.give_back(item.copy.held)

    def _lose(self, error: StemproofError) -> None:
        self.lost += 1
        self._tell_once(f"not recorded: {error}")

    def _tell_once(self, text: str) -> None:
        if text not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(text)
            self.tell(text)


@dataclass(frozen=True, slots=True)
class Passed:
    """What passed a proxy while it ran."""

    calls: int
    requests: int
    results: int
    lost: int


async def run_proxy(
    recorder: Recorder,
    upstreams: Mapping[str, Upstream],
    rules: Rules,
    *,
    port: int,
    ready: Callable[[int], None],
    stop: asyncio.Event,
) -> Passed:
    """Serve until `stop` is set; `ready` hears the port. What passed is recorded by then."""
    recorder.loop = asyncio.get_running_loop()
    proxy = Proxy(dict(upstreams), recorder, rules, recorder.budget)
    await proxy.open(port)
    recorder.start()
    try:
        ready(proxy.port)
        await stop.wait()
    finally:
        await proxy.close()
        await asyncio.to_thread(recorder.flush)
        await recorder.drain()
        await asyncio.to_thread(recorder.stop)
    scribe = recorder.scribe
    return Passed(proxy.calls, scribe.requests, scribe.results, recorder.lost)
