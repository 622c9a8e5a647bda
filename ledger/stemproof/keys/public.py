"""The public half of a ledger's keys, readable while they are locked.

`keys.json` is canonical JSON without any secret; the key file can always rebuild it:

    {"account":"0x...","age_recipient":"age1...","identity_key":"<64 hex>",
     "logs":[{"log_key":"<64 hex>","origin":"stemproof/.../..."}],"recovery":"<64 hex>","v":0}
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Locked, Malformed
from stemproof.keys.durable import read_bounded
from stemproof.keys.fields import Fields
from stemproof.record.canonical import canonical_bytes

PUBLIC_FILE: Final = "keys.json"
VERSION: Final = 0
MAX_PUBLIC_FILE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Log:
    """A log of this ledger folder and the key that signs its checkpoints."""

    origin: str
    log_key: bytes


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """Who this ledger is to others; the last log is the one that is written."""

    account_address: str
    identity_key: bytes
    age_recipient: str
    recovery: bytes
    logs: tuple[Log, ...]

    @property
    def origin(self) -> str:
        """The name of the log that is written now."""
        return self.logs[-1].origin

    @property
    def log_key(self) -> bytes:
        """The key of the log that is written now."""
        return self.logs[-1].log_key


def read_public(home: Path) -> PublicKeys:
    """Read the public keys of a ledger folder."""
    path = home / PUBLIC_FILE
    content = read_bounded(path, max_bytes=MAX_PUBLIC_FILE)
    if content is None:
        raise Locked(f"there are no keys at {path}", hint="make some with `stemproof start DIR`")
    try:
        return parse_public(content)
    except Malformed as error:
        raise BadInput(
            f"{path} is damaged", hint="unlock the keys once: `stemproof key backup` writes it anew"
        ) from error


def format_public(public: PublicKeys) -> bytes:
    """Write the canonical bytes of keys.json."""
    return canonical_bytes(
        {
            "account": public.account_address,
            "age_recipient": public.age_recipient,
            "identity_key": public.identity_key.hex(),
            "logs": [{"log_key": log.log_key.hex(), "origin": log.origin} for log in public.logs],
            "recovery": public.recovery.hex(),
            "v": VERSION,
        }
    )


def parse_public(content: bytes) -> PublicKeys:
    """Read what format_public wrote."""
    fields = Fields.parse(content, what="keys.json", version=VERSION, max_bytes=MAX_PUBLIC_FILE)
    public = PublicKeys(
        account_address=fields.text("account"),
        identity_key=fields.hex_bytes("identity_key", 32),
        age_recipient=fields.text("age_recipient"),
        recovery=fields.hex_bytes("recovery", 32),
        logs=tuple(
            Log(inner.text("origin"), inner.hex_bytes("log_key", 32))
            for inner in fields.objects("logs")
        ),
    )
    if not public.logs or format_public(public) != content:
        raise Malformed("keys.json", content, f"the members of format version {VERSION}")
    return public
