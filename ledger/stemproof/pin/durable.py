"""Files that are either whole or not there, whatever happens in between."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from stemproof.errors import BadInput, Unavailable

PART_SUFFIX = ".part"


@contextmanager
def written_beside(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `target` when the block ends well, and only then.

    Written beside, fsynced, renamed; after an error or a kill `target` is what it was before.
    """
    part = target.with_name(f".{target.name[:80]}.{secrets.token_hex(8)}{PART_SUFFIX}")
    try:
        try:
            with open(part, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror or error}") from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder as durable as its files."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class UserFile:
    """A file of the user's, opened for reading; whatever goes wrong is a BadInput."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = open(path, "rb")
        except OSError as error:
            raise self._unreadable(error) from error

    def __enter__(self) -> UserFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes."""
        try:
            return self._file.read(size)
        except OSError as error:
            raise self._unreadable(error) from error

    def size(self) -> int:
        """Give the length that the file has now."""
        return os.fstat(self._file.fileno()).st_size

    def _unreadable(self, error: OSError) -> BadInput:
        return BadInput(f"{self._path} cannot be read: {error.strerror or error}")
