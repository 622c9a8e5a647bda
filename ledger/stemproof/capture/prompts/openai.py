"""OpenAI-compatible APIs: chat, responses, completions, images and speech.

Read from the public API reference (platform.openai.com/docs/api-reference), whose shapes many
servers speak: one model's own, gateways, and programs on the artist's machine. Each choice,
picture or sound is one output; a streamed text is put together from its events. No I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from stemproof.capture.prompts.api import Asked, Call, Download, Output, Reply, Step
from stemproof.capture.prompts.messages import prompt_of
from stemproof.capture.prompts.reading import (
    Object,
    base_media,
    index_of,
    items,
    members,
    parse_base64,
    parse_events,
    parse_form,
    parse_json_object,
    text_of,
)
from stemproof.errors import Malformed

# Path's end -> kind of what is generated.
_KINDS: Final[Mapping[str, str]] = {
    "/chat/completions": "text",
    "/completions": "text",
    "/responses": "text",
    "/images/generations": "image",
    "/images/edits": "image",
    "/images/variations": "image",
    "/audio/speech": "audio",
}
# What has a place of its own, is private, or is long and told by its number only.
_APART: Final = frozenset(
    "messages prompt input instructions system model seed tools functions metadata user"
    " safety_identifier prompt_cache_key".split()
)
_IMAGES: Final = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"RIFF", "image/webp"))


class OpenAi:
    """The adapter of OpenAI and of all that speak like it."""

    name = "openai"
    upstream = "https://api.openai.com"

    def read_request(self, call: Call) -> Asked | None:
        """Say what a call asks for."""
        kind = _kind(call)
        if kind is None:
            return None
        body = _body(call)
        said = body.get("messages", body.get("input", body.get("prompt")))
        parameters = {name: value for name, value in body.items() if name not in _APART}
        for name in ("tools", "functions"):
            if name in body:
                parameters[name] = len(items(body[name]))
        seed = body.get("seed")
        return Asked(
            model=text_of(body.get("model")),
            kind=kind,
            parameters=parameters,
            seed=seed if isinstance(seed, int | str) else None,
            prompt=prompt_of(body.get("instructions"), said),
        )

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Say what an answer brings."""
        kind = _kind(call)
        if kind is None:
            return Step()
        if reply.status >= 400:
            return Step(error=f"HTTP {reply.status}")
        media = base_media(reply.media)
        if media == "text/event-stream":
            return _read_stream(kind, reply.body)
        if media != "application/json":
            return Step(outputs=(Output(0, media, reply.body),))
        body = parse_json_object(reply.body, "answer")
        if kind == "image":
            return _read_images(body)
        return Step(outputs=_texts(_said(body)), error=text_of(members(body.get("error"))))


def _kind(call: Call) -> str | None:
    if call.method != "POST":
        return None
    return next((kind for end, kind in _KINDS.items() if call.path.endswith(end)), None)


def _body(call: Call) -> Object:
    if base_media(call.media) == "multipart/form-data":
        return parse_form(call.body, call.media)
    return parse_json_object(call.body, "request")


def _said(body: Object) -> Iterable[tuple[int, str]]:
    """Give the texts of a whole answer, each with its place."""
    for choice in map(members, items(body.get("choices"))):
        index = index_of(choice.get("index"))
        yield index, text_of(choice.get("text"))
        yield index, text_of(members(choice.get("message")).get("content"))
    for index, item in enumerate(map(members, items(body.get("output")))):
        for part in map(members, items(item.get("content"))):
            yield index, text_of(part.get("text"))


def _texts(said: Iterable[tuple[int, str]]) -> tuple[Output, ...]:
    texts: dict[int, list[str]] = defaultdict(list)
    for index, text in said:
        if text:
            texts[index].append(text)
    return tuple(
        Output(number, "text/plain; charset=utf-8", "".join(parts).encode("utf-8", "replace"))
        for number, (_, parts) in enumerate(sorted(texts.items()))
    )


def _read_images(body: Object) -> Step:
    outputs: list[Output] = []
    downloads: list[Download] = []
    for index, item in enumerate(map(members, items(body.get("data")))):
        data = parse_base64(item.get("b64_json"))
        if data is not None:
            outputs.append(Output(index, _image_media(data), data))
        elif url := text_of(item.get("url")):
            downloads.append(Download(index, url))
    return Step(outputs=tuple(outputs), downloads=tuple(downloads))


def _image_media(data: bytes) -> str:
    return next((media for head, media in _IMAGES if data.startswith(head)), "image/*")


def _read_stream(kind: str, body: bytes) -> Step:
    said: list[tuple[int, str]] = []
    sounds: list[bytes] = []
    images: list[bytes] = []
    error, is_done = "", False
    for _, data in parse_events(body):
        if data == "[DONE]":
            is_done = True
            continue
        try:
            event = parse_json_object(data.encode("utf-8", "replace"), "event")
        except Malformed:
            error = "an event of the stream is not JSON"
            continue
        name = text_of(event.get("type"))
        if "error" in event or name in ("error", "response.failed"):
            error = "the provider told an error within the stream"
        is_done = is_done or name.endswith((".completed", ".done"))
        said += _delta(event, name)
        is_done = is_done or any(
            members(choice).get("finish_reason") for choice in items(event.get("choices"))
        )
        if name == "speech.audio.delta":
            sounds.append(parse_base64(event.get("audio")) or b"")
        if name.startswith("image_") and name.endswith(".completed"):
            images.append(parse_base64(event.get("b64_json")) or b"")
    outputs = _texts(said)
    if kind == "audio":
        outputs = (Output(0, "audio/*", b"".join(sounds)),) if sounds else ()
    elif kind == "image":
        outputs = tuple(Output(n, _image_media(one), one) for n, one in enumerate(images) if one)
    return Step(outputs=outputs, error=error, is_cut=not is_done)


def _delta(event: Object, name: str) -> Iterable[tuple[int, str]]:
    if name == "response.output_text.delta":
        yield index_of(event.get("output_index")), text_of(event.get("delta"))
    for choice in map(members, items(event.get("choices"))):
        index = index_of(choice.get("index"))
        yield index, text_of(choice.get("text"))
        yield index, text_of(members(choice.get("delta")).get("content"))
