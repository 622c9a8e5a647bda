"""Stable Audio's API: a form that is answered by audio, or by a job that a poll ends.

    POST /v2beta/audio/stable-audio-2/text-to-audio     multipart/form-data; audio
    POST /v2beta/audio/stable-audio/text-to-audio       202 {"id":"a1"}
    GET  /v2beta/audio/results/a1                       202 while it runs, then audio

The shape is that of Stability AI's public API reference (platform.stability.ai/docs/
api-reference, version v2beta). The poll is the download. No I/O.
"""

from __future__ import annotations

import re
from typing import Final

from stemproof.capture.prompts.api import Asked, Call, Output, Reply, Step
from stemproof.capture.prompts.reading import (
    base_media,
    parse_base64,
    parse_form,
    parse_json_object,
    text_of,
)

_START: Final = re.compile(r"/v2beta/audio/(stable-audio[a-z0-9.-]{0,20})/([a-z-]{1,40})")
_RESULT: Final = re.compile(r"/v2beta/audio/results/([A-Za-z0-9_-]{1,128})")
_APART: Final = frozenset(("prompt", "model", "seed"))


class StableAudio:
    """The adapter of Stable Audio."""

    name = "stableaudio"
    upstream = "https://api.stability.ai"

    def read_request(self, call: Call) -> Asked | None:
        """Say what a call asks for."""
        start = _START.search(call.path)
        if call.method != "POST" or start is None:
            return None
        fields = parse_form(call.body, call.media)
        parameters: dict[str, object] = {n: v for n, v in fields.items() if n not in _APART}
        return Asked(
            model=fields.get("model") or start[1],
            kind="audio",
            parameters={**parameters, "operation": start[2]},
            seed=fields.get("seed"),
            prompt=fields.get("prompt"),
        )

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Say what an answer brings."""
        result = _RESULT.search(call.path) if call.method == "GET" else None
        is_start = call.method == "POST" and _START.search(call.path) is not None
        if result is None and not is_start:
            return Step()
        job = "" if result is None else result[1]
        if reply.status >= 500 and job:
            # The next poll may be answered.
            return Step()
        if reply.status >= 400:
            return Step(job=job, error=f"HTTP {reply.status}")
        media = base_media(reply.media)
        if media.startswith("audio/"):
            return Step(job=job, outputs=(Output(0, media, reply.body),))
        body = parse_json_object(reply.body, "answer")
        data = parse_base64(body.get("audio"))
        if data:
            return Step(job=job, outputs=(Output(0, "audio/*", data),))
        return Step(job=job or text_of(body.get("id")))
