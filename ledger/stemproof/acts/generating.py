"""What was asked of a generator and what it gave, written into the log of a work.

    call = record_request(log, work, Request(...), moment)     gen.request
    record_result(log, work, Result(call, 0, ...), moment)     gen.result, output in the vault

Whoever sees a call (the proxy, the Python API, a tee of MCP traffic, OpenTelemetry spans)
records it here and nowhere else. The prompt and the lyrics are salted commitments; keys,
cookies and query strings are taken out here once more, whoever calls. What is recorded is
that this was asked and this came back, never that it entered the music.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from stemproof.acts.begin import Work, find_work, list_works
from stemproof.acts.desk import QUIET
from stemproof.acts.vault import Fresh, keep_all
from stemproof.capture.prompts.plain import (
    plain_endpoint,
    plain_parameters,
    plain_text,
    without_secrets,
)
from stemproof.errors import Usage
from stemproof.log.store import Draft, Log
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.event import format_time, parse_time
from stemproof.record.vocabulary import STAGES

# An opening in a bundle has 4 MiB; a prompt of a million characters is cut, and that is said.
MAX_PROMPT: Final = 1_000_000
KINDS: Final = ("text", "audio", "image", "midi", "agent")
TOOLS: Final = ("proxy", "mcp", "api", "otel")
STATUSES: Final = ("ok", "failed", "cut")

_CALL: Final = re.compile(r"[0-9a-f]{32}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: `parameters` are the request's other plain members.

    `terms` is the address of the terms of service (`url`) and the digest of their text
    (`sha256`), where configured. `tool` says who saw it, `stage` what the caller says it is for.
    """

    provider: str
    model: str
    kind: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    seed: int | str | None = None
    endpoint: str = ""
    terms: Mapping[str, str] | None = None
    tool: str = "api"
    prompt: str | None = None
    lyrics: str | None = None
    stage: str = "none"


@dataclass(frozen=True, slots=True)
class Result:
    """One answer to a call; `data` is None where no whole copy of it was collected.

    `sha256` and `size` are of all bytes that came, kept or not.
    """

    call: str
    index: int
    media: str
    data: bytes | None
    sha256: str
    size: int
    status: str = "ok"
    error: str = ""
    stage: str = "none"
    # The answer that the output was taken out of, where that is not the output itself.
    raw: bytes | None = None
    # `declared` where nobody here saw it come, as in a file of spans.
    observed: str = "tool"


def record_request(log: Log, work: Work, request: Request, moment: datetime) -> str:
    """Record what is asked of a generator; give the id under which its results are recorded."""
    _check_word("kind", request.kind, KINDS)
    _check_word("tool", request.tool, TOOLS)
    _check_word("stage", request.stage, STAGES)
    call = secrets.token_hex(16)
    body: dict[str, Json] = {
        "call": call,
        "provider": plain_text(request.provider),
        "model": plain_text(request.model),
        "kind": request.kind,
        "parameters": plain_parameters(request.parameters),
        "seed": None if request.seed is None else plain_text(str(request.seed)),
        "endpoint": plain_endpoint(request.endpoint),
        "terms": None if request.terms is None else _terms(request.terms),
        "tool": request.tool,
    }
    values: dict[str, bytes] = {}
    for name, text in (("prompt", request.prompt), ("lyrics", request.lyrics)):
        if text is not None:
            values[name] = _private(text)
            if len(text) > MAX_PROMPT:
                body[f"{name}_cut"] = len(text)
    draft = _draft("gen.request", moment, body, request.stage, running_session(log, work, moment))
    # A file of spans is what another program says: nobody here saw the call.
    seen = "declared" if request.tool == "otel" else "tool"
    log.append(work.id, [draft._replace(observed=seen, values={**draft.values, **values})])
    return call


def record_result(log: Log, work: Work, result: Result, moment: datetime) -> str:
    """Record what came back, and keep it; give why it could not be kept, or nothing.

    The vault comes first: an event whose output is lost in a crash would be worth less than
    an output that no event names.
    """
    _check_word("status", result.status, STATUSES)
    _check_word("stage", result.stage, STAGES)
    if _CALL.fullmatch(result.call) is None or _SHA256.fullmatch(result.sha256) is None:
        raise Usage(f"{result.call!r:.40} is not a call, or {result.sha256!r:.70} not a digest")
    if result.index < 0 or result.size < 0:
        raise Usage(f"result {result.index} of {result.size} bytes cannot be")
    at = format_time(moment)
    files = [Fresh(work.id, "output", data, at) for data in (result.raw, result.data) if data]
    problem = keep_all(log, files, moment) if files else ""
    body: dict[str, Json] = {
        "call": result.call,
        "index": result.index,
        "media": plain_text(result.media),
        "bytes": result.size,
        "sha256": result.sha256,
        "status": result.status,
        "error": plain_text(result.error),
    }
    if result.raw is not None:
        body["raw"] = sha256(result.raw).hexdigest()
    draft = _draft("gen.result", moment, body, result.stage, running_session(log, work, moment))
    # What failed before a byte of an answer came generated nothing.
    made = "unknown" if result.status == "failed" else "ai_generated"
    seen = result.observed
    log.append(work.id, [draft._replace(class_=made, actor="machine", observed=seen)])
    return problem


def choose_work(log: Log, name: str | None, folder: Path) -> Work:
    """Choose the work that a call belongs to.

    The named one, else the only one, else the one whose folder holds `folder`.
    """
    works = list_works(log)
    if name is None and len(works) > 1:
        folder = folder.resolve()
        around = [w for w in works if w.folder == folder or w.folder in folder.parents]
        if len(around) == 1:
            return around[0]
        titles = ", ".join(repr(work.title) for work in works)
        raise Usage(
            f"this ledger has {len(works)} works: {titles}",
            hint="name one with --work, or work inside its folder",
        )
    return find_work(log, name)


def running_session(log: Log, work: Work, moment: datetime) -> str:
    """Give the label of the work's session, if one is open and not quiet for too long."""
    for found in list_works(log):
        if found.id == work.id and found.session and found.last_change:
            return found.session if moment - parse_time(found.last_change) <= QUIET else ""
    return ""


def _draft(
    action: str, moment: datetime, body: Mapping[str, Json], stage: str, session: str
) -> Draft:
    return Draft(
        time=format_time(moment),
        action=action,
        stage=stage,
        class_="ai_assisted",
        observed="tool",
        # Who typed it is not seen: a script or an assistant asks as a person does.
        actor="unknown",
        tool="generator",
        values={"body": canonical_bytes(dict(body))},
        session=session,
    )


def _private(text: str) -> bytes:
    readable = without_secrets(text[:MAX_PROMPT].encode("utf-8", "replace").decode())
    return readable.encode()


def _terms(terms: Mapping[str, str]) -> dict[str, Json]:
    digest = terms.get("sha256", "")
    if digest and _SHA256.fullmatch(digest) is None:
        raise Usage(f"the digest of the terms is {digest!r:.80}, want 64 hex digits")
    url = terms.get("url", "")
    return {"url": f"https://{plain_endpoint(url)}" if url else "", "sha256": digest}


def _check_word(what: str, word: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise Usage(f"{word!r:.80} is not a {what}", hint="one of " + ", ".join(known))
