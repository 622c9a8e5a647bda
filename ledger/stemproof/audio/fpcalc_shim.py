"""A work-alike of Chromaprint's `fpcalc`, over the ffmpeg program's chromaprint muxer.

pyacoustid starts it where libchromaprint is absent: it runs the program that the environment
variable FPCALC names, with `-length SECONDS FILE` (0: the whole file), and reads two lines:

    DURATION=20.000
    FINGERPRINT=AQAAjEmUaEkS...

So this module is a program, and the one place of the package that writes to standard output.
`write_wrapper` makes the executable that FPCALC names.
"""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from stemproof.audio.ffmpeg import MAX_SECONDS, MONO_OR_STEREO, input_arguments

_ITEM_TEXT = re.compile(r"[A-Za-z0-9_-]{6,}")
_OUT_TIME = re.compile(r"^out_time_us=(\d{1,15})$", re.MULTILINE)


def write_wrapper(
    folder: Path, kind: Literal["ffmpeg", "fpcalc"], program: Path, deadline_s: float
) -> Path:
    """Write the small executable that runs this module over `program`; return its path."""
    command = [sys.executable, "-P", "-m", "stemproof.audio.fpcalc_shim"]
    command += [f"--{kind}", str(program), "--deadline", str(deadline_s)]
    path = folder / "fpcalc"
    path.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', "utf-8")
    path.chmod(0o700)
    return path


def compute(ffmpeg: Path, path: Path, length_s: int, deadline_s: float) -> tuple[float, str]:
    """Run ffmpeg once; return the duration in seconds and the compressed fingerprint as text."""
    limit = length_s if length_s > 0 else MAX_SECONDS
    first, *rest = input_arguments(ffmpeg, path)
    command = [
        *(first, "-v", "error", *rest, "-map", "0:a:0", "-af", MONO_OR_STEREO),
        *("-c:a", "pcm_s16le", "-t", str(limit), "-f", "chromaprint", "-fp_format", "base64"),
        *("pipe:1", "-progress", "pipe:2"),
    ]
    done = subprocess.run(  # noqa: S603 - fixed options, one absolute path
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline_s, check=True
    )
    text = done.stdout.decode("ascii").strip()
    times = _OUT_TIME.findall(done.stderr.decode("utf-8", "replace"))
    if _ITEM_TEXT.fullmatch(text) is None or not times:
        raise ValueError("ffmpeg wrote no fingerprint")
    return int(times[-1]) / 1e6, text


def pass_on(fpcalc: Path, path: Path, length_s: int, deadline_s: float) -> str:
    """Run a real fpcalc within the deadline; return what it wrote."""
    command = [str(fpcalc), "-length", str(length_s), str(path)]
    done = subprocess.run(  # noqa: S603 - fixed options, one absolute path
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=deadline_s, check=True
    )
    return done.stdout.decode("ascii")


def run(arguments: Sequence[str]) -> int:
    """Do what fpcalc does with these arguments; return its exit status."""
    parser = argparse.ArgumentParser(prog="fpcalc", allow_abbrev=False)
    program = parser.add_mutually_exclusive_group(required=True)
    program.add_argument("--ffmpeg", type=Path)
    program.add_argument("--fpcalc", type=Path)
    parser.add_argument("--deadline", type=float, required=True)
    parser.add_argument("-length", type=int, default=120)
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    path: Path = options.file.absolute()
    try:
        if options.fpcalc:
            answer = pass_on(options.fpcalc, path, options.length, options.deadline)
        else:
            seconds, text = compute(options.ffmpeg, path, options.length, options.deadline)
            answer = f"DURATION={seconds:.3f}\nFINGERPRINT={text}\n"
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 2
    sys.stdout.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
