"""ElevenLabs' music API: one call that is answered by audio, whole or streamed.

    POST /v1/music            {"prompt":"...","music_length_ms":30000}     audio
    POST /v1/music/stream     the same, as it is made

The shape is that of ElevenLabs' public API reference (elevenlabs.io/docs/api-reference/music/
compose). A composition plan is the prompt where there is no other. No I/O.
"""

from __future__ import annotations

import json
from typing import Final

from stemproof.capture.prompts.api import Asked, Call, Output, Reply, Step
from stemproof.capture.prompts.reading import base_media, members, parse_json_object, text_of

_STARTS: Final = ("/v1/music", "/v1/music/stream")
_PLANS: Final = ("composition_plan", "music_prompt")
_APART: Final = frozenset(("prompt", "lyrics_text", "model_id", "seed", *_PLANS))


class ElevenLabs:
    """The adapter of ElevenLabs' music."""

    name = "elevenlabs"
    upstream = "https://api.elevenlabs.io"

    def read_request(self, call: Call) -> Asked | None:
        """Say what a call asks for."""
        if call.method != "POST" or not call.path.endswith(_STARTS):
            return None
        body = parse_json_object(call.body, "request")
        plan = next((members(body[name]) for name in _PLANS if body.get(name)), None)
        written = None if plan is None else json.dumps(plan, ensure_ascii=False, sort_keys=True)
        parameters = {name: value for name, value in body.items() if name not in _APART}
        seed = body.get("seed")
        return Asked(
            model=text_of(body.get("model_id")),
            kind="audio",
            parameters={**call.query, **parameters},
            seed=seed if isinstance(seed, int) else None,
            prompt=text_of(body.get("prompt")) or written,
            lyrics=text_of(body.get("lyrics_text")) or None,
        )

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Say what an answer brings."""
        if call.method != "POST" or not call.path.endswith(_STARTS):
            return Step()
        if reply.status >= 400:
            return Step(error=f"HTTP {reply.status}")
        media = base_media(reply.media)
        if media.startswith("audio/") or media == "application/octet-stream":
            return Step(outputs=(Output(0, media, reply.body),))
        return Step(error=f"the answer is {media or 'of no named type'}, not audio")
