"""Prompts of language models as one text: what every role said, in order.

A prompt that is one message is that message. Several are written one below the other, each
under its role in brackets. Pictures and sounds among them are named by their digest. No I/O.
"""

from __future__ import annotations

import json
from hashlib import sha256

from stemproof.capture.prompts.reading import items, members, text_of

# What these APIs call a piece of text in a list of parts.
_TEXTS = ("text", "input_text", "output_text")


def prompt_of(system: object, messages: object) -> str | None:
    """Write what was said to a model as one text; None if nothing was."""
    said: list[tuple[str, str]] = []
    if told := _content(system):
        said.append(("system", told))
    if isinstance(messages, str):
        said.append(("user", messages))
    for message in items(messages):
        if isinstance(message, str):
            said.append(("user", message))
            continue
        found = members(message)
        told = _content(found.get("content", found.get("output")))
        if told:
            said.append((text_of(found.get("role")) or text_of(found.get("type")), told))
    if not said:
        return None
    if len(said) == 1:
        return said[0][1]
    return "\n\n".join(f"[{role}]\n{told}" for role, told in said)


def _content(content: object) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, (_part(part) for part in items(content))))


def _part(part: object) -> str:
    if isinstance(part, str):
        return part
    found = members(part)
    kind = text_of(found.get("type"))
    if kind in _TEXTS or (not kind and "text" in found):
        return text_of(found.get("text"))
    if kind == "tool_result":
        return _content(found.get("content"))
    written = json.dumps(part, sort_keys=True, separators=(",", ":")).encode()
    return f"({kind or 'part'}, sha256 {sha256(written).hexdigest()})" if found else ""
