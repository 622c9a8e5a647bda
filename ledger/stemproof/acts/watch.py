"""The watch: whatever is saved in a work's folder is in the log about a second later.

    watch(home, stop=lambda: False, say=print_it)

One watcher a ledger. What changed before it began is recorded as not watched; from then on
saves are live. A watch that is killed loses nothing: the next one finds what it did not
record. The system's messages only wake it; it looks by itself every few seconds, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from stemproof.acts.band import arrival_of
from stemproof.acts.begin import list_works
from stemproof.acts.bounds import Bounds
from stemproof.acts.changes import Changes, Settling, find_changes
from stemproof.acts.choosing import derive_choices
from stemproof.acts.desk import Desk, Seen, close_quiet_sitting, read_seen
from stemproof.acts.ears import Answer, Ears, Job
from stemproof.acts.home import Home, opened
from stemproof.acts.inbox import Inbox
from stemproof.acts.keeping import check_place
from stemproof.acts.observe import (
    Look,
    absent_audio,
    known_audio,
    put_off,
    record_answer,
    record_sessions,
    watch_facts,
)
from stemproof.acts.post import CLOCK, PACE, Clock, Pace, Post
from stemproof.acts.saves import record_gone
from stemproof.acts.spool import take_spool
from stemproof.acts.survey import FolderGone, Found, Tree
from stemproof.acts.telling import Say, Telling
from stemproof.acts.wake import Waker
from stemproof.acts.watching import only_watcher
from stemproof.acts.works import move_work
from stemproof.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from stemproof.log.store import Log

__all__ = ["CLOCK", "PACE", "Clock", "Pace", "Say", "watch"]

_END_PATIENCE_S: Final = 3.0
_RETRY_S: Final = 60.0
# While a file is not settled yet; what is looked at then is its folder alone.
_BUSY_TICK_S: Final = 0.02


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


class _Watcher:
    """The loop and what it holds open."""

    def __init__(self, home: Home, log: Log, say: Say, *, pace: Pace, clock: Clock) -> None:
        self.works: Collection[bytes] | None = None
        self._home = home
        self._log = log
        self._telling = Telling(say)
        self._pace = pace
        self._clock = clock
        self._bounds = Bounds(home, log, monotonic=clock.monotonic)
        self._posts: dict[bytes, Post] = {}
        self._waker = Waker()
        self._ears = Ears(self._waker.wake)
        self._inbox = Inbox(log, home.path)
        self._next_beat = clock.monotonic() + pace.beat_s
        self._next_follow = 0.0

    def run(self, stop: Callable[[], bool]) -> None:
        """Watch until told to stop; then say so in the log."""
        while not stop():
            try:
                self._turn()
            except Unavailable as error:
                # A full disk, a ledger in use: nothing is lost, the next look finds it again.
                self._telling.complain([post.work for post in self._posts.values()], error)
                for post in self._posts.values():
                    # What was written down and rolled back is not known.
                    post.seen = None
                    post.next_walk = 0.0
                self._wait(self._pace.look_s)
            else:
                busy = any(post.changed for post in self._posts.values())
                self._wait(_BUSY_TICK_S if busy else self._pace.tick_s)
        self._ears.close(_END_PATIENCE_S)
        self._take_answers()
        for post in self._posts.values():
            self._leave(post, "watch.close")

    def release(self) -> None:
        """Let go of threads, however the watch ended."""
        self._ears.close(0)
        self._inbox.close()
        self._waker.close()

    def _turn(self) -> None:
        if self._clock.monotonic() >= self._next_follow:
            self._follow_works()
            self._take_spool()
            for work, name, says in self._inbox.visit(
                self._clock.moment(), self._clock.monotonic()
            ):
                self._telling.line(work, name, says)
            self._next_follow = self._clock.monotonic() + self._pace.follow_s
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
                soon = Settling(self._pace.soon_s, self._pace.gone_s)
                post = self._posts[work.id] = Post(work, settling, soon, Tree(work.folder))
            post.work = work
            if work.paused and post.is_open:
                self._leave(post, "watch.pause")
                self._tell(post, "recording is paused")
        folders = [post.work.folder for post in self._posts.values() if not post.work.paused]
        self._waker.listen(folders)

    def _attend(self, post: Post) -> None:
        started, moment = self._clock.monotonic(), self._clock.moment()
        is_whole = started >= min(post.next_walk, post.next_glance)
        post.changed |= self._waker.take(post.work.folder)
        if started < post.earliest_look:
            return
        try:
            there = post.look(started, self._pace.look_s, len(self._posts))
        except (FolderGone, BadInput) as error:
            # Unplugged, or too large to look through: other works are watched on.
            self._leave(post, "watch.pause")
            post.earliest_look = started + self._pace.look_s
            if not self._follow_folder(post):
                self._tell_problem(post, f"{error}; waiting for it")
            return
        if there is None:
            if is_whole:
                post.looked = moment
            return
        changes = find_changes(post.work.folder, there, self._seen(post))
        # A third of the time at most goes into looking.
        post.earliest_look = started + max(0.05, 2 * (self._clock.monotonic() - started))
        if not post.is_open:
            self._open(post, changes)
        settled = post.settle(changes, started, self._waker.finished(post.work.folder))
        self._record(post, changes, settled)
        waiting = {found.path for found in changes.changed if found not in settled.changed}
        waiting |= changes.missing - settled.missing
        for path in waiting:
            post.mark(path)
        if is_whole and not waiting:
            post.looked = moment

    def _take_spool(self) -> None:
        """Record what scripts in DAWs told since the last time."""
        # Not only open ones: what was told waits for nobody who is still looking through folders.
        posts = [post for post in self._posts.values() if not post.work.paused]
        works = [post.work for post in posts]
        taken = take_spool(self._home, self._log, self._clock.moment(), only=works)
        for work, told in taken.told:
            name = PurePath(told.project).name or told.script
            self._telling.line(work, name, told.text)
        for problem in taken.problems:
            for post in posts[:1]:
                self._tell_problem(post, problem)

    def _follow_folder(self, post: Post) -> bool:
        """Go on in a folder that was only renamed; what changes meanwhile is not live."""
        place = post.find_renamed()
        if place is None:
            return False
        try:
            move_work(self._log, post.work, place)
        except BadInput:
            # Another work has taken that place.
            return False
        self._tell(post, f"its folder is {place} now")
        self._next_follow = 0.0
        return True

    def _open(self, post: Post, changes: Changes) -> None:
        self._note([post], "watch.open")
        post.is_open, post.opened = True, self._clock.moment()
        post.unwatched = {found.path for found in changes.changed}
        post.told.clear()
        self._tell(post, f"watching {post.work.folder}")

    def _leave(self, post: Post, action: str) -> None:
        """Stop watching a work; whatever changes until it is watched again is not live."""
        if post.is_open:
            self._note([post], action)
        post.begin_anew()

    def _record(self, post: Post, changes: Changes, settled: Changes) -> None:
        post.missing = changes.missing
        desk = self._desk(post)
        try:
            self._note_arrivals(post, desk, settled.sessions)
            record_sessions(desk, settled.sessions)
            self._listen_to(post, desk, settled.audio)
            for path in sorted(settled.missing & desk.missing):
                # Under its new name it may still be waiting to be heard.
                if desk.seen[path].kind == "session" or not self._ears.is_busy(post.work.id):
                    record_gone(desk, path)
        finally:
            # What was recorded before a disk was full is told.
            self._telling.report(post.work, desk.observed)
        for found in settled.sessions:
            state = desk.seen.get(found.path)
            if state is not None and state.is_state_of(found):
                post.unwatched.discard(found.path)
        for problem in changes.problems:
            self._tell_problem(post, problem)

    def _note_arrivals(self, post: Post, desk: Desk, changed: Sequence[Found]) -> None:
        moment = self._clock.moment()
        for found in changed:
            if found.path in post.unwatched:
                continue
            how = arrival_of(
                post.work.folder, found, looked=post.looked, opened=post.opened, moment=moment
            )
            if how is not None:
                desk.arrivals[found.path] = how

    def _listen_to(self, post: Post, desk: Desk, audio: Sequence[Found]) -> None:
        at_s, absent = self._clock.monotonic(), absent_audio(desk)
        for found in audio:
            if post.put_off.get(found.path, 0.0) <= at_s and not self._ears.has(
                post.work.id, found
            ):
                self._note_arrivals(post, desk, [found])
                live = desk.is_live(found, self._clock.moment())
                live = live and found.path not in desk.arrivals
                known = known_audio(desk, found, absent)
                ledger, work = self._home.path, post.work
                self._ears.ask(Job(ledger, work.id, work.folder, found, known, live))

    def _take_answers(self) -> None:
        for answer in self._ears.answers():
            post = self._posts.get(answer.job.work)
            # What was paused or moved meanwhile is looked at anew when it goes on.
            if post is not None and post.is_open and post.work.folder == answer.job.folder:
                self._take_answer(post, answer)

    def _take_answer(self, post: Post, answer: Answer) -> None:
        desk = self._desk(post)
        found = answer.job.found
        if answer.problem:
            post.put_off[found.path] = self._clock.monotonic() + _RETRY_S
            put_off(desk, found, answer.problem)
        elif record_answer(desk, answer):
            post.unwatched.discard(found.path)
            post.put_off.pop(found.path, None)
        else:
            # It changed while it was heard, or is another file than it seemed: look again.
            post.mark(found.path)
        self._telling.report(post.work, desk.observed)

    def _beat(self) -> None:
        self._next_beat = self._clock.monotonic() + self._pace.beat_s
        posts = [post for post in self._posts.values() if post.is_open]
        with self._log.writing():
            self._note(posts, "watch.beat")
            moment = self._clock.moment()
            closed = [p.work for p in posts if close_quiet_sitting(self._log, p.work, moment)]
        for work in closed:
            derive_choices(self._log, work, moment)

    def _wait(self, seconds: float) -> None:
        ran, stood = self._clock.monotonic(), self._clock.moment()
        self._waker.wait(seconds)
        # Programs that write all the time would else keep this loop spinning.
        time.sleep(min(0.02, seconds))
        asleep = max(
            self._clock.monotonic() - ran,
            abs(self._clock.moment() - stood) / timedelta(seconds=1),
        )
        if asleep > self._pace.gap_s:
            # The computer or this process slept, or the clock was set: begin a new watch.
            for post in self._posts.values():
                post.begin_anew()

    def _desk(self, post: Post) -> Desk:
        look = Look(moment=self._clock.moment, live=True, bound=self._bounds.find)
        return Desk(
            self._log,
            post.work,
            look,
            self._seen(post),
            missing=set(post.missing),
            unwatched=post.unwatched,
        )

    def _seen(self, post: Post) -> dict[str, Seen]:
        if post.seen is None:
            post.seen = read_seen(self._log, post.work)
        return post.seen

    def _note(self, posts: Collection[Post], action: str) -> None:
        monotonic_ms = int(self._clock.monotonic() * 1000)
        works = [post.work for post in posts]
        watch_facts(self._log, works, action, self._clock.moment(), monotonic_ms)
        self._telling.recorded()

    def _tell(self, post: Post, text: str) -> None:
        self._telling.line(post.work, "", text)

    def _tell_problem(self, post: Post, problem: str) -> None:
        if problem not in post.told:
            post.told.add(problem)
            self._telling.problem(post.work, problem)
