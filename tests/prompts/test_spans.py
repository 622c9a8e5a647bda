"""OpenTelemetry spans become declared calls, once; calls become spans, without prompts."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.acts.keyed import Keyed
from tests.cli.transcript import environment

from stemproof.acts.home import now, opened
from stemproof.acts.spans import Imported, export_spans, import_spans
from stemproof.capture.prompts.otlp import SCHEMA_URL, read_otlp
from stemproof.errors import BadInput

KEY = "sk-test-" + "Kk5" * 12


def value(plain: object) -> dict[str, Any]:
    """Write a value as OTLP/JSON does."""
    if isinstance(plain, bool):
        return {"boolValue": plain}
    if isinstance(plain, int):
        return {"intValue": str(plain)}
    if isinstance(plain, float):
        return {"doubleValue": plain}
    if isinstance(plain, list):
        return {"arrayValue": {"values": [value(item) for item in plain]}}
    return {"stringValue": plain}


def document(*spans: dict[str, Any], number: int = 1, **more: Any) -> bytes:
    """Write spans, given by their attributes, as one document."""
    raw = [
        {
            "traceId": f"{number:032x}",
            "spanId": f"{place + 1:016x}",
            "name": "chat",
            "startTimeUnixNano": "1795000000123456789",
            "attributes": [{"key": k, "value": value(v)} for k, v in attributes.items()],
            **more,
        }
        for place, attributes in enumerate(spans)
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": raw}]}]}).encode()


NEW = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-x",
    "gen_ai.request.temperature": 0.25,
    "gen_ai.request.seed": 42,
    "gen_ai.request.stop_sequences": ["a", "b"],
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": f"a waltz {KEY}"}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": "one two three"}]}]
    ),
    "server.address": "api.openai.com",
    "gen_ai.usage.input_tokens": 12,
}
OLD = {
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-x",
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "be brief",
    "gen_ai.prompt.1.role": "user",
    "gen_ai.prompt.1.content": "a rhyme on roof",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "aloof",
}


def take(keyed: Keyed, data: bytes) -> Imported:
    with opened(keyed.room.home) as log:
        return import_spans(log, keyed.room.work, data, now())


def test_a_span_of_today_is_a_declared_call(keyed: Keyed) -> None:
    done = take(keyed, document(NEW))
    assert (done.requests, done.results, done.known, done.others) == (1, 1, 0, 0)
    request = keyed.room.last("gen.request")
    assert (request.header.observed, request.body["tool"]) == ("declared", "otel")
    assert (request.body["provider"], request.body["seed"]) == ("openai", "42")
    assert request.body["parameters"] == {
        "temperature": "0.25",
        "stop_sequences": ["a", "b"],
        "claimed_time": "2026-11-18T11:06:40.123+00:00",
    }
    assert request.fields["prompt"] == b"a waltz [secret removed]"
    result = keyed.room.last("gen.result")
    assert result.header.observed == "declared"
    assert keyed.kept(sha256(b"one two three").digest()) == b"one two three"


def test_a_span_of_earlier_conventions_is_one_too(keyed: Keyed) -> None:
    take(keyed, document(OLD))
    request = keyed.room.last("gen.request")
    assert request.body["provider"] == "anthropic"
    assert request.fields["prompt"] == b"[system]\nbe brief\n\n[user]\na rhyme on roof"
    assert keyed.kept(sha256(b"aloof").digest()) == b"aloof"


def test_prompts_in_events_are_read(keyed: Keyed) -> None:
    events = [
        {
            "name": "gen_ai.content.prompt",
            "attributes": [{"key": "gen_ai.prompt", "value": value("a waltz")}],
        },
        {
            "name": "gen_ai.content.completion",
            "attributes": [{"key": "gen_ai.completion", "value": value("one two")}],
        },
    ]
    take(keyed, document({"gen_ai.operation.name": "chat"}, events=events))
    assert keyed.room.last("gen.request").fields["prompt"] == b"a waltz"
    assert keyed.kept(sha256(b"one two").digest()) == b"one two"


def test_a_span_is_recorded_once_however_often_its_file_is_read(keyed: Keyed) -> None:
    take(keyed, document(NEW, OLD))
    again = take(keyed, document(NEW, OLD, NEW))
    assert (again.requests, again.known) == (1, 2)


def test_spans_about_something_else_are_counted(keyed: Keyed) -> None:
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    done = take(keyed, document(tool, {"http.request.method": "GET"}, NEW))
    assert (done.requests, done.others) == (1, 2)


def test_a_failed_span_is_a_failed_result_without_its_message(keyed: Keyed) -> None:
    asked = {name: text for name, text in NEW.items() if "output" not in name}
    status = {"code": 2, "message": f"bad key {KEY}"}
    take(keyed, document({**asked, "error.type": "AuthenticationError"}, status=status))
    body = keyed.room.last("gen.result").body
    assert (body["status"], body["error"]) == ("failed", "AuthenticationError")


def test_a_document_a_line_is_read(keyed: Keyed) -> None:
    lines = document(NEW, number=1) + b"\n" + document(OLD, number=2) + b"\n"
    assert take(keyed, lines).requests == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"[]",
        b'{"resourceSpans":3}',
        b'{"resourceMetrics":[]}',
        b'{"resourceSpans":[],"resourceSpans":[]}',
        b"[" * 100_000,
        b'{"resourceSpans":[]}\nnot json\n',
        document(NEW).replace(b'"traceId": "0', b'"traceId": "x'),
        document(NEW).replace(b"0.25", b"NaN"),
    ],
)
def test_what_is_no_otlp_is_refused_and_nothing_recorded(keyed: Keyed, data: bytes) -> None:
    with pytest.raises(BadInput):
        take(keyed, data)
    assert keyed.room.actions() == []


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                "resourceSpans scopeSpans spans attributes key value stringValue events name"
                " arrayValue values status traceId gen_ai.prompt.0.content".split()
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(ANY)
def test_any_json_is_read_or_refused(tree: object) -> None:
    try:
        spans = {"scopeSpans": [{"spans": [tree]}]}
        read_otlp(json.dumps({"resourceSpans": [tree, spans]}).encode())
    except BadInput:
        pass


def spans_of(keyed: Keyed, *, content: bool = False) -> list[dict[str, Any]]:
    with opened(keyed.room.home) as log:
        found: Any = export_spans(log, keyed.room.work, content=content)
    assert found["resourceSpans"][0]["schemaUrl"] == SCHEMA_URL
    spans: list[dict[str, Any]] = found["resourceSpans"][0]["scopeSpans"][0]["spans"]
    return spans


def test_calls_go_out_as_spans_without_prompts(keyed: Keyed) -> None:
    take(keyed, document(NEW))
    (span,) = spans_of(keyed)
    assert "waltz" not in json.dumps(span)
    assert span["traceId"] == keyed.room.last("gen.request").body["call"]
    attributes = {pair["key"]: pair["value"] for pair in span["attributes"]}
    assert attributes["gen_ai.operation.name"] == {"stringValue": "chat"}
    assert attributes["gen_ai.request.seed"] == {"intValue": "42"}
    (event,) = span["events"]
    assert {"key": "status", "value": {"stringValue": "ok"}} in event["attributes"]


def test_prompts_go_out_when_their_owner_says_so(keyed: Keyed) -> None:
    take(keyed, document(NEW))
    (span,) = spans_of(keyed, content=True)
    assert "a waltz" in json.dumps(span)


def test_what_we_wrote_ourselves_is_not_taken_in_again(keyed: Keyed) -> None:
    take(keyed, document(NEW))
    with opened(keyed.room.home) as log:
        out = json.dumps(export_spans(log, keyed.room.work, content=True)).encode()
    assert take(keyed, out).known == 1
    (read,) = read_otlp(out).spans
    assert (read.asked.prompt, read.asked.seed) == ("a waltz [secret removed]", 42)


def run(keyed: Keyed, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    place = keyed.room.home.path
    command = [sys.executable, "-m", "stemproof_cli", "--home", str(place), "ai", *arguments]
    return subprocess.run(
        command, input=given, capture_output=True, env=environment(place), timeout=60, check=False
    )


def test_the_commands_take_a_file_or_stdin_and_answer(keyed: Keyed, tmp_path: Path) -> None:
    (tmp_path / "spans.json").write_bytes(document(NEW))
    done = run(keyed, "otlp", str(tmp_path / "spans.json"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["requests"] == 1
    done = run(keyed, "otlp", "-", given=document(OLD, number=9))
    assert b"1 request and 1 result recorded as declared" in done.stdout
    done = run(keyed, "export", "--otlp")
    assert len(json.loads(done.stdout)["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 2
    assert run(keyed, "export").returncode == 2
    assert run(keyed, "otlp", str(tmp_path / "nothing.json")).returncode == 3
    assert run(keyed, "otlp", "-", given=b"{}").returncode == 3
