"""OpenTelemetry spans into the log, and calls of the log out as spans.

What a file of spans says was seen by another program at another time: it is recorded as
declared (evidence level E0), once for each span however often the file is read. What goes out
holds no prompt and no lyrics, unless their owner says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from stemproof.acts.begin import Work
from stemproof.acts.generating import Request, Result, record_request, record_result
from stemproof.capture.prompts.otlp import (
    OWN_CALL,
    Span,
    format_document,
    format_span,
    read_otlp,
)
from stemproof.log.store import Log
from stemproof.record.canonical import Json
from stemproof.record.event import Header, parse_header, parse_time

_SEEN: Final = "prompts.span."
_PAGE: Final = 500
_OPERATION: Final = {"text": "chat"}
_OUTPUT_TYPE: Final = {"text": "text", "image": "image", "audio": "speech"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final = sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file of spans."""

    requests: int
    results: int
    known: int
    others: int
    unkept: tuple[str, ...] = ()


def import_spans(log: Log, work: Work, data: bytes, moment: datetime) -> Imported:
    """Record the calls that a file of spans tells of; those already recorded are counted."""
    read = read_otlp(data)
    requests = results = known = 0
    unkept: list[str] = []
    for span in read.spans:
        name = _SEEN + sha256(f"{span.trace}/{span.id}".encode()).hexdigest()
        if span.is_own or log.setting(name) is not None:
            known += 1
            continue
        # One transaction a span: killed in between, the next reading goes on behind it.
        with log.writing():
            call = record_request(log, work, _request(span), moment)
            for result in _results(span, call):
                problem = record_result(log, work, result, moment)
                unkept += [problem] if problem else []
                results += 1
            log.put_setting(name, call)
        requests += 1
    return Imported(requests, results, known, read.others, tuple(dict.fromkeys(unkept)))


def _request(span: Span) -> Request:
    asked = span.asked
    parameters = dict(asked.parameters)
    if span.start_ns:
        at = _EPOCH + timedelta(microseconds=span.start_ns // 1000)
        parameters["claimed_time"] = at.isoformat(timespec="milliseconds")
    return Request(
        provider=span.provider,
        model=asked.model,
        kind=asked.kind,
        parameters=parameters,
        seed=asked.seed,
        endpoint=span.endpoint,
        tool="otel",
        prompt=asked.prompt,
    )


def _results(span: Span, call: str) -> list[Result]:
    if span.error and not span.outputs:
        return [Result(call, 0, "", None, _NOTHING, 0, "failed", span.error, observed="declared")]
    return [
        Result(
            call=call,
            index=index,
            media="text/plain; charset=utf-8",
            data=data,
            sha256=sha256(data).hexdigest(),
            size=len(data),
            error=span.error,
            observed="declared",
        )
        for index, data in enumerate(text.encode("utf-8", "replace") for text in span.outputs)
    ]


@dataclass(slots=True)
class _Call:
    request: Mapping[str, Any]  # Any: the JSON of a body that this program wrote
    prompt: str
    start_ns: int
    results: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)


def export_spans(log: Log, work: Work, *, content: bool) -> dict[str, Json]:
    """Write a work's calls as one document of spans; prompts only with `content`."""
    calls: dict[str, _Call] = {}
    after = -1
    while entries := log.entries_after(after, _PAGE):
        after = entries[-1].id
        for entry in entries:
            header = parse_header(entry.header)
            if entry.work == work.id and header.action in ("gen.request", "gen.result"):
                _gather(log, entry.id, header, calls)
    return format_document([_span(call, found, content) for call, found in calls.items()])


def _gather(log: Log, event: int, header: Header, calls: dict[str, _Call]) -> None:
    openings = log.openings(event)
    if "body" not in openings:
        # Erased.
        return
    body: Mapping[str, Any] = json.loads(openings["body"].value)
    at = (parse_time(header.time) - _EPOCH) // timedelta(microseconds=1) * 1000
    if header.action == "gen.request":
        prompt = openings["prompt"].value.decode() if "prompt" in openings else ""
        calls[body["call"]] = _Call(body, prompt, at)
    elif body["call"] in calls:
        calls[body["call"]].results.append((at, body))


def _span(call: str, found: _Call, content: bool) -> Json:
    body = found.request
    attributes: dict[str, Json] = {
        "gen_ai.operation.name": _OPERATION.get(body["kind"], "generate_content"),
        "gen_ai.provider.name": body["provider"],
        "gen_ai.request.model": body["model"],
        "gen_ai.output.type": _OUTPUT_TYPE.get(body["kind"]),
        "server.address": body["endpoint"].partition("/")[0] or None,
        OWN_CALL: call,
    }
    if body["seed"] is not None:
        seed = body["seed"]
        attributes["gen_ai.request.seed"] = int(seed) if seed.lstrip("-").isdigit() else seed
    for name, value in body["parameters"].items():
        attributes[f"gen_ai.request.{name}"] = value
    if content and found.prompt:
        said = [{"role": "user", "parts": [{"type": "text", "content": found.prompt}]}]
        attributes["gen_ai.input.messages"] = json.dumps(said, ensure_ascii=False)
    events: list[tuple[int, Mapping[str, Json]]] = [
        (at, {name: one[name] for name in ("index", "media", "bytes", "sha256", "status")})
        for at, one in found.results
    ]
    ended = max([found.start_ns, *(at for at, _ in found.results)])
    ids = (call, sha256(call.encode()).hexdigest()[:16])
    failed = any(one["status"] == "failed" for _, one in found.results)
    return format_span(ids, (found.start_ns, ended), attributes, events, is_failed=failed)
