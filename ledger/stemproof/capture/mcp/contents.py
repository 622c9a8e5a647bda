"""What a call says and brings: its text without secrets, and the media in its result.

    {"type": "audio", "data": "<base64>", "mimeType": "audio/wav"}      an Output of audio/wav
    {"type": "resource", "resource": {"blob": "<base64>", ...}}         an Output, too

Media are taken out of the text: digest and size stand in their place. No I/O.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from stemproof.capture.mcp.messages import Object
from stemproof.capture.prompts.plain import (
    MIN_SECRET,
    REMOVED,
    is_secret_name,
    without_secrets,
)
from stemproof.capture.prompts.reading import parse_base64

MAX_OUTPUTS: Final = 64
_MEDIA: Final = re.compile(r"[a-z0-9.+-]{1,60}/[A-Za-z0-9.+_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Output:
    """One thing that a result brings as bytes."""

    media: str
    data: bytes

    @property
    def sha256(self) -> str:
        """The digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


def read_outputs(result: Object) -> tuple[dict[str, object], tuple[Output, ...]]:
    """Take the media out of a result; gives what is left of it, and them."""
    outputs: list[Output] = []
    content = result.get("content")
    if not isinstance(content, list):
        return dict(result), ()
    left = [_without_media(item, outputs) for item in content]
    return {**result, "content": left}, tuple(outputs)


def _without_media(item: object, outputs: list[Output]) -> object:
    if not isinstance(item, dict):
        return item
    if item.get("type") in {"audio", "image"}:
        return _taken(item, "data", outputs)
    inner = item.get("resource")
    if item.get("type") == "resource" and isinstance(inner, dict) and "blob" in inner:
        return {**item, "resource": _taken(inner, "blob", outputs)}
    return item


def _taken(item: dict[str, object], name: str, outputs: list[Output]) -> dict[str, object]:
    data = parse_base64(item.get(name))
    if not data or len(outputs) >= MAX_OUTPUTS:
        return item
    media = item.get("mimeType")
    is_media = isinstance(media, str) and _MEDIA.fullmatch(media) is not None
    output = Output(str(media) if is_media else "", data)
    outputs.append(output)
    rest = {key: value for key, value in item.items() if key != name}
    return {**rest, "sha256": output.sha256, "bytes": len(data)}


def secrets_in_json(value: object) -> Iterator[str]:
    """Give the texts that stand under names of secrets, however deep."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Mapping):
            for name, item in found.items():
                if isinstance(item, str) and len(item) >= MIN_SECRET and is_secret_name(name):
                    yield item
                waiting.append(item)
        elif isinstance(found, list):
            waiting.extend(found)


def secrets_in_words(words: Iterable[str]) -> Iterator[str]:
    """Give the values of a command's options that are named like secrets."""
    is_next = False
    for word in words:
        name, equals, value = word.partition("=")
        is_secret = is_secret_name(name.lstrip("-"))
        if is_next or (is_secret and equals):
            found = word if is_next else value
            if len(found) >= MIN_SECRET:
                yield found
        is_next = is_secret and not equals and word.startswith("-")


def redacted(value: object, known: frozenset[str]) -> object:
    """Give the same JSON without its secrets: by name, by form, and those that are known."""
    if isinstance(value, str):
        return without_secrets(value.encode("utf-8", "replace").decode(), known)
    if isinstance(value, Mapping):
        return {
            str(redacted(name, known)): REMOVED
            if is_secret_name(name) and isinstance(item, str | int | float | list | dict)
            else redacted(item, known)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [redacted(item, known) for item in value]
    return value


def format_text(value: object) -> str:
    """Write JSON for people and programs to read."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
