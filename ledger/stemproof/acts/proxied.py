"""What one call through the proxy becomes in the log: its request, its results, its job.

The upstream's adapter reads the bytes. An output is recorded as it would be saved (a text, a
picture, a sound), with the digest of the answer that it was taken out of; an answer in which no
output is found is recorded as it came. A job of a music API is remembered in the ledger, so
that a poll finds its request even after the proxy was started anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from stemproof.acts.begin import Work
from stemproof.acts.generating import Request, Result, record_request, record_result
from stemproof.capture.prompts.api import Asked, Call, Reply, Step
from stemproof.capture.prompts.copying import Copy
from stemproof.capture.prompts.gate import Upstream
from stemproof.capture.prompts.plain import (
    MIN_SECRET,
    is_secret_name,
    plain_parameters,
    plain_text,
    without_secrets,
)
from stemproof.capture.prompts.reading import parse_json
from stemproof.errors import Malformed, StemproofError, Unavailable
from stemproof.log.store import Log

# Results of one call: no API gives more at once.
MAX_RESULTS: Final = 64
_JOB: Final = "prompts.job."

Fetch = Callable[[str, Upstream], "Future[Copy]"]
"""Downloads an output in the background."""


@dataclass(slots=True)
class Seen:
    """A call as it went out, and what became of it so far."""

    upstream: Upstream
    request: Call
    secrets: frozenset[str]
    moment: datetime
    id: str = ""
    asked: Asked | None = None
    error: StemproofError | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An output that was downloaded; `job` is the setting of the job that it belongs to."""

    call: str
    index: int
    job: str
    secrets: frozenset[str]
    copy: Copy
    moment: datetime


@dataclass(frozen=True, slots=True)
class _Target:
    """The request that results belong to; `done` are those that are recorded already."""

    call: str
    job: str = ""
    done: frozenset[int] = frozenset()


@dataclass(slots=True)
class Scribe:
    """Writes the calls of one work; `on_fetched` gets what was downloaded."""

    work: Work
    fetch: Fetch
    on_fetched: Callable[[Fetched], None]
    moment: Callable[[], datetime]
    requests: int = 0
    results: int = 0
    unkept: list[str] = field(default_factory=list)
    _fetching: set[tuple[str, int]] = field(default_factory=set)

    def write_request(self, log: Log, seen: Seen) -> None:
        """Record what a call asks for, if it asks a generator for anything."""
        seen.asked = asked = _read_request(seen)
        if asked is None:
            return
        seen.secrets = known = seen.secrets | frozenset(_secrets_of(seen.request))
        request = Request(
            provider=seen.upstream.name,
            model=plain_text(asked.model, known),
            kind=asked.kind,
            parameters=plain_parameters(asked.parameters, known),
            seed=None if asked.seed is None else plain_text(str(asked.seed), known),
            endpoint=without_secrets(seen.upstream.base_url + seen.request.path, known),
            terms=seen.upstream.terms,
            tool="proxy",
            prompt=None if asked.prompt is None else without_secrets(asked.prompt, known),
            lyrics=None if asked.lyrics is None else without_secrets(asked.lyrics, known),
        )
        seen.id = record_request(log, self.work, request, seen.moment)
        self.requests += 1

    def write_answer(self, log: Log, seen: Seen, copy: Copy, moment: datetime) -> None:
        """Record what the answer to a call brings."""
        if seen.asked is not None and not seen.id:
            raise seen.error or Unavailable("the request of this answer was not recorded")
        step = _read_reply(seen, copy)
        if seen.id and step.job and not (step.outputs or step.downloads or step.error):
            log.put_setting(_job_name(seen.upstream, step.job), seen.id)
            return
        target = _Target(seen.id) if seen.id else _find_job(log, seen.upstream, step.job)
        if target is None:
            return
        for result in _results(target.call, step, copy):
            if result.index not in target.done:
                self._record(log, target, result, seen.secrets, moment)
        for download in step.downloads[:MAX_RESULTS]:
            if download.index not in target.done:
                self._start(seen, target, download.index, download.url)
        has_outputs = bool(step.outputs or step.downloads)
        if not has_outputs and (seen.id or (step.error and not target.done)):
            self._record(log, target, _as_it_came(target.call, step, copy), seen.secrets, moment)

    def write_download(self, log: Log, got: Fetched) -> None:
        """Record an output that was downloaded."""
        copy = got.copy
        data = copy.body if copy.ending != "failed" else None
        self._fetching.discard((got.call, got.index))
        done = _done(log.setting(got.job) or "") if got.job else frozenset[int]()
        target = _Target(got.call, got.job if copy.ending == "ok" else "", done)
        result = Result(
            call=got.call,
            index=got.index,
            media=copy.media,
            data=data,
            sha256=copy.sha256,
            size=copy.size,
            status=copy.ending,
            error=copy.error,
        )
        self._record(log, target, result, got.secrets, got.moment)

    def _record(
        self, log: Log, target: _Target, result: Result, secrets: frozenset[str], moment: datetime
    ) -> None:
        problem = record_result(log, self.work, _guarded(result, secrets), moment)
        if problem:
            self.unkept.append(problem)
        if target.job:
            done = _done(log.setting(target.job) or "") | {result.index}
            log.put_setting(target.job, " ".join([target.call, *map(str, sorted(done))]))
        self.results += 1

    def _start(self, seen: Seen, target: _Target, index: int, url: str) -> None:
        place = (target.call, index)
        if place in self._fetching:
            return
        self._fetching.add(place)

        def finish(future: Future[Copy]) -> None:
            if not future.cancelled():
                copy, at = future.result(), self.moment()
                self.on_fetched(Fetched(*place, target.job, seen.secrets, copy, at))

        self.fetch(url, seen.upstream).add_done_callback(finish)


def _read_request(seen: Seen) -> Asked | None:
    try:
        return seen.upstream.api.read_request(seen.request)
    except Malformed:
        # Its message quotes the request: a prompt or a key stays out of the body.
        problem = "in no form that has one meaning"
    # Adapters may be other people's: whatever one raises, the call goes on and is recorded.
    except Exception as error:  # noqa: BLE001 - see above; its name stands in the event
        problem = type(error).__name__
    return Asked("", "text", {"unread": problem})


def _read_reply(seen: Seen, copy: Copy) -> Step:
    body = copy.plain
    if copy.ending == "failed" or not copy.status:
        return Step(error=copy.error or "no answer came")
    if body is None:
        return Step()
    try:
        return seen.upstream.api.read_reply(
            seen.request, Reply(copy.status, copy.media, body, copy.headers)
        )
    except Malformed:
        # Recorded as it came.
        return Step()
    # As above: an adapter's fault is no reason to lose what came.
    except Exception:  # noqa: BLE001 - see above; the answer is recorded as it came
        return Step()


def _results(call: str, step: Step, copy: Copy) -> Iterator[Result]:
    """Give what an answer holds as results."""
    is_cut = copy.ending == "cut" or step.is_cut
    for output in step.outputs[:MAX_RESULTS]:
        yield Result(
            call=call,
            index=output.index,
            media=output.media,
            data=output.data,
            sha256=hashlib.sha256(output.data).hexdigest(),
            size=len(output.data),
            status="cut" if is_cut else "ok",
            error=copy.error if copy.ending == "cut" else step.error,
            raw=None if copy.body == output.data else copy.body,
        )


def _as_it_came(call: str, step: Step, copy: Copy) -> Result:
    is_failed = copy.ending != "cut" and (bool(step.error) or copy.ending == "failed")
    status = "failed" if is_failed else copy.ending
    if status == "ok" and step.is_cut:
        status = "cut"
    data = None if is_failed else copy.body
    error = copy.error if copy.ending == "cut" else step.error or copy.error
    return Result(call, 0, copy.media, data, copy.sha256, copy.size, status, error)


def _guarded(result: Result, secrets: frozenset[str]) -> Result:
    """Keep no output that holds a key of the caller: the digest stands, the bytes do not."""
    keys = [secret.encode("utf-8", "replace") for secret in secrets]
    if any(key in data for key in keys for data in (result.data or b"", result.raw or b"")):
        return replace(result, data=None, raw=None, error="not kept: it holds a key of the caller")
    return result


def _secrets_of(call: Call) -> Iterator[str]:
    """Give the values of a body's members that are named like secrets."""
    try:
        waiting = [parse_json(call.body, "request")]
    except Malformed:
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            for name, item in value.items():
                if isinstance(item, str) and len(item) >= MIN_SECRET and is_secret_name(name):
                    yield item
                waiting.append(item)
        elif isinstance(value, list):
            waiting.extend(value)


def _job_name(upstream: Upstream, job: str) -> str:
    # Who knows a job's id can often fetch what it made: only its digest is kept.
    return _JOB + hashlib.sha256(f"{upstream.name}\0{job}".encode("utf-8", "replace")).hexdigest()


def _find_job(log: Log, upstream: Upstream, job: str) -> _Target | None:
    if not job:
        return None
    name = _job_name(upstream, job)
    text = log.setting(name)
    return None if text is None else _Target(text.partition(" ")[0], name, _done(text))


def _done(setting: str) -> frozenset[int]:
    return frozenset(int(part) for part in setting.split()[1:] if part.isdigit())
