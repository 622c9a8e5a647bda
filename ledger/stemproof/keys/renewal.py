"""Rotation of a ledger folder's keys: new words, a signed statement, a new key file.

The key file keeps the statement, so that a crash before the log holds it loses nothing:
whoever starts next appends those of `Keys.rotations` that the log lacks. It also keeps
the former words' bytes, which open what was encrypted to them.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from stemproof.errors import BadInput
from stemproof.evidence import ethsig
from stemproof.keys import derive
from stemproof.keys.keyfile import Secrets, open_key_file
from stemproof.keys.ring import Keys, Random, store_secrets
from stemproof.keys.rotation import Holder, make_rotation, parse_rotation
from stemproof.keys.words import parse_words
from stemproof.seal import ed25519


@dataclass(frozen=True, slots=True)
class Renewed:
    """New keys, and the body of the event that says so; `key backup` shows the new words."""

    keys: Keys
    rotation: bytes


def rotate(home: Path, passphrase: str, *, random: Random = secrets.token_bytes) -> Renewed:
    """Replace words, identity and account, allowed by the identity key in force."""
    stored = open_key_file(home, passphrase)
    authority = derive.derive(stored.entropy).identity
    return _renew(home, passphrase, stored, authority=authority, random=random)


def rotate_by_recovery(
    home: Path, passphrase: str, recovery_words: str, *, random: Random = secrets.token_bytes
) -> Renewed:
    """Replace words, identity, account and recovery key, allowed by the recovery key."""
    stored = open_key_file(home, passphrase)
    authority = parse_words(recovery_words)
    if derive.recovery_digest_of(authority) != stored.recovery:
        raise BadInput("these are not the words of this ledger's recovery key")
    return _renew(
        home, passphrase, stored, authority=authority, recovery_seed=random(32), random=random
    )


def current_holder(stored: Secrets) -> Holder:
    """Say who holds the log that is written now, by its rotations so far."""
    derived = derive.derive(stored.entropy)
    origin = stored.devices[-1].origin
    past = [parse_rotation(body) for body in stored.rotations]
    return Holder(
        origin=origin,
        number=sum(rotation.after.origin == origin for rotation in past),
        identity_key=ed25519.public_of(derived.identity),
        account=ethsig.address_of_key(derived.account),
        recovery=stored.recovery,
    )


def _renew(
    home: Path,
    passphrase: str,
    stored: Secrets,
    *,
    authority: bytes,
    random: Random,
    recovery_seed: bytes | None = None,
) -> Renewed:
    entropy = random(32)
    derived = derive.derive(entropy)
    recovery = None if recovery_seed is None else derive.recovery_digest_of(recovery_seed)
    body = make_rotation(
        current_holder(stored),
        authority_seed=authority,
        identity_seed=derived.identity,
        account_key=derived.account,
        recovery=recovery,
    )
    renewed = replace(
        stored,
        entropy=entropy,
        recovery=stored.recovery if recovery is None else recovery,
        former=(*stored.former, stored.entropy),
        rotations=(*stored.rotations, body),
        # By the identity key the recovery key stays, shown already or not.
        recovery_seed=stored.recovery_seed if recovery_seed is None else recovery_seed,
    )
    return Renewed(store_secrets(home, passphrase, renewed), body)
