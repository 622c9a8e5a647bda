"""Anthropic's Messages API, whole and streamed.

Read from the public API reference (docs.anthropic.com/en/api/messages and
/messages-streaming). All text blocks of an answer are one output. No I/O.
"""

from __future__ import annotations

from typing import Final

from stemproof.capture.prompts.api import Asked, Call, Output, Reply, Step
from stemproof.capture.prompts.messages import prompt_of
from stemproof.capture.prompts.reading import (
    base_media,
    items,
    members,
    parse_events,
    parse_json_object,
    text_of,
)
from stemproof.errors import Malformed

_APART: Final = frozenset("messages system prompt model tools metadata mcp_servers".split())
_TEXT: Final = "text/plain; charset=utf-8"


class Anthropic:
    """The adapter of Anthropic's API."""

    name = "anthropic"
    upstream = "https://api.anthropic.com"

    def read_request(self, call: Call) -> Asked | None:
        """Say what a call asks for."""
        if not _is_generation(call):
            return None
        body = parse_json_object(call.body, "request")
        parameters = {name: value for name, value in body.items() if name not in _APART}
        if "tools" in body:
            parameters["tools"] = len(items(body["tools"]))
        return Asked(
            model=text_of(body.get("model")),
            kind="text",
            parameters=parameters,
            prompt=prompt_of(body.get("system"), body.get("messages")),
        )

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Say what an answer brings."""
        if not _is_generation(call):
            return Step()
        if reply.status >= 400:
            return Step(error=f"HTTP {reply.status}")
        if base_media(reply.media) == "text/event-stream":
            return _read_stream(reply.body)
        body = parse_json_object(reply.body, "answer")
        texts = [text_of(members(block).get("text")) for block in items(body.get("content"))]
        return Step(outputs=_output("".join(texts)))


def _is_generation(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith("/messages")


def _output(text: str) -> tuple[Output, ...]:
    return (Output(0, _TEXT, text.encode("utf-8", "replace")),) if text else ()


def _read_stream(body: bytes) -> Step:
    texts: list[str] = []
    error, is_done = "", False
    for name, data in parse_events(body):
        try:
            event = parse_json_object(data.encode("utf-8", "replace"), "event")
        except Malformed:
            error = "an event of the stream is not JSON"
            continue
        kind = text_of(event.get("type")) or name
        if kind == "content_block_start":
            texts.append(text_of(members(event.get("content_block")).get("text")))
        elif kind == "content_block_delta":
            texts.append(text_of(members(event.get("delta")).get("text")))
        elif kind == "error":
            error = "the provider told an error within the stream"
        is_done = is_done or kind == "message_stop"
    return Step(outputs=_output("".join(texts)), error=error, is_cut=not is_done)
