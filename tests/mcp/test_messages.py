"""Lines, messages and conversations: strict, bounded, and never wrong about which call ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.mcp.contents import redacted, secrets_in_json, secrets_in_words
from stemproof.capture.mcp.conversation import MAX_PENDING, Conversation
from stemproof.capture.mcp.lines import Lines
from stemproof.capture.mcp.messages import Answer, Notification, Request, parse_line
from stemproof.errors import Malformed

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(st.lists(st.binary(max_size=40)), st.integers(1, 9))
def test_lines_come_whole_however_they_are_cut(pieces: list[bytes], step: int) -> None:
    data = b"".join(pieces)
    lines = Lines()
    found = [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])]
    assert found == [line for line in data.split(b"\n")[:-1] if line.strip()]


def test_a_line_beyond_the_bound_is_dropped_and_the_next_is_read() -> None:
    lines = Lines(most=10)
    assert list(lines.feed(b"12345678901")) == []
    assert list(lines.feed(b"2345\n{}\n")) == [b"{}"]
    assert lines.too_long == 1


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', Request),
        (b'{"jsonrpc":"2.0","id":"a","method":"ping","params":{}}\r', Request),
        (b'{"jsonrpc":"2.0","method":"notifications/x"}', Notification),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', Answer),
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}', Answer),
    ],
)
def test_messages_are_told_apart(line: bytes, kind: type) -> None:
    (message,) = parse_line(line).messages
    assert isinstance(message, kind)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"[" + b"1," * 1_000 + b"1]",
        b'{"id":1,"method":"ping"}',
        b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
        b'{"jsonrpc":2.0,"id":1,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":true,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":[1],"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1' + b"0" * 5_000 + b',"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}',
        b'{"jsonrpc":"2.0","id":1,"method":""}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
        b'{"jsonrpc":"2.0","id":1,"result":[]}',
        b'{"jsonrpc":"2.0","id":1,"result":{"x":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}',
        b'{"jsonrpc":"2.0","id":null,"result":{}}',
    ],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_line(line)


def test_a_batch_keeps_its_good_members() -> None:
    read = parse_line(b'[{"jsonrpc":"2.0","id":1,"method":"ping"}, 7]')
    assert (len(read.messages), read.is_batch, read.unread) == (1, True, 1)


def ask(number: int | str, tool: str = "t", method: str = "tools/call") -> Request:
    return Request(number, method, {"name": tool, "arguments": {"n": number}})


def test_answers_find_their_calls_in_any_order() -> None:
    talk = Conversation()
    for number in (1, "1", 2):
        talk.sent(ask(number), NOW, size=1)
    ended = [talk.answered(Answer(number, {}), NOW) for number in (2, "1", 1)]
    assert [call.arguments["n"] for (call,) in ended] == [2, "1", 1]
    assert talk.answered(Answer(1, {}), NOW) == []
    assert talk.unmatched == 1


def test_an_answer_before_its_call_answers_nothing() -> None:
    talk = Conversation()
    talk.answered(Answer(1, {}), NOW)
    talk.sent(ask(1), NOW, size=1)
    assert [call.status for call in talk.end(NOW)] == ["unanswered"]


def test_the_endings_of_a_call_are_told_apart() -> None:
    talk = Conversation()
    answers = {
        "ok": Answer(1, {"content": []}),
        "failed": Answer(1, None, -32602, "no"),
        "asked": Answer(1, {"resultType": "input_required"}),
    }
    for status, answer in answers.items():
        talk.sent(ask(1), NOW, size=1)
        (call,) = talk.answered(answer, NOW)
        assert call.status == status
        if status == "failed":
            assert call.result == {"error": {"code": -32602, "message": "no"}}
            assert call.error == "error -32602"
    talk.sent(ask(1), NOW, size=1)
    taken_back = Notification("notifications/cancelled", {"requestId": 1})
    assert [call.status for call in talk.sent(taken_back, NOW, size=1)] == ["cancelled"]
    talk.sent(ask(1), NOW, size=1)
    assert [call.status for call in talk.sent(ask(1), NOW, size=1)] == ["unanswered"]


def test_calls_that_are_never_answered_are_bounded_in_number_and_size() -> None:
    talk = Conversation()
    ended = [call for n in range(MAX_PENDING + 5) for call in talk.sent(ask(n), NOW, size=1)]
    assert [call.arguments["n"] for call in ended] == [0, 1, 2, 3, 4]
    assert len(talk.sent(ask("big"), NOW, size=64 << 20)) == MAX_PENDING


def test_equal_ids_of_two_streams_are_two_calls_and_a_broken_stream_fails_its_own() -> None:
    talk = Conversation()
    talk.sent(ask(1, "a"), NOW, size=1, stream=1)
    talk.sent(ask(1, "b"), NOW, size=1, stream=2)
    (call,) = talk.answered(Answer(1, {}), NOW, stream=2)
    assert call.tool == "b"
    (call,) = talk.broke(NOW, "HTTP 500", stream=1)
    assert (call.tool, call.status, call.error) == ("a", "failed", "HTTP 500")


def test_peers_are_known_by_handshake_or_by_meta_and_two_clients_by_no_name() -> None:
    talk = Conversation()
    meta = {"_meta": {"io.modelcontextprotocol/clientInfo": {"name": "one", "version": "1"}}}
    talk.sent(Request(1, "tools/call", {"name": "t", **meta}), NOW, size=1)
    said = {"_meta": {"io.modelcontextprotocol/serverInfo": {"name": "srv", "version": "2"}}}
    (call,) = talk.answered(Answer(1, said), NOW)
    assert (call.client.name, call.server.name, call.server.version) == ("one", "srv", "2")
    talk.sent(Request(2, "initialize", {"clientInfo": {"name": "two"}}), NOW, size=1)
    assert talk.client.name == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_a_message_or_refused(value: Any) -> None:
    try:
        parse_line(json.dumps(value).encode())
    except Malformed:
        pass


@given(JSON)
def test_a_known_secret_is_nowhere_after_redaction(value: Any) -> None:
    secret = "plainlookingtoken9"
    held = {"a": [value, {"api_key": secret}], f"x{secret}": f"say {secret}!", "n": value}
    known = frozenset(secrets_in_json(held))
    assert secret in known
    assert secret not in json.dumps(redacted(held, known))


def test_secrets_of_a_command_line_are_found() -> None:
    words = ["npx", "srv", "--api-key", "aaaabbbb1", "--token=ccccdddd2", "--port", "8080"]
    assert set(secrets_in_words(words)) == {"aaaabbbb1", "ccccdddd2"}
