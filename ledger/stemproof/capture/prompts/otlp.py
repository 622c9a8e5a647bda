"""OpenTelemetry spans about generators, as OTLP/JSON: read, and written.

    {"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"...","attributes":[
        {"key":"gen_ai.request.model","value":{"stringValue":"gpt-x"}}, ...]}]}]}]}

The names are those of the GenAI semantic conventions 1.41.0, which are still "Development"
there; of earlier ones `gen_ai.system`, `gen_ai.prompt.N.content`, `gen_ai.completion.N.content`
and the events `gen_ai.content.prompt` and `gen_ai.content.completion` are read as well. A file
is one document, or one document a line as collectors write it. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stemproof.capture.prompts.api import Asked
from stemproof.capture.prompts.messages import prompt_of
from stemproof.capture.prompts.reading import items, members, parse_json, text_of
from stemproof.errors import BadInput, Malformed
from stemproof.record.canonical import Json

SEMCONV: Final = "1.41.0"
SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{SEMCONV}"
MAX_FILE_BYTES: Final = 64 << 20
MAX_SPANS: Final = 100_000
MAX_DEPTH: Final = 16
OWN_CALL: Final = "stemproof.call"

_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_SPAN: Final = re.compile(r"[0-9a-f]{16}")
_NANOS: Final = re.compile(r"\d{1,19}")
_TURN: Final = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,4})\.(role|content)")
_OPERATIONS: Final = frozenset(("chat", "generate_content", "text_completion"))
_KINDS: Final = {"image": "image", "speech": "audio"}
_REQUEST: Final = "gen_ai.request."
_APART: Final = frozenset((f"{_REQUEST}model", f"{_REQUEST}seed"))


@dataclass(frozen=True, slots=True)
class Span:
    """One call of a generator, as a span tells it; `start_ns` is its own clock's."""

    trace: str
    id: str
    provider: str
    endpoint: str
    asked: Asked
    outputs: tuple[str, ...]
    start_ns: int
    error: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Read:
    """The calls of a file, and how many of its spans are about something else."""

    spans: tuple[Span, ...]
    others: int


def read_otlp(data: bytes) -> Read:
    """Read a file of spans; refuse what is not OTLP/JSON."""
    if len(data) > MAX_FILE_BYTES:
        raise BadInput(f"the spans have {len(data)} bytes, at most {MAX_FILE_BYTES} are read")
    found: list[Span] = []
    others = 0
    for document in _documents(data):
        for raw in _raw_spans(document):
            if len(found) + others >= MAX_SPANS:
                raise BadInput(f"there are more than {MAX_SPANS} spans; split the file")
            span = _read_span(raw)
            if span is None:
                others += 1
            else:
                found.append(span)
    return Read(tuple(found), others)


def _documents(data: bytes) -> Iterator[Mapping[str, object]]:
    """Give the documents of a file: the one that it is, or one from each line."""
    try:
        whole = parse_json(data, "spans")
    except Malformed as error:
        lines = [line for line in data.splitlines() if line.strip()]
        if len(lines) < 2:
            raise BadInput(f"this is no OTLP/JSON: {error}") from error
        for number, line in enumerate(lines, 1):
            try:
                yield _document(parse_json(line, f"line {number}"))
            except Malformed as wrong:
                raise BadInput(f"this is no OTLP/JSON: {wrong}") from wrong
        return
    yield _document(whole)


def _document(value: object) -> Mapping[str, object]:
    document = members(value)
    if not isinstance(document.get("resourceSpans"), list):
        raise BadInput(
            "this is no OTLP/JSON of traces: there is no list `resourceSpans`",
            hint="a collector's file exporter makes it, or an exporter of traces as JSON",
        )
    return document


def _raw_spans(document: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    for resource in map(members, items(document.get("resourceSpans"))):
        for scope in map(members, items(resource.get("scopeSpans"))):
            yield from map(members, items(scope.get("spans")))


def _read_span(raw: Mapping[str, object]) -> Span | None:
    found = _attributes(raw.get("attributes"))
    for event in map(members, items(raw.get("events"))):
        if text_of(event.get("name")).startswith("gen_ai."):
            found = {**_attributes(event.get("attributes")), **found}
    operation = text_of(found.get("gen_ai.operation.name"))
    is_older = not operation and any(_TURN.fullmatch(name) for name in found)
    if operation not in _OPERATIONS and not is_older:
        return None
    trace, span_id = text_of(raw.get("traceId")).lower(), text_of(raw.get("spanId")).lower()
    if _TRACE.fullmatch(trace) is None or _SPAN.fullmatch(span_id) is None:
        raise BadInput(f"the ids of a span are {trace!r:.40} and {span_id!r:.40}, want hex")
    status = members(raw.get("status"))
    is_failed = status.get("code") in (2, "STATUS_CODE_ERROR")
    return Span(
        trace=trace,
        id=span_id,
        provider=_first(found, "gen_ai.provider.name", "gen_ai.system") or "unknown",
        endpoint=text_of(found.get("server.address")),
        asked=_asked(found),
        outputs=_outputs(found),
        start_ns=_nanos(raw.get("startTimeUnixNano")),
        # Its message may quote a prompt or a key: the kind of error is enough.
        error=(text_of(found.get("error.type")) or "failed") if is_failed else "",
        is_own=OWN_CALL in found,
    )


def _asked(found: Mapping[str, object]) -> Asked:
    seed = found.get(f"{_REQUEST}seed")
    kind = _KINDS.get(text_of(found.get("gen_ai.output.type")), "text")
    parameters = {
        name.removeprefix(_REQUEST): value
        for name, value in found.items()
        if name.startswith(_REQUEST) and name not in _APART
    }
    messages = _structured(found.get("gen_ai.input.messages")) or _turns(found, "prompt")
    system = _parts(_structured(found.get("gen_ai.system_instructions")))
    prompt = prompt_of(system, messages) or text_of(found.get("gen_ai.prompt")) or None
    return Asked(
        model=text_of(found.get(f"{_REQUEST}model")),
        kind=kind,
        parameters=parameters,
        seed=seed if isinstance(seed, int | str) else None,
        prompt=prompt,
    )


def _outputs(found: Mapping[str, object]) -> tuple[str, ...]:
    messages = _structured(found.get("gen_ai.output.messages")) or _turns(found, "completion")
    texts = [prompt_of(None, [message]) for message in messages]
    older = text_of(found.get("gen_ai.completion"))
    return tuple(text for text in texts if text) or ((older,) if older else ())


def _turns(found: Mapping[str, object], what: str) -> list[object]:
    """Put older attributes together: gen_ai.prompt.0.role, gen_ai.prompt.0.content."""
    turns: dict[int, dict[str, object]] = {}
    for name, value in found.items():
        turn = _TURN.fullmatch(name)
        if turn is not None and turn[1] == what:
            turns.setdefault(int(turn[2]), {})[turn[3]] = value
    return [turns[number] for number in sorted(turns)]


def _structured(value: object) -> list[object]:
    """Read messages, which stand as a list or as a list written in JSON."""
    if isinstance(value, str):
        try:
            value = parse_json(value.encode("utf-8", "replace"), "messages")
        except Malformed:
            return []
    return [_message(item) for item in items(value)]


def _message(value: object) -> object:
    """Turn a message of the conventions into the form of prompts: its parts are its content."""
    found = members(value)
    parts = _parts(found.get("parts"))
    return {"role": found.get("role"), "content": parts} if parts else value


def _parts(value: object) -> list[object]:
    return [
        {"type": "text", "text": text}
        for part in map(members, items(value))
        if (text := text_of(part.get("content")))
    ]


def _attributes(value: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for pair in map(members, items(value)):
        if name := text_of(pair.get("key")):
            found[name] = _value(pair.get("value"), 0)
    return found


def _value(value: object, depth: int) -> object:
    """Give an AnyValue of the OTLP as a plain one."""
    found = members(value)
    if depth > MAX_DEPTH:
        return None
    for name in ("stringValue", "boolValue", "doubleValue"):
        if name in found:
            return found[name]
    if "intValue" in found:
        # The protocol's JSON writes 64-bit integers as texts.
        text = str(found["intValue"])
        return int(text) if re.fullmatch(r"-?\d{1,19}", text) else text
    if "arrayValue" in found:
        inner = items(members(found["arrayValue"]).get("values"))
        return [_value(item, depth + 1) for item in inner]
    if "kvlistValue" in found:
        pairs = map(members, items(members(found["kvlistValue"]).get("values")))
        return {text_of(p.get("key")): _value(p.get("value"), depth + 1) for p in pairs}
    return None


def _first(found: Mapping[str, object], *names: str) -> str:
    return next((text for name in names if (text := text_of(found.get(name)))), "")


def _nanos(value: object) -> int:
    text = str(value)
    return int(text) if _NANOS.fullmatch(text) else 0


def format_span(
    ids: tuple[str, str],
    times_ns: tuple[int, int],
    attributes: Mapping[str, Json],
    events: list[tuple[int, Mapping[str, Json]]],
    *,
    is_failed: bool,
) -> Json:
    """Write one call of ours as a span."""
    operation = attributes.get("gen_ai.operation.name")
    return {
        "traceId": ids[0],
        "spanId": ids[1],
        "name": f"{operation} {attributes.get('gen_ai.request.model', '')}".strip(),
        "kind": 3,
        "startTimeUnixNano": str(times_ns[0]),
        "endTimeUnixNano": str(times_ns[1]),
        "attributes": _pairs(attributes),
        "events": [
            {"name": "stemproof.result", "timeUnixNano": str(at), "attributes": _pairs(told)}
            for at, told in events
        ],
        "status": {"code": 2 if is_failed else 1},
    }


def format_document(spans: list[Json]) -> dict[str, Json]:
    """Write spans as one document."""
    scope: Json = {"scope": {"name": "stemproof"}, "spans": list(spans), "schemaUrl": SCHEMA_URL}
    service = _pairs({"service.name": "stemproof"})
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": service},
                "scopeSpans": [scope],
                "schemaUrl": SCHEMA_URL,
            }
        ]
    }


def _pairs(attributes: Mapping[str, Json]) -> list[Json]:
    return [
        {"key": name, "value": _any_value(value)}
        for name, value in attributes.items()
        if value is not None
    ]


def _any_value(value: Json) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": _pairs(value)}}
    return {"stringValue": "" if value is None else value}
