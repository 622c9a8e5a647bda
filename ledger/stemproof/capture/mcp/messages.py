"""JSON-RPC 2.0 as MCP uses it: requests, notifications, answers, and batches of them.

    {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {...}}     Request
    {"jsonrpc": "2.0", "method": "notifications/cancelled"}                  Notification
    {"jsonrpc": "2.0", "id": 1, "result": {...}}   or   "error": {...}       Answer

An id is text or an integer and never null (MCP, base protocol); params and results are objects.
What is anything else is refused. Batches came and went between versions of MCP: they are read
whatever the version. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stemproof.capture.prompts.reading import parse_json
from stemproof.errors import Malformed

MAX_BATCH: Final = 1_000
MAX_METHOD: Final = 200
MAX_ID: Final = 200

Object = Mapping[str, Any]  # Any: a stranger's JSON; each reader checks what it takes
Id = int | str


@dataclass(frozen=True, slots=True)
class Request:
    """Asks for an answer."""

    id: Id
    method: str
    params: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notification:
    """Asks for none."""

    method: str
    params: Object = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers a request: `result`, or the code and text of an error."""

    id: Id | None
    result: Object | None = None
    code: int | None = None
    text: str = ""


Message = Request | Notification | Answer


@dataclass(frozen=True, slots=True)
class Read:
    """What one line holds; `unread` members of its batch are no messages."""

    messages: tuple[Message, ...]
    is_batch: bool = False
    unread: int = 0


def parse_line(data: bytes) -> Read:
    """Read one line, or one body of HTTP; refuses what is no message at all."""
    return read_value(parse_json(data, "message"))


def read_value(value: object) -> Read:
    """Read what JSON gave: one message, or a batch."""
    if not isinstance(value, list):
        return Read((parse_message(value),))
    if not 0 < len(value) <= MAX_BATCH:
        raise Malformed("batch", len(value), f"1 to {MAX_BATCH} messages")
    found: list[Message] = []
    unread = 0
    for item in value:
        try:
            found.append(parse_message(item))
        except Malformed:
            unread += 1
    return Read(tuple(found), is_batch=True, unread=unread)


def parse_message(value: object) -> Message:
    """Read one message out of JSON."""
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise Malformed("message", value, "a JSON-RPC 2.0 object")
    if "method" not in value:
        return _answer(value)
    method = value["method"]
    if not isinstance(method, str) or not 0 < len(method) <= MAX_METHOD:
        raise Malformed("method", method, f"a text of 1 to {MAX_METHOD} characters")
    params = value.get("params", {})
    # JSON-RPC allows arrays here, MCP does not.
    if not isinstance(params, dict) or "result" in value or "error" in value:
        raise Malformed(f"params of {method[:40]}", params, "an object, and no result beside it")
    if "id" not in value:
        return Notification(method, params)
    return Request(_id(value["id"]), method, params)


def _answer(value: Object) -> Answer:
    if ("result" in value) == ("error" in value) or "params" in value:
        raise Malformed("message", value, "a method, a result or an error")
    if "result" in value:
        result = value["result"]
        if not isinstance(result, dict):
            raise Malformed("result", result, "an object")
        return Answer(_id(value.get("id")), result)
    error = value["error"]
    if not isinstance(error, dict):
        raise Malformed("error", error, "an object")
    code, text = error.get("code"), error.get("message")
    if type(code) is not int or not isinstance(text, str):
        raise Malformed("error", error, "a code and a message")
    # JSON-RPC section 5: the id is null where the request could not be read.
    known = None if value.get("id") is None else _id(value["id"])
    return Answer(known, None, code, text)


def _id(value: object) -> Id:
    is_number = type(value) is int and value.bit_length() <= 64
    if is_number or (isinstance(value, str) and len(value) <= MAX_ID):
        return value  # type: ignore[return-value] # narrowed by the line above
    raise Malformed("id", value, "a text or an integer")
