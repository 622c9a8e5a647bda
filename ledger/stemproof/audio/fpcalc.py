"""fpcalc as pyacoustid runs it: our work-alike over ffmpeg, or a real one that passes a trial.

pyacoustid takes the program's name from the environment variable FPCALC and from nowhere else, so
the variable is set around the call and put back: the one place that touches the environment.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from stemproof.audio.codec import parse_text
from stemproof.audio.facts import ALGORITHM
from stemproof.audio.ffmpeg import DEADLINE_S, find_ffmpeg
from stemproof.audio.fpcalc_shim import write_wrapper
from stemproof.errors import BadInput, Malformed, Unavailable

_VARIABLE = "FPCALC"


def run_fpcalc(path: Path, deadline_s: float = DEADLINE_S) -> str:
    """Fingerprint a whole file by a program, through pyacoustid; return Chromaprint's text."""
    if find_ffmpeg().has_chromaprint:
        return _run(path, "ffmpeg", find_ffmpeg().path, deadline_s)
    fpcalc = find_fpcalc()
    if fpcalc is None:
        raise _nothing_found()
    return _run(path, "fpcalc", fpcalc, deadline_s)


def program_version() -> str:
    """Name the program that `run_fpcalc` runs, or say that there is none."""
    program = find_ffmpeg()
    if program.has_chromaprint:
        return f"ffmpeg {program.version} chromaprint"
    if find_fpcalc() is None:
        raise _nothing_found()
    return "fpcalc"


@functools.cache
def find_fpcalc() -> Path | None:
    """Return the `fpcalc` on the search path if it can do a whole file."""
    found = shutil.which("fpcalc")
    return Path(found).absolute() if found and is_good_fpcalc(Path(found)) else None


def is_good_fpcalc(program: Path) -> bool:
    """Try a program on four seconds of a sawtooth, to its end."""
    with tempfile.TemporaryDirectory(prefix="stemproof-") as name:
        trial = Path(name) / "trial.wav"
        with wave.open(str(trial), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(11025)
            tone = b"".join(((n * 700) % 20000).to_bytes(2, "little") for n in range(11025))
            file.writeframes(tone * 4)
        try:
            algorithm, items = parse_text(_run(trial, "fpcalc", program.absolute(), 30.0))
        except (BadInput, Malformed):
            return False
    return algorithm == ALGORITHM and len(items) > 0


def _run(path: Path, kind: Literal["ffmpeg", "fpcalc"], program: Path, deadline_s: float) -> str:
    import acoustid

    with tempfile.TemporaryDirectory(prefix="stemproof-") as name:
        wrapper = write_wrapper(Path(name), kind, program, deadline_s)
        with _named(wrapper):
            try:
                _, text = acoustid.fingerprint_file(str(path), maxlength=0, force_fpcalc=True)
            except acoustid.FingerprintGenerationError as error:
                raise BadInput(f"{path.name!r} could not be fingerprinted: {error}") from error
    found: bytes = text
    return found.decode("ascii", "replace").strip()


def _nothing_found() -> Unavailable:
    return Unavailable(
        "neither libchromaprint nor a working fpcalc nor an ffmpeg with Chromaprint was found",
        hint="install libchromaprint",
    )


_lock = threading.Lock()


@contextmanager
def _named(program: Path) -> Iterator[None]:
    """Set FPCALC for one caller at a time, and put back what was there."""
    with _lock:
        before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = str(program)
        try:
            yield
        finally:
            if before is None:
                del os.environ[_VARIABLE]
            else:
                os.environ[_VARIABLE] = before
