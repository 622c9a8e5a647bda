"""OpenTimestamps calendars: servers that gather digests and put one hash into Bitcoin.

`POST /digest` answers at once with the way to a promise, `GET /timestamp/<hex>` later with
the way from there to a Bitcoin block. Neither is believed: what they answer is read strictly
and only ever leads from our digest to somewhere. Servers of others are never asked: a
promise names an address, and we go only where we sent to, or to a calendar known below.
"""

from __future__ import annotations

from collections.abc import Iterable
from http.client import HTTPException
from typing import Final
from urllib.parse import urlsplit

from stemproof.anchor.post import exchange, tell_failure
from stemproof.errors import Malformed, StemproofError, Unavailable
from stemproof.evidence.ots import Tree, parse_tree

# The public ones, run by different people.
CALENDARS: Final = (
    "https://a.pool.opentimestamps.org",
    "https://b.pool.opentimestamps.org",
    "https://a.pool.eternitywall.com",
    "https://ots.btc.catallaxy.com",
)
# Where the pools above send us on to.
KNOWN_HOSTS: Final = (
    ".calendar.opentimestamps.org",
    ".calendar.eternitywall.com",
    ".calendar.catallaxy.com",
)
# As the reference client bounds an answer.
MAX_ANSWER_BYTES: Final = 10_000
TIMEOUT_S: Final = 20.0
_KIND: Final = "application/x-www-form-urlencoded"


def submit_digest(url: str, digest: bytes, *, timeout_s: float = TIMEOUT_S) -> Tree:
    """Send a digest to a calendar; give the way from it to the calendar's promise."""
    status, raw = _exchange(url, "/digest", digest, timeout_s)
    if status != 200:
        raise _fails(url, f"answers with HTTP status {status}")
    return _read(url, raw, digest)


def ask_calendar(url: str, commitment: bytes, *, timeout_s: float = TIMEOUT_S) -> Tree | None:
    """Ask what became of a promise; None while it is not in a block yet."""
    status, raw = _exchange(url, f"/timestamp/{commitment.hex()}", None, timeout_s)
    if status == 404:
        return None
    if status != 200:
        raise _fails(url, f"answers with HTTP status {status}")
    return _read(url, raw, commitment)


def is_known(uri: str, sent_to: Iterable[str]) -> bool:
    """Say whether the address in a promise is one that may be asked."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return False
    if parts.query or parts.fragment or parts.username is not None:
        return False
    if any((parts.scheme, parts.hostname, port) == _place(each) for each in sent_to):
        return True
    is_plain = parts.scheme == "https" and port is None
    return is_plain and (parts.hostname or "").endswith(KNOWN_HOSTS)


def _place(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _exchange(url: str, path: str, body: bytes | None, timeout_s: float) -> tuple[int, bytes]:
    try:
        return exchange(
            urlsplit(url.rstrip("/") + path),
            body,
            limit=MAX_ANSWER_BYTES,
            timeout_s=timeout_s,
            kind=_KIND,
        )
    except (OSError, HTTPException, ValueError) as error:
        raise _fails(url, f"does not answer: {tell_failure(error)}") from error


def _read(url: str, raw: bytes, message: bytes) -> Tree:
    try:
        return parse_tree(raw, message)
    except Malformed as error:
        # What a server sends refutes nothing of ours.
        raise _fails(url, f"answers nonsense: {error}") from error


def _fails(url: str, says: str) -> StemproofError:
    return Unavailable(f"the calendar at {url:.100} {says:.200}", hint="try later, or another one")
