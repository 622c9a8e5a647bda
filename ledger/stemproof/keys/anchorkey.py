"""A device's anchor-only key: what unattended anchoring uses while the keys are locked.

It signs transactions or heads and nothing else; the contract holds it to what its account
allowed. It is no part of the key file and of no backup. In the ledger folder it lies as

    delegate/ID.age     age, opened by an identity in the system's keyring
    delegate/ID.json    in clear, mode 0600, where the owner asked for just that

with ID as the device's id begins, and in both the content is

    {"key":"<64 hex>","kind":"anchor-key","origin":"stemproof/.../...","v":0}

It serves the log of that name, so that a copied or restored folder has none. A key may hold
coins, so one that another replaces is set aside, as `ID.age.former` or `ID.json.former`, and
used no more; renamed back it opens as before.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Locked, Malformed, Unavailable
from stemproof.evidence import ethsig
from stemproof.keys.durable import read_bounded, write_whole
from stemproof.keys.fields import Fields
from stemproof.keys.passphrase import forget_in_keyring, keep_in_keyring, read_keyring
from stemproof.record.canonical import canonical_bytes

FOLDER: Final = "delegate"
_ID_DIGITS: Final = 12
VERSION: Final = 0
_MAX_BYTES: Final = 4096
_IDENTITY = re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]{58}\Z")


@dataclass(frozen=True, slots=True)
class AnchorKey:
    """A key that can do nothing but anchor the logs of an account that allowed it."""

    origin: str
    private_key: bytes = field(repr=False)

    @property
    def address(self) -> ethsig.Address:
        """The account that the key is."""
        return ethsig.address_of_key(self.private_key)

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a head for a relay (EIP-712): r, s and v."""
        return ethsig.sign_digest(self.private_key, digest)


def make_anchor_key(
    origin: str, *, random: Callable[[int], bytes] = secrets.token_bytes
) -> AnchorKey:
    """Make a key at random, for a log."""
    return AnchorKey(origin, random(32))


def keep_sealed(home: Path, key: AnchorKey) -> None:
    """Keep a key encrypted, and what opens it in the system's keyring."""
    from pyrage import encrypt, x25519

    name = _keyring_name(key.origin)
    kept = read_keyring(name)
    # One identity for them all: what was set aside must open as well.
    is_kept = kept is not None and _IDENTITY.match(kept) is not None
    identity = x25519.Identity.from_str(kept) if is_kept else x25519.Identity.generate()
    if not is_kept and not keep_in_keyring(name, str(identity)):
        raise Unavailable(
            "this system has no keyring that could hold what opens an anchor-only key",
            hint="--clear-file keeps the key in a file that only you may read: whoever reads it"
            " can anchor in your name, as far as you allow it, and nothing else",
        )
    sealed = bytes(encrypt(_format(key), [identity.to_public()]))
    _make_folder(home)
    set_aside(home, key.origin)
    write_whole(sealed_path(home, key.origin), sealed)


def keep_in_clear(home: Path, key: AnchorKey) -> None:
    """Keep a key in a file that its owner may read: only where the owner asked for it."""
    _make_folder(home)
    set_aside(home, key.origin)
    write_whole(clear_path(home, key.origin), _format(key))


def set_aside(home: Path, origin: str) -> tuple[Path, ...]:
    """Put a log's key out of use and keep it; give where it lies, nothing where there was none."""
    moved: list[Path] = []
    for path in (sealed_path(home, origin), clear_path(home, origin)):
        if not path.exists():
            continue
        former = next(each for each in _former_names(path) if not each.exists())
        try:
            path.rename(former)
        except OSError as error:
            raise Unavailable(f"{path} could not be set aside: {error.strerror}") from error
        moved.append(former)
    return tuple(moved)


def open_anchor_key(home: Path, origin: str) -> AnchorKey | None:
    """Open the key that serves a log; None where there is none. Nobody is asked."""
    path = clear_path(home, origin)
    content = read_bounded(path, max_bytes=_MAX_BYTES)
    if content is not None:
        _check_mode(path)
    else:
        path = sealed_path(home, origin)
        sealed = read_bounded(path, max_bytes=_MAX_BYTES)
        if sealed is None:
            return None
        content = _unseal(path, sealed, origin)
    try:
        key = _parse(content)
    except Malformed as error:
        raise BadInput(
            f"{path} is damaged", hint="make another: `stemproof key delegate --key new`"
        ) from error
    # A file under another's name: this log is not the one that it serves.
    return key if key.origin == origin else None


def drop_anchor_key(home: Path, origin: str) -> bool:
    """Destroy the key that serves a log, not those set aside; False where there was none."""
    found = False
    for path in (sealed_path(home, origin), clear_path(home, origin)):
        try:
            path.unlink()
            found = True
        except FileNotFoundError:
            continue
        except OSError as error:
            raise Unavailable(f"{path} could not be removed: {error.strerror}") from error
    if not next(_former_names(sealed_path(home, origin))).exists():
        forget_in_keyring(_keyring_name(origin))
    return found


def sealed_path(home: Path, origin: str) -> Path:
    """Say where a log's key lies encrypted."""
    return home / FOLDER / f"{_device(origin)}.age"


def clear_path(home: Path, origin: str) -> Path:
    """Say where a log's key lies in clear, if its owner asked for that."""
    return home / FOLDER / f"{_device(origin)}.json"


def _former_names(path: Path) -> Iterator[Path]:
    yield path.with_name(f"{path.name}.former")
    for number in count(2):
        yield path.with_name(f"{path.name}.former-{number}")


def _device(origin: str) -> str:
    return origin.rpartition("/")[2][:_ID_DIGITS]


def _unseal(path: Path, sealed: bytes, origin: str) -> bytes:
    from pyrage import DecryptError, IdentityError, decrypt, x25519

    kept = read_keyring(_keyring_name(origin))
    if kept is None or not _IDENTITY.match(kept):
        raise Locked(
            f"{path} does not open: the system's keyring does not hold what opens it",
            hint="unlock the system's keyring, or make another key with"
            " `stemproof key delegate --key new`: this one is set aside then",
        )
    try:
        return bytes(decrypt(sealed, [x25519.Identity.from_str(kept)]))
    except (DecryptError, IdentityError) as error:
        raise Locked(
            f"{path} does not open by what the system's keyring holds",
            hint="make another key with `stemproof key delegate --key new`: this one is set aside"
            " then",
        ) from error


def _check_mode(path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise BadInput(
            f"{path} can be read by others on this computer: the key in it is not used",
            hint=f"make another with `stemproof key delegate --key new`, or chmod 600 {path}",
        )


def _format(key: AnchorKey) -> bytes:
    return canonical_bytes(
        {
            "key": key.private_key.hex(),
            "kind": "anchor-key",
            "origin": key.origin,
            "v": VERSION,
        }
    )


def _parse(content: bytes) -> AnchorKey:
    try:
        fields = Fields.parse(content, what="anchor key", version=VERSION, max_bytes=_MAX_BYTES)
        fields.demand_text("kind", "anchor-key")
        key = AnchorKey(fields.text("origin"), fields.hex_bytes("key", 32))
        whole = _format(key) == content and bool(key.address)
    except Malformed:
        # It is a secret: neither message nor cause repeats it.
        whole = False
    if not whole:
        raise Malformed("anchor key", "(not shown)", f"the members of format version {VERSION}")
    return key


def _keyring_name(origin: str) -> str:
    return f"anchor-only key of {origin}"


def _make_folder(home: Path) -> None:
    try:
        (home / FOLDER).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{home / FOLDER} could not be made: {error.strerror}") from error
