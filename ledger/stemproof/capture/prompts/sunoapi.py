"""A Suno-like music API of three steps: request, poll, download.

    POST /api/v1/generate               {"code":200,"data":{"taskId":"5c79"}}
    GET  /api/v1/generate/record-info?taskId=5c79
         {"data":{"status":"SUCCESS","response":{"sunoData":[{"audioUrl":"https://..."}]}}}

The shape is that of docs.sunoapi.org ("Generate Music" and "Get Music Generation Details", read
November 2026), which docs.kie.ai describes alike. Both are resellers: Suno itself publishes no
API. The prompt is a description, or with `customMode` the lyrics. No I/O.
"""

from __future__ import annotations

from typing import Final

from stemproof.capture.prompts.api import Asked, Call, Download, Reply, Step
from stemproof.capture.prompts.reading import items, members, parse_json_object, text_of

_STARTS: Final = ("/generate", "/generate/extend", "/generate/upload-cover")
_POLL: Final = "/api/v1/generate/record-info"
# An address that the provider calls back may hold a token of the artist's own server.
_APART: Final = frozenset("prompt model style title callBackUrl".split())
_FAILED: Final = ("FAILED", "ERROR", "EXCEPTION")


class SunoApi:
    """The adapter of sunoapi.org and of those that speak like it."""

    name = "sunoapi"
    upstream = "https://api.sunoapi.org"

    def read_request(self, call: Call) -> Asked | None:
        """Say what a call asks for."""
        if not _is_start(call):
            return None
        body = parse_json_object(call.body, "request")
        prompt, style = text_of(body.get("prompt")), text_of(body.get("style"))
        is_sung = body.get("customMode") is True and body.get("instrumental") is not True
        told = [style, text_of(body.get("title"))] if is_sung else [prompt, style]
        return Asked(
            model=text_of(body.get("model")),
            kind="audio",
            parameters={name: value for name, value in body.items() if name not in _APART},
            prompt="\n".join(filter(None, told)) or None,
            lyrics=(prompt or None) if is_sung else None,
        )

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Say what an answer brings."""
        is_poll = call.method == "GET" and call.path.endswith(_POLL)
        if not (is_poll or _is_start(call)):
            return Step()
        job = call.query.get("taskId", "") if is_poll else ""
        if reply.status >= 400:
            # A poll that fails ends no job: the next one may not.
            return Step() if is_poll else Step(error=f"HTTP {reply.status}")
        body = parse_json_object(reply.body, "answer")
        data = members(body.get("data"))
        if not is_poll:
            job = text_of(data.get("taskId"))
            code = body.get("code")
            return Step(job=job, error="" if job else f"the provider answered with code {code}")
        status = text_of(data.get("status"))
        if status.endswith(_FAILED):
            return Step(job=job, error=f"the provider says {status}")
        clips = items(members(data.get("response")).get("sunoData"))
        found = ((n, text_of(members(clip).get("audioUrl"))) for n, clip in enumerate(clips))
        return Step(job=job, downloads=tuple(Download(n, url) for n, url in found if url))


def _is_start(call: Call) -> bool:
    return call.method == "POST" and call.path.endswith(_STARTS)
