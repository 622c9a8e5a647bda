"""Asking a timestamping authority for a token: RFC 3161 over HTTP, section 3.4.

What it answers is bounded, read strictly, and held against what was asked: the digest and
the nonce. Whether the authority counts for anybody is not known here.
"""

from __future__ import annotations

import secrets
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

from stemproof.anchor.post import exchange, tell_failure
from stemproof.errors import Refuted, StemproofError, Unavailable
from stemproof.evidence.rfc3161 import (
    MAX_NONCE_BITS,
    MAX_TOKEN_BYTES,
    Imprint,
    format_request,
    parse_answer,
    parse_token,
)

TIMEOUT_S: Final = 30.0
_KIND: Final = "application/timestamp-query"


def ask_tsa(url: str, digest: bytes, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """Have a SHA-256 digest stamped; give the token in its kept form."""
    nonce = secrets.randbits(MAX_NONCE_BITS - 1)
    request = format_request(digest, nonce)
    try:
        status, raw = exchange(
            urlsplit(url), request, limit=MAX_TOKEN_BYTES, timeout_s=timeout_s, kind=_KIND
        )
    except (OSError, HTTPException, ValueError) as error:
        raise _fails(url, f"does not answer: {tell_failure(error)}") from error
    if status != 200:
        raise _fails(url, f"answers with HTTP status {status}")
    try:
        answer = parse_answer(raw)
        if answer.token is None:
            raise _fails(url, f"refuses, {answer.says}")
        info = parse_token(answer.token).info
    except (Refuted, Unavailable) as error:
        # What a server sends refutes nothing of ours.
        raise error if isinstance(error, Unavailable) else _fails(url, str(error)) from error
    if info.imprint != Imprint("sha256", digest):
        raise _fails(url, "stamped another digest than the one sent")
    if info.nonce != nonce:
        raise _fails(url, "answered another request than ours: its nonce differs")
    return answer.token


def _fails(url: str, says: str) -> StemproofError:
    return Unavailable(
        f"the timestamping authority at {url:.100} {says:.200}",
        hint="try later, or name another authority",
    )
