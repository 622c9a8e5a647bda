"""What an assistant did, written into the log of a work: seen, or said by itself.

    record_call(log, work, call, rules, moment)         mcp.call: a tee saw it (E1)
    record_report(log, work, report, moment)            agent.said: it says so itself (E0)

A body holds names, sizes and how it ended. Arguments and results are one salted commitment
(`prompt`); media in results, and texts too long for an opening, are kept in the vault. Keys are
taken out by name, by form, and wherever their values stand again. That a call was made does
not tell that a model decided on it, nor that its effect is in the music.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from stemproof.acts.begin import Work
from stemproof.acts.generating import (
    Request,
    Result,
    record_request,
    record_result,
    running_session,
)
from stemproof.acts.vault import Fresh, keep
from stemproof.capture.mcp.contents import (
    Output,
    format_text,
    read_outputs,
    redacted,
    secrets_in_json,
)
from stemproof.capture.mcp.conversation import Peer, ToolCall
from stemproof.capture.prompts.plain import plain_text, without_secrets
from stemproof.errors import Usage
from stemproof.log.store import Draft, Log
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time
from stemproof.record.vocabulary import STAGES

# A longer text is kept in the vault, and the commitment is to its beginning.
MAX_TEXT_BYTES: Final = 256 << 10
MAX_SAID: Final = 10_000
MAX_PROMPT: Final = 100_000
#: What an assistant may say that it did: the class that its report has.
SHARES: Final = {"assisted": "ai_assisted", "generated": "ai_generated", "note": "unknown"}
_TRANSPORTS: Final = ("stdio", "http")


@dataclass(frozen=True, slots=True)
class Rules:
    """How calls are recorded: `generates` names tools whose media are generated, `*` all.

    `secrets` are values that never enter a record, wherever they stand.
    """

    transport: str = "stdio"
    stage: str = "none"
    generates: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.transport not in _TRANSPORTS:
            raise Usage(f"{self.transport!r:.40} is no transport")
        if self.stage not in STAGES:
            raise Usage(f"{self.stage!r:.80} is not a stage", hint="one of " + ", ".join(STAGES))


@dataclass(frozen=True, slots=True)
class _Told:
    """A call without its secrets."""

    text: str
    arguments_size: int
    result_size: int
    outputs: tuple[Output, ...]


def record_call(log: Log, work: Work, call: ToolCall, rules: Rules) -> list[str]:
    """Record a call that passed; give what could not be kept of it."""
    known = rules.secrets | frozenset(secrets_in_json(call.arguments))
    told = _tell(call, known)
    text = told.text.encode()
    kept = [output for output in told.outputs if not _holds(output.data, known)]
    is_long = len(text) > MAX_TEXT_BYTES
    files = [output.data for output in kept] + ([text] if is_long else [])
    problems = [
        keep(log, Fresh(work.id, "output", data, format_time(call.ended)), call.ended)
        for data in files
    ]
    body: dict[str, Json] = {
        "server": plain_text(call.server.name, known),
        "server_version": plain_text(call.server.version, known),
        "client": plain_text(call.client.name, known),
        "client_version": plain_text(call.client.version, known),
        "transport": rules.transport,
        "tool": plain_text(call.tool, known),
        "read_only": call.read_only,
        "status": call.status,
        "error": plain_text(call.error, known),
        "took_ms": max(0, round((call.ended - call.began).total_seconds() * 1000)),
        "arguments_bytes": told.arguments_size,
        "result_bytes": told.result_size,
        # Of short texts a digest without salt could be guessed: those are committed to alone.
        "text_sha256": hashlib.sha256(text).hexdigest() if is_long else None,
        "outputs": [
            {"media": one.media, "bytes": len(one.data), "sha256": one.sha256}
            for one in told.outputs
        ],
        "call": None,
    }
    with log.writing():
        if told.outputs and _is_generator(call.tool, rules):
            body["call"] = _record_generation(log, work, call, rules, told)
        draft = Draft(
            time=format_time(call.ended),
            action="mcp.call",
            stage=rules.stage,
            class_=_class_of(call),
            observed="tool",
            actor="machine",
            tool="assistant",
            values={"body": canonical_bytes(body), "prompt": _cut(text)},
            session=running_session(log, work, call.ended),
        )
        log.append(work.id, [draft])
    return [problem for problem in problems if problem]


def _class_of(call: ToolCall) -> str:
    # What failed or only read decided nothing; which of the two it was, the server says.
    return "unknown" if call.read_only or call.status != "ok" else "ai_assisted"


def _is_generator(tool: str, rules: Rules) -> bool:
    return tool in rules.generates or "*" in rules.generates


def _record_generation(log: Log, work: Work, call: ToolCall, rules: Rules, told: _Told) -> str:
    known = rules.secrets | frozenset(secrets_in_json(call.arguments))
    first = told.outputs[0].media.partition("/")[0]
    request = Request(
        provider=plain_text(call.server.name, known),
        model="",
        kind=first if first in ("audio", "image", "text") else "agent",
        parameters={"tool": plain_text(call.tool, known)},
        tool="mcp",
        prompt=format_text(redacted(call.arguments, known)),
        stage=rules.stage,
    )
    made = record_request(log, work, request, call.began)
    for index, output in enumerate(told.outputs):
        is_kept = not _holds(output.data, known)
        result = Result(
            call=made,
            index=index,
            media=output.media,
            data=output.data if is_kept else None,
            sha256=output.sha256,
            size=len(output.data),
            error="" if is_kept else "not kept: it holds a key of the caller",
            stage=rules.stage,
        )
        record_result(log, work, result, call.ended)
    return made


def _tell(call: ToolCall, known: frozenset[str]) -> _Told:
    left, outputs = read_outputs(call.result) if call.result is not None else ({}, ())
    arguments = format_text(redacted(call.arguments, known))
    result = format_text(redacted(left, known)) if call.result is not None else "null"
    return _Told(
        text=f'{{"arguments": {arguments}, "result": {result}}}',
        arguments_size=len(arguments.encode()),
        result_size=len(result.encode()),
        outputs=outputs,
    )


def _holds(data: bytes, known: Collection[str]) -> bool:
    return any(secret.encode("utf-8", "replace") in data for secret in known)


def _cut(text: bytes) -> bytes:
    return text[:MAX_TEXT_BYTES].decode("utf-8", "ignore").encode()


@dataclass(frozen=True, slots=True)
class Report:
    """What an assistant says that it did; `share` is one of SHARES."""

    text: str
    share: str = "assisted"
    stage: str = "none"
    tool: str = ""
    prompt: str = ""
    client: Peer = field(default_factory=Peer)


def record_report(log: Log, work: Work, report: Report, moment: datetime) -> int:
    """Record what an assistant says of itself; give the event.

    It is declared: nobody saw it but the one who says it (evidence level E0).
    """
    if report.share not in SHARES:
        raise Usage(f"{report.share!r:.40} is no share", hint="one of " + ", ".join(SHARES))
    if report.stage not in STAGES:
        raise Usage(f"{report.stage!r:.40} is not a stage", hint="one of " + ", ".join(STAGES))
    text = _readable("text", report.text, MAX_SAID).strip()
    prompt = _readable("prompt", report.prompt, MAX_PROMPT)
    if not text:
        raise Usage("the text is empty", hint="say in a sentence what was done")
    body: dict[str, Json] = {
        "text": text,
        "share": report.share,
        "tool": plain_text(report.tool),
        "client": plain_text(report.client.name),
        "client_version": plain_text(report.client.version),
    }
    values = {"body": canonical_bytes(body)}
    if prompt:
        values["prompt"] = prompt.encode()
    draft = Draft(
        time=format_time(moment),
        action="agent.said",
        stage=report.stage,
        class_=SHARES[report.share],
        observed="declared",
        actor="machine",
        tool="assistant",
        values=values,
        session=running_session(log, work, moment),
    )
    return log.append(work.id, [draft])[0]


def _readable(what: str, text: str, most: int) -> str:
    if len(text) > most:
        raise Usage(f"the {what} has {len(text)} characters, want at most {most}")
    return without_secrets(text.encode("utf-8", "replace").decode())
