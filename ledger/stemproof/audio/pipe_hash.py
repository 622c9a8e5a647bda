"""SHA-256 of what a program writes to an extra pipe, computed beside everything else.

ffmpeg can hash by itself, but four times as slowly as hashlib, and would hold up the samples.
POSIX only, as pass_fds is.
"""

from __future__ import annotations

import hashlib
import os
import threading

_READ_BYTES = 1 << 20


class PipeHash:
    """A pipe whose writing end a program inherits, and a thread that hashes what comes out.

    Enter, start the program with `descriptor`, then `start`; `digest` waits for the last writer.
    Leaving the `with` block must come after the program has ended.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._drain, name="pipe-hash", daemon=True)
        self._reader = self.descriptor = -1

    def __enter__(self) -> PipeHash:
        self._reader, self.descriptor = os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        self._close_writer()
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._reader)

    def start(self) -> None:
        """Give up our copy of the writing end, so that the program's end is the stream's end."""
        self._close_writer()
        self._thread.start()

    def digest(self) -> bytes:
        """Return the SHA-256 of everything that was written."""
        self._thread.join()
        return self._hash.digest()

    def _drain(self) -> None:
        while block := os.read(self._reader, _READ_BYTES):
            self._hash.update(block)

    def _close_writer(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
