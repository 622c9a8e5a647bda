"""Observe an audio file: everything that the ledger records about it, in one value.

The file is decoded once for samples and fingerprint (twice where Chromaprint runs as a program,
side by side), and hashed meanwhile. A file that changes under our eyes is refused, not guessed at.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stemproof.audio.decode import Decoder, check_readable, probe
from stemproof.audio.digest import fingerprint_digest, pcm_digest
from stemproof.audio.facts import AudioFacts
from stemproof.audio.ffmpeg import DEADLINE_S
from stemproof.audio.plain import check_extent, hash_plain
from stemproof.errors import BadInput


def observe_audio(path: Path, *, deadline_s: float = DEADLINE_S) -> AudioFacts:
    """Decode, hash and fingerprint one audio file."""
    from stemproof.audio import chromaprint

    path = check_readable(path)
    before = _state(path)
    with (
        tempfile.TemporaryDirectory(prefix="stemproof-") as name,
        ThreadPoolExecutor(1) as pool,
    ):
        hashing = pool.submit(hash_file, path, deadline_s=deadline_s)
        folder = Path(name)
        stream = probe(path, folder, deadline_s=deadline_s)
        chromaprint.check_rate(path, stream)
        with Decoder(path, stream, folder, deadline_s=deadline_s) as decoder:
            text, producer = chromaprint.compute_text(path, stream, decoder, deadline_s)
            decoded = decoder.finish()
        fingerprint = chromaprint.build_fingerprint(text, producer, stream, decoded.sample_count)
        sha256 = hashing.result()
    if _state(path) != before:
        raise BadInput(f"{path.name!r} changed while it was read")
    exact = None
    if stream.form is not None and decoded.samples_sha256 is not None:
        exact = pcm_digest(
            stream.form,
            decoded.samples_sha256,
            sample_count=decoded.sample_count,
            channels=stream.channels,
            sample_rate=stream.sample_rate,
        )
    return AudioFacts(
        sha256=sha256,
        size=before[0],
        codec=stream.codec,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        sample_count=decoded.sample_count,
        duration_ms=fingerprint.duration_ms,
        pcm_digest=exact,
        fingerprint=fingerprint,
        fingerprint_digest=fingerprint_digest(fingerprint),
    )


def hash_file(path: Path, *, deadline_s: float = DEADLINE_S) -> bytes:
    """Hash a file's bytes with SHA-256."""
    try:
        return hash_plain(path, deadline_s=deadline_s)
    except OSError as error:
        raise BadInput(f"{path.name!r} cannot be read: {error.strerror}") from error


def _state(path: Path) -> tuple[int, int, int]:
    try:
        state = os.stat(path)
    except OSError as error:
        raise BadInput(f"{path.name!r} is gone") from error
    check_extent(path.name, state)
    return state.st_size, state.st_mtime_ns, state.st_ino
