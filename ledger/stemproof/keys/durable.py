"""Files that are there whole or not at all: written beside, fsynced, renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stemproof.errors import BadInput, Unavailable


def write_whole(path: Path, content: bytes) -> None:
    """Put `content` at `path`, readable by its owner only, in place of what was there."""
    try:
        beside = _write_beside(path, content)
        try:
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} could not be written: {error.strerror}") from error


def write_new(path: Path, content: bytes) -> None:
    """Put `content` at `path` and refuse where something is there already."""
    try:
        beside = _write_beside(path, content)
        try:
            # A hard link is the one way to rename that never overwrites.
            os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise BadInput(f"{path} exists already") from error
    except OSError as error:
        raise Unavailable(f"{path} could not be written: {error.strerror}") from error


def read_bounded(path: Path, *, max_bytes: int) -> bytes | None:
    """Read a small file whole; None where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path} could not be read: {error.strerror}") from error
    if len(content) > max_bytes:
        raise BadInput(f"{path} is longer than {max_bytes} bytes")
    return content


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` outlast a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_beside(path: Path, content: bytes) -> Path:
    # mkstemp makes the file with mode 0600, before any byte is in it.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
