"""What the 24 words become: an Ethereum account, an identity key, an age key.

    seed     = BIP-39 seed of the words, 64 bytes, empty passphrase
    account  = secp256k1 key at m/44'/60'/0'/0/0                        (BIP-32, BIP-44)
    identity = HKDF-SHA256(ikm seed, no salt, info "stemproof/v0/keys/identity", 32 bytes)
    age      = HKDF-SHA256(ikm seed, no salt, info "stemproof/v0/keys/age", 32 bytes)
    backup   = HKDF-SHA256(ikm age, no salt, info "stemproof/v0/keys/backup", 32 bytes)

`identity` is an Ed25519 seed, `age` an X25519 secret, `backup` the key that authenticates
a backup. The same words give the same keys for ever: these bytes never change.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from typing import Final

from stemproof.errors import BadInput
from stemproof.keys.bech32 import format_bech32, parse_bech32
from stemproof.keys.words import seed_of
from stemproof.seal import ed25519

ACCOUNT_PATH: Final = "m/44'/60'/0'/0/0"
IDENTITY_LABEL: Final = b"stemproof/v0/keys/identity"
AGE_LABEL: Final = b"stemproof/v0/keys/age"
BACKUP_LABEL: Final = b"stemproof/v0/keys/backup"

_HARDENED = 0x80000000
# The order of secp256k1 (SEC 2, section 2.4.1).
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_AGE_PREFIX = "age-secret-key-"


@dataclass(frozen=True, slots=True)
class Derived:
    """The secrets that follow from the words."""

    account: bytes = field(repr=False)
    identity: bytes = field(repr=False)
    age: bytes = field(repr=False)


def derive(entropy: bytes) -> Derived:
    """Derive every secret of the words that stand for `entropy`."""
    seed = seed_of(entropy)
    return Derived(
        account=derive_account(seed, ACCOUNT_PATH),
        identity=expand(seed, IDENTITY_LABEL),
        age=expand(seed, AGE_LABEL),
    )


def derive_account(seed: bytes, path: str) -> bytes:
    """Follow a BIP-32 path of private derivations from a seed."""
    # BIP-32, "Master key generation".
    key, chain = _halves(b"Bitcoin seed", seed)
    for index in _parse_path(path):
        key, chain = _child(key, chain, index)
    return key


def expand(secret: bytes, label: bytes) -> bytes:
    """Derive 32 bytes by HKDF-SHA256 (RFC 5869) without salt; `label` is its info."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, label + b"\x01", "sha256")


def age_identity_of(secret: bytes) -> str:
    """Write an X25519 secret as age's identity, AGE-SECRET-KEY-1..."""
    return format_bech32(_AGE_PREFIX, secret).upper()


def age_secret_of(identity: str) -> bytes:
    """Read an age identity back into its X25519 secret."""
    if identity != identity.upper():
        raise BadInput("the age identity is not in capitals, want AGE-SECRET-KEY-1...")
    secret = parse_bech32(identity.lower(), _AGE_PREFIX)
    if len(secret) != 32:
        raise BadInput(f"the age identity holds {len(secret)} bytes, want 32")
    return secret


def age_recipient_of(secret: bytes) -> str:
    """Write the age recipient, age1..., that belongs to an X25519 secret."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    public = X25519PrivateKey.from_private_bytes(secret).public_key()
    return format_bech32("age", public.public_bytes_raw())


def backup_key_of(identity: str) -> bytes:
    """Derive the key that authenticates backups from the age identity."""
    return expand(age_secret_of(identity), BACKUP_LABEL)


def recovery_digest(public: bytes) -> bytes:
    """Digest a recovery key's public half: all of it that is kept."""
    return sha256(public).digest()


def recovery_digest_of(seed: bytes) -> bytes:
    """Digest the public half of the recovery key that a seed stands for."""
    return recovery_digest(ed25519.public_of(seed))


def _child(key: bytes, chain: bytes, index: int) -> tuple[bytes, bytes]:
    """Derive one private child (BIP-32, CKDpriv)."""
    if index >= _HARDENED:
        material = b"\x00" + key
    else:
        from coincurve import PrivateKey

        material = PrivateKey(key).public_key.format(compressed=True)
    left, right = _halves(chain, material + index.to_bytes(4, "big"))
    number = (int.from_bytes(left, "big") + int.from_bytes(key, "big")) % _ORDER
    # BIP-32: a child outside the group is skipped; its chance is below 2**-127.
    if int.from_bytes(left, "big") >= _ORDER or number == 0:
        raise BadInput("these words have no account at the path, make new words")
    return number.to_bytes(32, "big"), right


def _halves(key: bytes, material: bytes) -> tuple[bytes, bytes]:
    digest = hmac.new(key, material, sha512).digest()
    return digest[:32], digest[32:]


def _parse_path(path: str) -> list[int]:
    first, *steps = path.split("/")
    indexes = []
    for step in steps:
        digits = step.removesuffix("'")
        if not (digits.isascii() and digits.isdigit() and int(digits) < _HARDENED):
            raise BadInput(f"the step {step!r} of a key path is not a number below 2**31")
        indexes.append(int(digits) + (_HARDENED if step.endswith("'") else 0))
    if first != "m":
        raise BadInput(f"the key path {path!r} does not begin with m")
    return indexes
