"""JSON, server-sent events and forms as strangers write them: bounded, and refused when doubtful.

An object with two equal names, NaN, a bracket too deep or a text that is not UTF-8 is refused:
what is recorded of a call must have one meaning. No I/O.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final

from stemproof.errors import Malformed
from stemproof.record.depth import is_deeper

# Structured outputs and tool definitions nest some ten deep.
MAX_DEPTH: Final = 64
MAX_JSON_BYTES: Final = 64 << 20
# A stream of one word an event for an hour.
MAX_EVENTS: Final = 500_000
MAX_FIELDS: Final = 100

Object = Mapping[str, Any]  # Any: a stranger's JSON; each reader checks what it takes


def parse_json(data: bytes, what: str) -> object:
    """Read JSON in any spelling that has one meaning."""
    if len(data) > MAX_JSON_BYTES:
        raise Malformed(f"{what} length", len(data), f"at most {MAX_JSON_BYTES} bytes")
    if is_deeper(data, MAX_DEPTH):
        raise Malformed(f"{what} nesting", MAX_DEPTH + 1, f"at most {MAX_DEPTH} levels")
    try:
        value: object = _DECODER.decode(data.decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed(what, data[:80], "JSON with one meaning") from error
    return value


def parse_json_object(data: bytes, what: str) -> Object:
    """Read JSON whose top is an object."""
    value = parse_json(data, what)
    if not isinstance(value, dict):
        raise Malformed(what, value, "a JSON object")
    return value


def parse_events(data: bytes) -> Iterator[tuple[str, str]]:
    """Give the events of a text/event-stream: name and data (WHATWG HTML section 9.2).

    An event that was not ended by an empty line is left out, as a client would.
    """
    name, lines, count = "", list[str](), 0
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    ended = text.replace("\r\n", "\n").replace("\r", "\n")
    for line in ended.split("\n")[:-1]:
        if not line:
            if lines:
                count += 1
                if count > MAX_EVENTS:
                    raise Malformed("number of events", count, f"at most {MAX_EVENTS}")
                yield name, "\n".join(lines)
            name, lines = "", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            name = value
        elif key == "data":
            lines.append(value)


def parse_form(data: bytes, media: str) -> dict[str, str]:
    """Read the text fields of multipart/form-data; a file is named by its size only."""
    header = b"Content-Type: " + media.encode("ascii", "replace").replace(b"\n", b"") + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(header + data)
    found: dict[str, str] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes) or name in found:
            raise Malformed("form", media, "multipart/form-data with each field once")
        if len(found) >= MAX_FIELDS:
            raise Malformed("number of fields", len(found) + 1, f"at most {MAX_FIELDS}")
        is_file = part.get_filename() is not None
        found[name] = (
            f"(file, {len(content)} bytes)" if is_file else content.decode("utf-8", "replace")
        )
    return found


def parse_base64(text: object) -> bytes | None:
    """Read base64 in its one spelling; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def base_media(media: str) -> str:
    """Give a media type without its parameters."""
    return media.partition(";")[0].strip().lower()


def members(value: object) -> Object:
    """Give an object's members; of anything else, none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """Give a list's items; of anything else, none."""
    return value if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Give a text; of anything else, the empty one."""
    return value if isinstance(value, str) else ""


def index_of(value: object) -> int:
    """Give a small index from 0; of anything else, 0."""
    return value if type(value) is int and 0 <= value < 10_000 else 0


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is no number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
