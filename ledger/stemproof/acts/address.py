"""Addresses of nodes as people type them: refused before anything is opened or signed."""

from __future__ import annotations

from urllib.parse import urlsplit

from stemproof.errors import Usage


def check_address(url: str, whose: str = "a node") -> None:
    """Refuse an address that no server can have; `whose` it should be is said."""
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise Usage(
            f"{url!r:.60} is no address of {whose}", hint="it begins with http:// or https://"
        )
