"""Chromaprint, driven by pyacoustid: the fingerprint of a whole file.

Where libchromaprint is present it runs in this process on the samples that we decode. Elsewhere
pyacoustid starts a program: our work-alike of fpcalc over ffmpeg's chromaprint muxer, or, where
this ffmpeg has none, a real `fpcalc` that passes a trial (Debian 12's ends whole files in error).
The three give the same items for the same samples; ours are always decoded by the same ffmpeg.

pyacoustid's `maxlength=0` together with the library silently gives the empty fingerprint, so the
library is always given a length.
"""

from __future__ import annotations

import functools
import tempfile
import threading
from pathlib import Path

from stemproof.audio.codec import items_to_bytes, parse_text
from stemproof.audio.decode import Decoder, Stream, check_readable, probe
from stemproof.audio.facts import ALGORITHM, Fingerprint
from stemproof.audio.ffmpeg import DEADLINE_S, MAX_SECONDS
from stemproof.audio.fpcalc import program_version, run_fpcalc
from stemproof.errors import BadInput, Malformed, StemproofError

MIN_RATE = 1000  # libchromaprint refuses less


def fingerprint(path: Path, *, deadline_s: float = DEADLINE_S) -> Fingerprint:
    """Fingerprint a whole audio file. Empty items mean that it is too short to have any."""
    path = check_readable(path)
    with tempfile.TemporaryDirectory(prefix="stemproof-") as name:
        folder = Path(name)
        stream = probe(path, folder, deadline_s=deadline_s)
        check_rate(path, stream)
        with Decoder(path, stream, folder, deadline_s=deadline_s) as decoder:
            text, producer = compute_text(path, stream, decoder, deadline_s)
            sample_count = decoder.finish().sample_count
    return build_fingerprint(text, producer, stream, sample_count)


def check_rate(path: Path, stream: Stream) -> None:
    """Refuse a sample rate that Chromaprint cannot work on."""
    if stream.sample_rate < MIN_RATE:
        raise BadInput(
            f"{path.name!r} has {stream.sample_rate} samples a second, want {MIN_RATE} or more"
        )


def compute_text(
    path: Path, stream: Stream, decoder: Decoder, deadline_s: float
) -> tuple[str, str]:
    """Drain `decoder` and return Chromaprint's text and the name of what made it."""
    import acoustid

    if acoustid.have_chromaprint:
        return _by_library(path, stream, decoder), library_version()
    return _by_program(path, decoder, deadline_s)


def build_fingerprint(text: str, producer: str, stream: Stream, sample_count: int) -> Fingerprint:
    """Read Chromaprint's text with our own bounded reader."""
    try:
        algorithm, items = parse_text(text)
    except Malformed as error:
        raise BadInput(f"{producer} wrote a fingerprint that cannot be read: {error}") from error
    if algorithm != ALGORITHM:
        raise BadInput(f"{producer} used algorithm {algorithm}, want {ALGORITHM}")
    return Fingerprint(
        algorithm,
        items_to_bytes(items),
        sample_count=sample_count,
        sample_rate=stream.sample_rate,
        channels=stream.channels,
        producer=producer,
    )


@functools.cache
def library_version() -> str:
    """Name the loaded libchromaprint."""
    import chromaprint

    # pyacoustid has no public call for the version.
    version: bytes = chromaprint._libchromaprint.chromaprint_get_version()
    return f"libchromaprint {version.decode('ascii', 'replace')}"


def _by_library(path: Path, stream: Stream, decoder: Decoder) -> str:
    import acoustid

    try:
        text: bytes = acoustid.fingerprint(
            stream.sample_rate, decoder.channels, iter(decoder), maxlength=MAX_SECONDS
        )
    except acoustid.FingerprintGenerationError as error:
        raise BadInput(f"{path.name!r} could not be fingerprinted: {error}") from error
    return text.decode("ascii")


def _by_program(path: Path, decoder: Decoder, deadline_s: float) -> tuple[str, str]:
    """Let pyacoustid run a program while this thread decodes, so as to use a second core."""
    outcome: list[str | StemproofError] = []

    def work() -> None:
        try:
            outcome.append(run_fpcalc(path, deadline_s))
        except StemproofError as error:
            outcome.append(error)

    producer = program_version()
    thread = threading.Thread(target=work, name="fpcalc")
    thread.start()
    try:
        for _ in decoder:
            pass
    finally:
        thread.join()
    # A damaged file is better named by the decoder.
    decoder.finish()
    if isinstance(outcome[0], StemproofError):
        raise outcome[0]
    return outcome[0], producer
