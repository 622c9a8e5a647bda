"""Encrypt a file for recipients, its size blurred, so that it can be pinned before its release.

The age plaintext is

    8 bytes   size of the file, big-endian
    size      the file
    rest      zeros up to the Padmé size of the whole

so that whoever has a recipient's key needs nothing but `age -d`, and then takes `size` bytes from
the ninth on. Each file gets a fresh X25519 release identity as one more recipient: to publish that
identity opens this file to everybody, and no other.

Both ways stream; memory does not depend on the size. Specification: C2SP age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from stemproof.content.unixfs import Source
from stemproof.errors import BadInput, Locked, Malformed, Usage
from stemproof.pin.durable import UserFile, written_beside
from stemproof.pin.padme import padme_size

_LENGTH_BYTES: Final = 8
_ZEROS: Final = bytes(1 << 16)
# pyrage reads 8 KiB at a time; what is fetched from the file at once is larger.
_READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sealed:
    """What encryption made: the identity that opens the file, and who else can."""

    size: int
    recipients: tuple[str, ...]
    release_recipient: str
    release_identity: str = field(repr=False)


def new_identity() -> tuple[str, str]:
    """Make an X25519 identity: its secret text and its recipient."""
    from pyrage import x25519

    identity = x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def encrypt_file(source: Path, target: Path, recipients: Sequence[str]) -> Sealed:
    """Encrypt `source` to `target` for `recipients` and a fresh release identity."""
    with UserFile(source) as plain, written_beside(target) as cipher:
        return encrypt(plain, cipher, size=plain.size(), recipients=recipients)


def decrypt_file(source: Path, target: Path, identities: Sequence[str]) -> int:
    """Decrypt `source` to `target` by any of `identities`; return the size. All or nothing."""
    with UserFile(source) as cipher, written_beside(target) as plain:
        return decrypt(cipher, plain, identities)


def encrypt(source: Source, target: BinaryIO, *, size: int, recipients: Sequence[str]) -> Sealed:
    """Encrypt exactly `size` bytes of `source`. Recipients are age1… or ssh-… texts."""
    import pyrage

    if not recipients:
        raise Usage("no recipient is given, want at least one")
    keys = [_parse_recipient(text) for text in recipients]
    release_identity, release_recipient = new_identity()
    keys.append(_parse_recipient(release_recipient))
    padded = _PaddedReader(source, size)
    try:
        pyrage.encrypt_io(padded, target, keys)
    except pyrage.EncryptError as error:
        # pyrage turns what our reader raised into text; the original says more.
        raise padded.failure or BadInput(f"age cannot encrypt: {error}") from error
    return Sealed(size, tuple(recipients), release_recipient, release_identity)


def decrypt(source: Source, target: BinaryIO, identities: Sequence[str]) -> int:
    """Decrypt to `target`; return the size of the file.

    Bytes reach `target` before the end has been checked: use them only after this returns.
    """
    import pyrage

    keys = [_parse_identity(text) for text in identities]
    reader, writer = _Reader(source), _UnpaddingWriter(target)
    try:
        pyrage.decrypt_io(reader, writer, keys)
    except pyrage.DecryptError as error:
        if reader.failure is not None:
            raise reader.failure from error
        raise Locked("none of the keys given opens this file, or its header is damaged") from error
    except OSError as error:
        if failure := reader.failure or writer.failure:
            raise failure from error
        got = f"damaged or cut off after {writer.received} bytes"
        raise Malformed("encrypted file", got, "an age file") from error
    return writer.finish()


class _PaddedReader:
    """The length, the file, the zeros: what age encrypts."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._left = size
        self._zeros = padme_size(_LENGTH_BYTES + size) - _LENGTH_BYTES - size
        self._buffer = memoryview(size.to_bytes(_LENGTH_BYTES, "big"))
        self._is_at_end = False
        self.failure: Exception | None = None

    def read(self, size: int) -> bytes:
        try:
            if not self._buffer:
                self._buffer = memoryview(self._next())
        except (OSError, BadInput) as error:
            self.failure = error
            raise
        part, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
        return part

    def _next(self) -> bytes:
        if self._left:
            data = self._source.read(min(_READ_BYTES, self._left))
            if not data:
                raise BadInput(f"the file became {self._left} bytes shorter while being read")
            self._left -= len(data)
            return data
        if not self._is_at_end:
            self._is_at_end = True
            if self._source.read(1):
                raise BadInput("the file became longer while being read")
        zeros = _ZEROS[: min(len(_ZEROS), self._zeros)]
        self._zeros -= len(zeros)
        return zeros


class _Reader:
    """Remembers what reading raised, which pyrage turns into text."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.failure: Exception | None = None

    def read(self, size: int) -> bytes:
        try:
            return self._source.read(size)
        except (OSError, BadInput) as error:
            self.failure = error
            raise


class _UnpaddingWriter:
    """Takes the decrypted bytes apart and lets only the file through."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._head = b""
        self._size = 0
        self.received = 0
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        rest = data
        if len(self._head) < _LENGTH_BYTES:
            missing = _LENGTH_BYTES - len(self._head)
            self._head += data[:missing]
            rest = data[missing:]
            self._size = int.from_bytes(self._head, "big")
        start = max(self.received - _LENGTH_BYTES, 0)
        self.received += len(data)
        if rest:
            self._pass_on(rest, start)
        return len(data)

    def flush(self) -> None:
        """Leave flushing to the target's owner; pyrage calls this at the end."""

    def _pass_on(self, data: bytes, start: int) -> None:
        inside = data[: max(self._size - start, 0)]
        if data.count(0, len(inside)) != len(data) - len(inside):
            raise Malformed("padding", "other bytes", "zeros")
        try:
            self._target.write(inside)
        except OSError as error:
            self.failure = error
            raise

    def finish(self) -> int:
        if len(self._head) < _LENGTH_BYTES:
            raise Malformed("decrypted file", f"{self.received} bytes", "at least 8")
        expected = padme_size(_LENGTH_BYTES + self._size)
        if self.received != expected:
            got = f"{self.received} bytes for a file of {self._size}"
            raise Malformed("padding", got, f"{expected} bytes in all")
        return self._size


# pyrage publishes no types, hence Any for its keys.
def _parse_recipient(text: str) -> Any:
    import pyrage

    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text)
    except pyrage.RecipientError as error:
        raise Usage(f"recipient {text!r:.90} is not an age1… or ssh-… public key") from error


def _parse_identity(text: str) -> Any:
    import pyrage

    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError as error:
        # The text is a secret or somebody's slip with one: never repeated.
        raise Usage("an identity is not of the form AGE-SECRET-KEY-1…") from error
