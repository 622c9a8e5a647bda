"""The key file: all secrets of one ledger, encrypted under a passphrase.

`keys.age` is a stock age file with one scrypt recipient; inside is canonical JSON:

    {"devices":[{"origin":"stemproof/.../...","seed":"<64 hex>"}],"entropy":"<64 hex>",
     "former":["<64 hex>"],"kind":"keys","recovery":"<64 hex>","recovery_seed":"<64 hex>",
     "rotations":["<text>"],"v":0}

The last device is the one that writes. `recovery` is a digest. `recovery_seed`, the
recovery key itself, is there only until `key backup` has shown its words. Anybody who has
the passphrase can open the file with `age -d` too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Locked, Malformed
from stemproof.keys.derive import recovery_digest_of
from stemproof.keys.durable import read_bounded
from stemproof.keys.fields import Fields
from stemproof.record.canonical import Json, canonical_bytes

KEY_FILE: Final = "keys.age"
VERSION: Final = 0
# Each device and each rotation adds below 2 KiB; a thousand of them fit.
MAX_KEY_FILE: Final = 4 * 1024 * 1024
MAX_PASSPHRASE: Final = 1024

_AGE_SCRYPT = re.compile(rb"age-encryption\.org/v1\n-> scrypt [^\n]{22} \d{1,2}\n")
_HINT_WORDS = "without the passphrase, the 24 words restore the keys: stemproof key restore"


@dataclass(frozen=True, slots=True)
class Device:
    """A log's name and the seed of its key."""

    origin: str
    seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the key file holds; `former` are the words' bytes before each rotation."""

    entropy: bytes = field(repr=False)
    recovery: bytes
    devices: tuple[Device, ...]
    former: tuple[bytes, ...] = field(default=(), repr=False)
    rotations: tuple[bytes, ...] = ()
    # The recovery key, until its words have been shown once; None for ever after.
    recovery_seed: bytes | None = field(default=None, repr=False)


def seal_key_file(secrets: Secrets, passphrase: str) -> bytes:
    """Encrypt under the passphrase; takes one to two seconds, on purpose."""
    from pyrage import passphrase as age

    return bytes(age.encrypt(format_secrets(secrets), normal_passphrase(passphrase)))


def open_key_file(home: Path, passphrase: str) -> Secrets:
    """Decrypt the key file of a ledger folder; takes one to two seconds, on purpose."""
    from pyrage import DecryptError
    from pyrage import passphrase as age

    path = home / KEY_FILE
    sealed = read_bounded(path, max_bytes=MAX_KEY_FILE)
    if sealed is None:
        raise Locked(f"there is no key file at {path}", hint="make keys with `stemproof start DIR`")
    if not _AGE_SCRYPT.match(sealed):
        raise BadInput(f"{path} is not a key file: it does not begin as an age file does")
    try:
        content = bytes(age.decrypt(sealed, normal_passphrase(passphrase)))
    except DecryptError as error:
        # Age answers both the same way, and so do we.
        raise Locked(
            f"{path} does not open: the passphrase is wrong, or the file is damaged",
            hint=_HINT_WORDS,
        ) from error
    try:
        return parse_secrets(content)
    except Malformed as error:
        # Only a holder of the passphrase could have written it: a fault, not a forgery.
        raise BadInput(f"{path} opens but its content is damaged", hint=_HINT_WORDS) from error


def format_secrets(secrets: Secrets) -> bytes:
    """Write the canonical bytes that are encrypted."""
    members: dict[str, Json] = {
        "devices": [
            {"origin": device.origin, "seed": device.seed.hex()} for device in secrets.devices
        ],
        "entropy": secrets.entropy.hex(),
        "former": [entropy.hex() for entropy in secrets.former],
        "kind": "keys",
        "recovery": secrets.recovery.hex(),
        "rotations": [rotation.decode() for rotation in secrets.rotations],
        "v": VERSION,
    }
    if secrets.recovery_seed is not None:
        members["recovery_seed"] = secrets.recovery_seed.hex()
    return canonical_bytes(members)


def parse_secrets(content: bytes) -> Secrets:
    """Read what format_secrets wrote; a newer version is undecided."""
    try:
        fields = Fields.parse(content, what="key file", version=VERSION, max_bytes=MAX_KEY_FILE)
        fields.demand_text("kind", "keys")
        secrets = Secrets(
            entropy=fields.hex_bytes("entropy", 32),
            recovery=fields.hex_bytes("recovery", 32),
            devices=tuple(
                Device(inner.text("origin"), inner.hex_bytes("seed", 32))
                for inner in fields.objects("devices")
            ),
            former=tuple(bytes.fromhex(text) for text in fields.texts("former")),
            rotations=tuple(text.encode() for text in fields.texts("rotations")),
            recovery_seed=_parse_recovery_seed(fields),
        )
        whole = bool(secrets.devices) and format_secrets(secrets) == content
    except (Malformed, ValueError):
        # The values are secrets: neither message nor cause repeats them.
        whole = False
    if not whole:
        raise Malformed("key file", "(not shown)", f"the members of format version {VERSION}")
    return secrets


def _parse_recovery_seed(fields: Fields) -> bytes | None:
    """Read the recovery key where it is still there; it must be the one whose digest is."""
    if "recovery_seed" not in fields.members:
        return None
    seed = fields.hex_bytes("recovery_seed", 32)
    if recovery_digest_of(seed) != fields.hex_bytes("recovery", 32):
        raise Malformed("recovery key", "(not shown)", "the key that `recovery` digests")
    return seed


def normal_passphrase(passphrase: str) -> str:
    """Spell a passphrase one way, however the keyboard composed its accents."""
    normal = unicodedata.normalize("NFC", passphrase)
    if not normal or len(normal) > MAX_PASSPHRASE:
        raise Locked(f"the passphrase has {len(normal)} characters, want 1 to {MAX_PASSPHRASE}")
    return normal
