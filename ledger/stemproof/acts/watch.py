"""The watch: whatever is saved in a work's folder is in the log about a second later.

    watch(home, stop=lambda: False, say=print_it)

One watcher a ledger. What changed before it began is recorded as not watched; from then on
saves are live. A watch that is killed loses nothing: the next one finds what it did not
record. The system's messages only wake it; it looks by itself every few seconds, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import Work, list_works
from stemproof.acts.bounds import Bounds
from stemproof.acts.changes import Changes, Settling, find_changes
from stemproof.acts.desk import Desk, Seen, close_quiet_sitting, read_seen
from stemproof.acts.ears import Answer, Ears, Job
from stemproof.acts.home import Home, now, opened
from stemproof.acts.keeping import check_place
from stemproof.acts.observe import (
    Line,
    Look,
    Observed,
    absent_audio,
    known_audio,
    put_off,
    record_audio,
    record_sessions,
    watch_facts,
)
from stemproof.acts.saves import record_gone
from stemproof.acts.survey import FolderGone, Found, survey
from stemproof.acts.wake import Waker
from stemproof.acts.watching import only_watcher
from stemproof.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from stemproof.log.store import Log

Say = Callable[[Observed, Work], None]
_END_PATIENCE_S: Final = 3.0
_RETRY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the watch does what, in seconds."""

    tick_s: float = 0.25
    look_s: float = 4.0
    # So long must a file have kept still before it is read, or missing before it is gone.
    still_s: float = 0.5
    gone_s: float = 3.0
    beat_s: float = 60.0
    # Asleep for longer than this, nobody was watching.
    gap_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Both clocks: the one on the wall, which people set, and the one that only runs."""

    moment: Callable[[], datetime] = now
    monotonic: Callable[[], float] = time.monotonic


PACE: Final = Pace()
CLOCK: Final = Clock()


def watch(
    home: Home,
    *,
    stop: Callable[[], bool],
    say: Say,
    works: Collection[bytes] | None = None,
    pace: Pace = PACE,
    clock: Clock = CLOCK,
) -> None:
    """Watch works, or all of them with those that are added meanwhile, until `stop` says so."""
    check_place(home)
    with only_watcher(home), opened(home) as log:
        watcher = _Watcher(home, log, say, pace=pace, clock=clock)
        watcher.works = works
        try:
            watcher.run(stop)
        finally:
            watcher.release()


@dataclass(slots=True)
class _Post:
    """One work that is being watched."""

    work: Work
    settling: Settling
    # What had changed before this watch began, and is not recorded yet.
    unwatched: set[str] = field(default_factory=set)
    # What the log knows of its files; nobody else writes that while this watch runs.
    seen: dict[str, Seen] | None = None
    missing: frozenset[str] = frozenset()
    is_open: bool = False
    next_look: float = 0.0
    earliest_look: float = 0.0
    told: set[str] = field(default_factory=set)
    put_off: dict[str, float] = field(default_factory=dict)


class _Watcher:
    """The loop and what it holds open."""

    def __init__(self, home: Home, log: Log, say: Say, *, pace: Pace, clock: Clock) -> None:
        self.works: Collection[bytes] | None = None
        self._log = log
        self._say = say
        self._pace = pace
        self._clock = clock
        self._bounds = Bounds(home, log, monotonic=clock.monotonic)
        self._posts: dict[bytes, _Post] = {}
        self._waker = Waker()
        self._ears = Ears(self._waker.wake)
        self._next_beat = clock.monotonic() + pace.beat_s
        self._told: set[str] = set()

    def run(self, stop: Callable[[], bool]) -> None:
        """Watch until told to stop; then say so in the log."""
        while not stop():
            try:
                self._turn()
                self._told.clear()
            except Unavailable as error:
                # A full disk, a ledger in use: nothing is lost, the next look finds it again.
                self._complain(error)
                for post in self._posts.values():
                    # What was written down and rolled back is not known.
                    post.seen = None
                self._wait(self._pace.look_s)
            else:
                self._wait(self._pace.tick_s)
        self._ears.close(_END_PATIENCE_S)
        self._take_answers()
        for post in self._posts.values():
            self._leave(post, "watch.close")

    def release(self) -> None:
        """Let go of threads, however the watch ended."""
        self._ears.close(0)
        self._waker.close()

    def _turn(self) -> None:
        self._follow_works()
        self._take_answers()
        for post in self._posts.values():
            if not post.work.paused:
                self._attend(post)
        if self._clock.monotonic() >= self._next_beat:
            self._beat()

    def _follow_works(self) -> None:
        """Take up what other processes did: works added, moved, paused, resumed."""
        for work in list_works(self._log):
            if self.works is not None and work.id not in self.works:
                continue
            post = self._posts.get(work.id)
            if post is None or post.work.folder != work.folder:
                if post is not None:
                    self._leave(post, "watch.pause")
                settling = Settling(self._pace.still_s, self._pace.gone_s)
                post = self._posts[work.id] = _Post(work, settling)
            post.work = work
            if work.paused and post.is_open:
                self._leave(post, "watch.pause")
                self._tell(post, "recording is paused")
        folders = [post.work.folder for post in self._posts.values() if not post.work.paused]
        self._waker.listen(folders)

    def _attend(self, post: _Post) -> None:
        started = self._clock.monotonic()
        if self._waker.take(post.work.folder):
            post.next_look = min(post.next_look, post.earliest_look)
        if started < post.next_look:
            return
        seen = self._seen(post)
        try:
            there = survey(post.work.folder)
        except (FolderGone, BadInput) as error:
            # Unplugged, or too large to look through: other works are watched on.
            self._leave(post, "watch.pause")
            self._tell_problem(post, f"{error}; waiting for it")
            post.next_look = started + self._pace.look_s
            return
        changes = find_changes(post.work.folder, there, seen)
        # A third of the time at most goes into looking, and a hundredth when nothing happens.
        cost = self._clock.monotonic() - started
        post.earliest_look = started + max(0.1, 2 * cost)
        if not post.is_open:
            self._open(post, changes)
        settled = post.settling.settle(changes, started)
        self._record(post, changes, settled)
        is_still = settled.changed == changes.changed and settled.missing == changes.missing
        quiet_s = max(self._pace.look_s, 100 * cost)
        post.next_look = started + quiet_s if is_still else post.earliest_look

    def _open(self, post: _Post, changes: Changes) -> None:
        self._note([post], "watch.open")
        post.is_open = True
        post.unwatched = {found.path for found in changes.changed}
        post.told.clear()
        self._tell(post, f"watching {post.work.folder}")

    def _leave(self, post: _Post, action: str) -> None:
        """Stop watching a work; whatever changes until it is watched again is not live."""
        if post.is_open:
            self._note([post], action)
        post.is_open = False
        post.next_look = 0.0
        post.settling.forget()

    def _record(self, post: _Post, changes: Changes, settled: Changes) -> None:
        post.missing = changes.missing
        desk = self._desk(post)
        record_sessions(desk, settled.sessions)
        self._listen_to(post, desk, settled.audio)
        for path in sorted(settled.missing & desk.missing):
            # Under its new name it may still be waiting to be heard.
            if desk.seen[path].kind == "session" or not self._ears.is_busy(post.work.id):
                record_gone(desk, path)
        for found in settled.sessions:
            state = desk.seen.get(found.path)
            if state is not None and state.is_state_of(found):
                post.unwatched.discard(found.path)
        self._report(post, desk.observed)
        for problem in changes.problems:
            self._tell_problem(post, problem)

    def _listen_to(self, post: _Post, desk: Desk, audio: Sequence[Found]) -> None:
        at_s, absent = self._clock.monotonic(), absent_audio(desk)
        for found in audio:
            if post.put_off.get(found.path, 0.0) <= at_s:
                live = desk.is_live(found, self._clock.moment())
                known = known_audio(desk, found, absent)
                self._ears.ask(Job(post.work.id, post.work.folder, found, known, live))

    def _take_answers(self) -> None:
        for answer in self._ears.answers():
            post = self._posts.get(answer.job.work)
            # What was paused or moved meanwhile is looked at anew when it goes on.
            if post is not None and post.is_open and post.work.folder == answer.job.folder:
                self._take_answer(post, answer)

    def _take_answer(self, post: _Post, answer: Answer) -> None:
        desk = self._desk(post)
        found = answer.job.found
        if answer.problem:
            post.put_off[found.path] = self._clock.monotonic() + _RETRY_S
            put_off(desk, found, answer.problem)
        elif answer.heard is None or not record_audio(desk, answer.heard):
            # It changed while it was heard, or is another file than it seemed: look again.
            post.next_look = min(post.next_look, post.earliest_look)
        else:
            post.unwatched.discard(found.path)
        self._report(post, desk.observed)

    def _beat(self) -> None:
        self._next_beat = self._clock.monotonic() + self._pace.beat_s
        posts = [post for post in self._posts.values() if post.is_open]
        with self._log.writing():
            self._note(posts, "watch.beat")
            for post in posts:
                close_quiet_sitting(self._log, post.work, self._clock.moment())

    def _wait(self, seconds: float) -> None:
        ran, stood = self._clock.monotonic(), self._clock.moment()
        self._waker.wait(seconds)
        # Programs that write all the time would else keep this loop spinning.
        time.sleep(min(0.05, seconds))
        asleep = max(
            self._clock.monotonic() - ran,
            (self._clock.moment() - stood) / timedelta(seconds=1),
        )
        if asleep > self._pace.gap_s:
            # The computer or this process slept, or the clock was set: begin a new watch.
            for post in self._posts.values():
                post.is_open = False
                post.next_look = 0.0
                post.settling.forget()

    def _desk(self, post: _Post) -> Desk:
        look = Look(moment=self._clock.moment, live=True, bound=self._bounds.find)
        return Desk(
            self._log,
            post.work,
            look,
            self._seen(post),
            missing=set(post.missing),
            unwatched=post.unwatched,
        )

    def _seen(self, post: _Post) -> dict[str, Seen]:
        if post.seen is None:
            post.seen = read_seen(self._log, post.work)
        return post.seen

    def _note(self, posts: Collection[_Post], action: str) -> None:
        monotonic_ms = int(self._clock.monotonic() * 1000)
        works = [post.work for post in posts]
        watch_facts(self._log, works, action, self._clock.moment(), monotonic_ms)

    def _tell(self, post: _Post, text: str) -> None:
        self._say(Observed(said=[Line("", text)]), post.work)

    def _tell_problem(self, post: _Post, problem: str) -> None:
        if problem not in post.told:
            post.told.add(problem)
            self._say(Observed(problems=[problem]), post.work)

    def _report(self, post: _Post, observed: Observed) -> None:
        if observed.said or observed.problems:
            self._say(observed, post.work)

    def _complain(self, error: Unavailable) -> None:
        if str(error) not in self._told:
            self._told.add(str(error))
            for post in list(self._posts.values())[:1]:
                self._say(Observed(problems=[str(error)]), post.work)
