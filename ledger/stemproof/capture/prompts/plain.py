"""What may be recorded of a call: plain members, without secrets, within bounds.

    plain_parameters({"temperature": 0.7, "api_key": "sk-..."})   {"temperature": "0.7"}
    plain_endpoint("https://me:pw@api.example/v1/x?key=1")        "api.example/v1/x"

A member is dropped when its name is one that secrets have; a text loses what has the form of
a key. Fractions become decimal strings, as canonical JSON has none. No I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from stemproof.record.canonical import MAX_INTEGER, Json

# More than any API takes; what is longer is a prompt or data, which have their own places.
MAX_PARAMETERS: Final = 64
MAX_TEXT: Final = 500
MAX_NAME: Final = 64
MAX_ITEMS: Final = 32
MAX_DEPTH: Final = 4
MAX_ENDPOINT: Final = 300
REMOVED: Final = "[secret removed]"
# Shorter values are words: removing each occurrence of them would deface texts.
MIN_SECRET: Final = 8

# `key` alone is C minor as often as it is a secret: its value is judged by its form.
_SECRET_NAME: Final = re.compile(
    r"authorization|cookie|password|passwd|passphrase|credential|secret|bearer|jwt"
    r"|(?:api|access|private|client|license|signing|encryption)_?key"
    r"|(?:^|_)(?:api|auth|access|session|refresh|id|csrf|xsrf|bot|device)?_?token$"
    r"|^x_?key$|^auth$|^sid$"
)
# What vendors' keys look like: a prefix and many letters; bearer tokens; JSON web tokens.
_SECRET_FORM: Final = re.compile(
    r"(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|\b(?:sk|pk|rk|xi|key|hf|gsk|r8|ghp|glpat|xai|api)[-_][A-Za-z0-9_-]{16,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\bAKIA[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret_name(name: str) -> bool:
    """Say whether members of this name hold secrets, as far as a name tells."""
    plain = _CAMEL.sub("_", name).lower().replace("-", "_").replace(" ", "_")
    return _SECRET_NAME.search(plain) is not None


def without_secrets(text: str, known: Iterable[str] = ()) -> str:
    """Take out of a text what is known to be secret, and what has the form of a key."""
    for secret in known:
        if len(secret) >= MIN_SECRET:
            text = text.replace(secret, REMOVED)
    return _SECRET_FORM.sub(REMOVED, text)


def plain_text(text: str, known: Iterable[str] = ()) -> str:
    """Make a text fit for a body: no lone surrogates, no secrets, at most MAX_TEXT long."""
    # Cut after the secrets are out: half a key would no longer have a key's form.
    readable = text[: MAX_TEXT * 8].encode("utf-8", "replace").decode()
    clean = without_secrets(readable, known)
    return clean if len(clean) <= MAX_TEXT else clean[: MAX_TEXT - 1] + "…"


def plain_parameters(raw: Mapping[str, object], known: Iterable[str] = ()) -> dict[str, Json]:
    """Give the members that may be recorded, in a form that canonical JSON has."""
    return _plain_object(raw, tuple(known), MAX_PARAMETERS, 0)


def plain_endpoint(url: str, known: Iterable[str] = ()) -> str:
    """Give host and path of an address: no scheme, no user, no query, no fragment."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        port = "" if parts.port is None else f":{parts.port}"
        text = f"{parts.hostname or ''}{port}{parts.path}"
    except ValueError:
        # An address that cannot be read tells nothing that may be kept.
        return ""
    printable = "".join(c for c in text if c.isascii() and c.isprintable())
    return without_secrets(printable, known)[:MAX_ENDPOINT]


def _plain_object(
    raw: Mapping[str, object], known: tuple[str, ...], most: int, depth: int
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, value in raw.items():
        if len(found) >= most:
            break
        if name.isascii() and 0 < len(name) <= MAX_NAME and not is_secret_name(name):
            found[name] = _plain_value(value, known, depth)
    return found


def _plain_value(value: object, known: tuple[str, ...], depth: int) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -MAX_INTEGER <= value <= MAX_INTEGER else _long_number(value)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        return plain_text(value, known)
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        named = {name: item for name, item in value.items() if isinstance(name, str)}
        return _plain_object(named, known, MAX_ITEMS, depth + 1)
    if isinstance(value, list | tuple):
        return [_plain_value(item, known, depth + 1) for item in value[:MAX_ITEMS]]
    return f"({type(value).__name__})"


def _long_number(value: int) -> str:
    # Python refuses to write an integer of thousands of digits in decimal.
    return str(value) if value.bit_length() <= 256 else f"(a number of {value.bit_length()} bits)"
