"""What the proxy lets through: from whom, where to, and with which headers.

The proxy hands out what an API key buys, so no web page may use it: a browser names the page in
`Origin` or `Sec-Fetch-Site`, and a page that rebinds its own name to 127.0.0.1 gives that name
as `Host`. Both are refused. Headers of one connection do not go on to the next (RFC 9110
section 7.6.1). No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from stemproof.capture.prompts.api import Api
from stemproof.capture.prompts.plain import MIN_SECRET, is_secret_name
from stemproof.errors import Usage

METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"))
LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "::1"))
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
# RFC 9110 section 7.6.1, and what each side of the proxy settles for itself.
_OF_ONE_CONNECTION: Final = frozenset(
    "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer"
    " transfer-encoding upgrade host content-length expect accept-encoding".split()
)
_OF_THE_ANSWER: Final = _OF_ONE_CONNECTION - {"content-length"}
_FROM_PAGES: Final = frozenset(("cross-site", "same-site", "same-origin"))


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where calls under one name go to; `terms` are those that the user agreed to."""

    name: str
    base_url: str
    api: Api
    terms: Mapping[str, str] | None = None


def parse_upstream(text: str, apis: Mapping[str, Api]) -> tuple[str, str, Api]:
    """Read NAME=URL or NAME:API=URL; give the name, the address and the adapter."""
    named, equals, url = text.partition("=")
    name, _, speaks = named.partition(":")
    api = apis.get(speaks or name)
    if not equals or _NAME.fullmatch(name) is None:
        raise Usage(
            f"{text!r:.120} names no upstream",
            hint="NAME=URL as openai=https://api.openai.com, or NAME:API=URL as"
            " ollama:openai=http://127.0.0.1:11434",
        )
    if api is None:
        raise Usage(
            f"there is no adapter {speaks or name!r:.60}", hint="one of " + ", ".join(sorted(apis))
        )
    return name, check_base_url(url), api


def check_base_url(url: str) -> str:
    """Refuse an upstream that would show keys to a network or takes more than a path."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise Usage(f"{url!r:.120} is not an address: {error}") from error
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    if not is_safe or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise Usage(
            f"{url!r:.120} is no upstream, want an https address",
            hint="http is taken for this machine itself only",
        )
    if parts.query or parts.fragment or parts.username or parts.password:
        raise Usage(
            f"the upstream {parts.hostname} may have a path, but no user, query or fragment"
        )
    return url.rstrip("/")


def why_refused(method: str, headers: Mapping[str, str], port: int) -> tuple[int, str] | None:
    """Say why a request is not served, with its status; `headers` have lower-case names."""
    host = headers.get("host", "")
    name, _, number = host.rpartition(":")
    if name.strip("[]") not in LOOPBACK or number != str(port):
        return 403, f"the proxy answers to 127.0.0.1:{port} only"
    if "origin" in headers or headers.get("sec-fetch-site", "none") in _FROM_PAGES:
        return 403, "the proxy serves programs, and no web page"
    if method not in METHODS:
        return 405, f"the proxy passes {', '.join(sorted(METHODS))} on"
    if "upgrade" in headers:
        return 501, "the proxy passes no WebSocket on"
    return None


def onward(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Choose the headers that go on to the provider.

    A packed answer could not be read, so none is asked for.
    """
    found = list(headers)
    dropped = _OF_ONE_CONNECTION | _named_in_connection(found)
    kept = [(name, value) for name, value in found if name.lower() not in dropped]
    return [*kept, ("Accept-Encoding", "identity")]


def backward(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Choose the headers of an answer that go back to the caller."""
    found = list(headers)
    dropped = _OF_THE_ANSWER | _named_in_connection(found)
    return [(name, value) for name, value in found if name.lower() not in dropped]


def secrets_in(
    headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]]
) -> frozenset[str]:
    """Collect what this call must never leave in a record: keys, cookies, tokens."""
    found: set[str] = set()
    for name, value in headers:
        if is_secret_name(name):
            # Bearer KEY, Basic KEY, a=1; b=2: each part by itself, too.
            found.update((value, *re.split(r"[\s;,=]+", value)))
    for name, value in query:
        if is_secret_name(name) or name.lower() == "key":
            found.add(value)
    return frozenset(text for text in found if len(text) >= MIN_SECRET)


def _named_in_connection(headers: Iterable[tuple[str, str]]) -> set[str]:
    return {
        part.strip().lower()
        for name, value in headers
        if name.lower() == "connection"
        for part in value.split(",")
    }
