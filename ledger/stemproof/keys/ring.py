"""The keys of one ledger folder: made, opened, used, replaced.

    keys.age     all secrets, encrypted        keys.json   public keys
    device.json  where the device lives        backup.key  authenticates backups, no more

`create`, `open_keys` and their like each take one to two seconds: the passphrase is
stretched on purpose. Randomness is an argument, so that outputs can be compared.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Locked, Unavailable
from stemproof.evidence import ethsig
from stemproof.keys import derive
from stemproof.keys.binding import format_origin, make_binding
from stemproof.keys.device import mark_device
from stemproof.keys.durable import read_bounded, write_new, write_whole
from stemproof.keys.keyfile import KEY_FILE, Device, Secrets, open_key_file, seal_key_file
from stemproof.keys.public import (
    MAX_PUBLIC_FILE,
    PUBLIC_FILE,
    Log,
    PublicKeys,
    format_public,
    read_public,
)
from stemproof.keys.words import format_words, parse_words
from stemproof.seal import ed25519
from stemproof.seal.checkpoint import Checkpoint, sign_checkpoint

BACKUP_KEY_FILE: Final = "backup.key"

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Keys:
    """Unlocked keys; they show no secret when printed."""

    public: PublicKeys
    _secrets: Secrets = field(repr=False)
    _derived: derive.Derived = field(repr=False)

    @classmethod
    def of(cls, stored: Secrets) -> Keys:
        """Derive all keys from what the key file holds."""
        derived = derive.derive(stored.entropy)
        public = PublicKeys(
            account_address=ethsig.format_address(ethsig.address_of_key(derived.account)),
            identity_key=ed25519.public_of(derived.identity),
            age_recipient=derive.age_recipient_of(derived.age),
            recovery=stored.recovery,
            logs=tuple(
                Log(device.origin, ed25519.public_of(device.seed)) for device in stored.devices
            ),
        )
        return cls(public, stored, derived)

    @property
    def origin(self) -> str:
        """The name of the log that is written now."""
        return self.public.origin

    @property
    def account_address(self) -> str:
        """The Ethereum account, with the capitals of EIP-55."""
        return self.public.account_address

    @property
    def account_key(self) -> bytes:
        """The account's private key, for a wallet that signs transactions."""
        return self._derived.account

    @property
    def account_keys(self) -> tuple[bytes, ...]:
        """The private keys of the account and of those before each rotation, newest first."""
        former = (derive.derive(entropy).account for entropy in reversed(self._secrets.former))
        return self.account_key, *former

    @property
    def age_recipient(self) -> str:
        """The recipient for all that only the artist shall open."""
        return self.public.age_recipient

    @property
    def age_identity(self) -> str:
        """The identity that opens what was encrypted to `age_recipient`."""
        return derive.age_identity_of(self._derived.age)

    @property
    def age_identities(self) -> tuple[str, ...]:
        """This identity and those of the words before each rotation, newest first."""
        former = (derive.derive(entropy).age for entropy in reversed(self._secrets.former))
        return self.age_identity, *(derive.age_identity_of(secret) for secret in former)

    @property
    def words(self) -> str:
        """The 24 words themselves, for `key backup`."""
        return format_words(self._secrets.entropy)

    @property
    def recovery_words(self) -> str | None:
        """The recovery key's own 24 words, until `key backup` has shown them; None after."""
        seed = self._secrets.recovery_seed
        return None if seed is None else format_words(seed)

    @property
    def rotations(self) -> tuple[bytes, ...]:
        """The bodies of all rotations, oldest first, whether the log holds them yet or not."""
        return self._secrets.rotations

    def sign_account(self, digest: bytes) -> bytes:
        """Sign a 32-byte digest by the account: r, s and v, 65 bytes."""
        return ethsig.sign_digest(self._derived.account, digest)

    def sign_identity(self, message: bytes) -> bytes:
        """Sign by the identity key; the message says its own domain."""
        return ed25519.sign(self._derived.identity, message)

    def sign_log(self, message: bytes, *, origin: str | None = None) -> bytes:
        """Sign by the key of a log of this folder: the one that is written, or a named one."""
        return ed25519.sign(self._device(origin or self.origin).seed, message)

    def sign_checkpoint(self, checkpoint: Checkpoint) -> bytes:
        """Sign a checkpoint by the key of its log, as a note."""
        return sign_checkpoint(checkpoint, self._device(checkpoint.origin).seed)

    def make_binding(self, chains: tuple[int, ...] = ()) -> bytes:
        """Make event 0 of the log that is written now."""
        return make_binding(
            identity_seed=self._derived.identity,
            log_seed=self._device(self.origin).seed,
            account_key=self._derived.account,
            recovery=self.public.recovery,
            chains=chains,
        )

    def _device(self, origin: str) -> Device:
        for device in self._secrets.devices:
            if device.origin == origin:
                return device
        raise Locked(f"this ledger holds no key of the log {origin!r:.100}")


@dataclass(frozen=True, slots=True)
class Created:
    """New keys and their words; `recovery_words` is None where the old recovery key stays."""

    keys: Keys
    words: str = field(repr=False)
    recovery_words: str | None = field(repr=False)


def create(
    home: Path,
    passphrase: str,
    *,
    words: str | None = None,
    random: Random = secrets.token_bytes,
) -> Created:
    """Make the keys of a ledger folder that has none; from the artist's own words if given."""
    if (home / KEY_FILE).exists():
        # write_new refuses too; this one is before the two seconds of work.
        raise BadInput(
            f"there are keys at {home / KEY_FILE} already",
            hint="`stemproof key backup` opens them and finishes what was begun",
        )
    entropy = random(32) if words is None else parse_words(words)
    recovery_seed = random(32)
    stored = Secrets(
        entropy=entropy,
        recovery=derive.recovery_digest_of(recovery_seed),
        devices=(_make_device(entropy, random),),
        recovery_seed=recovery_seed,
    )
    _make_folder(home)
    write_new(home / KEY_FILE, seal_key_file(stored, passphrase))
    keys = Keys.of(stored)
    _write_beside_key_file(home, keys)
    mark_device(home, random=random)
    return Created(keys, keys.words, keys.recovery_words)


def open_keys(home: Path, passphrase: str) -> Keys:
    """Unlock the keys of a ledger folder."""
    keys = Keys.of(open_key_file(home, passphrase))
    _write_beside_key_file(home, keys)
    return keys


def new_device(home: Path, passphrase: str, *, random: Random = secrets.token_bytes) -> Keys:
    """Go on as a new device: a new log key, whose log begins with its own binding."""
    stored = open_key_file(home, passphrase)
    return _store_new_device(home, passphrase, stored, random)


def restore(
    home: Path, passphrase: str, words: str, *, random: Random = secrets.token_bytes
) -> Created:
    """Make keys from the words for a folder whose key file is gone or does not open.

    The folder goes on as a new device; its old logs stay readable and are not written any
    more. A key file that was there is kept as keys.1.age. Where keys.json names the recovery
    key in force, that key stays.
    """
    entropy = parse_words(words)
    known = _known_public(home)
    identity_key = ed25519.public_of(derive.derive(entropy).identity)
    if known is not None and known.identity_key != identity_key:
        raise BadInput(
            "these words belong to another identity than this ledger's",
            hint="the recovery key's words are not the 24 words of the keys",
        )
    if known is None:
        seed = random(32)
        stored = Secrets(entropy, derive.recovery_digest_of(seed), (), recovery_seed=seed)
    else:
        stored = Secrets(entropy, known.recovery, ())
    _make_folder(home)
    _set_aside(home)
    keys = _store_new_device(home, passphrase, stored, random)
    return Created(keys, keys.words, keys.recovery_words)


def forget_recovery(home: Path, passphrase: str) -> Keys:
    """Drop the recovery key from the key file for ever: its words were shown and kept."""
    stored = open_key_file(home, passphrase)
    if stored.recovery_seed is None:
        return Keys.of(stored)
    return store_secrets(home, passphrase, replace(stored, recovery_seed=None))


def change_passphrase(home: Path, old: str, new: str) -> Keys:
    """Encrypt the key file anew; earlier copies of the file still open with the old one."""
    stored = open_key_file(home, old)
    write_whole(home / KEY_FILE, seal_key_file(stored, new))
    return Keys.of(stored)


def store_secrets(home: Path, passphrase: str, stored: Secrets) -> Keys:
    """Replace the key file's content and what is written beside it."""
    write_whole(home / KEY_FILE, seal_key_file(stored, passphrase))
    keys = Keys.of(stored)
    _write_beside_key_file(home, keys)
    return keys


def _store_new_device(home: Path, passphrase: str, stored: Secrets, random: Random) -> Keys:
    devices = (*stored.devices, _make_device(stored.entropy, random))
    keys = store_secrets(home, passphrase, replace(stored, devices=devices))
    mark_device(home, random=random)
    return keys


def _make_device(entropy: bytes, random: Random) -> Device:
    seed = random(32)
    identity_key = ed25519.public_of(derive.derive(entropy).identity)
    return Device(format_origin(identity_key, ed25519.public_of(seed)), seed)


def _set_aside(home: Path) -> None:
    """Keep a key file that is about to be replaced: its passphrase may be remembered."""
    number = 1
    while (aside := home / f"keys.{number}.age").exists():
        number += 1
    try:
        # A link, so that there is a key file at every moment.
        os.link(home / KEY_FILE, aside)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unavailable(
            f"{home / KEY_FILE} could not be kept as {aside.name}: {error.strerror}"
        ) from error


def _known_public(home: Path) -> PublicKeys | None:
    try:
        return read_public(home)
    except (Locked, BadInput):
        return None


def _write_beside_key_file(home: Path, keys: Keys) -> None:
    """Write what the secrets imply, where it is not there yet."""
    backup_key = derive.backup_key_of(keys.age_identity).hex().encode()
    public = format_public(keys.public)
    is_stale = read_bounded(home / BACKUP_KEY_FILE, max_bytes=MAX_PUBLIC_FILE) != backup_key
    if is_stale:
        # Gone first: a crash leaves no old key beside a new recipient, no backup opens by both.
        (home / BACKUP_KEY_FILE).unlink(missing_ok=True)
    if read_bounded(home / PUBLIC_FILE, max_bytes=MAX_PUBLIC_FILE) != public:
        write_whole(home / PUBLIC_FILE, public)
    if is_stale:
        write_whole(home / BACKUP_KEY_FILE, backup_key)


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{home} could not be made: {error.strerror}") from error
