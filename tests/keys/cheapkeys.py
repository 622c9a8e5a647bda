"""A key file whose passphrase is stretched only a little, so that tests can unlock it often.

It is an age file like any other (C2SP age, "scrypt recipient stanza"): only the work factor in
its header is smaller than the one that the program itself writes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from stemproof.keys.keyfile import KEY_FILE

# As the library has it, before the suite puts the cheap one in its place.
encrypt_dearly = pyrage.passphrase.encrypt

LOG_N = 4
CHUNK_BYTES = 64 * 1024


def make_cheap(home: Path, passphrase: str) -> None:
    """Write a ledger's key file anew with a small work factor."""
    path = home / KEY_FILE
    secret = pyrage.passphrase.decrypt(path.read_bytes(), passphrase)
    path.write_bytes(seal_cheaply(secret, passphrase))
    assert pyrage.passphrase.decrypt(path.read_bytes(), passphrase) == secret


def seal_cheaply(plain: bytes, passphrase: str) -> bytes:
    """Encrypt as age does, at the smallest work factor that it is safe to test with."""
    assert len(plain) < CHUNK_BYTES
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    wrapping = hashlib.scrypt(
        passphrase.encode(),
        salt=b"age-encryption.org/v1/scrypt" + salt,
        n=2**LOG_N,
        r=8,
        p=1,
        dklen=32,
    )
    wrapped = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_base64(salt)} {LOG_N}\n{_base64(wrapped)}\n---"
    mac = hmac.digest(_derived(file_key, b"", b"header"), header.encode(), "sha256")
    # One chunk, the last: counter 0 and the byte 1 at the end of the nonce.
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    body = payload.encrypt(bytes(11) + b"\x01", plain, None)
    return f"{header} {_base64(mac)}\n".encode() + nonce + body


def _derived(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, info).derive(key)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()
