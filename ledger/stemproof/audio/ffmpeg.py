"""The ffmpeg program: found, asked, bounded. A separate process, never a library.

Every call reads one regular file through the `file` protocol and a fixed list of containers, has
no standard input, a deadline, and a bound on what it may allocate. Nothing that ffmpeg prints
about a file decides more than a refusal, since a stranger's tags are printed there too.
"""

from __future__ import annotations

import functools
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from stemproof.errors import Unavailable

# Ten hours of FLAC decode in about two minutes here.
DEADLINE_S = 900.0
MAX_SECONDS = 24 * 3600
# Tags with a big picture are held in memory whole; a tag of gigabytes is refused.
MAX_ALLOC = 256 << 20
# Containers of audio; matroska and mov hold video too, which is then refused by name.
CONTAINERS = "wav,w64,aiff,caf,au,flac,mp3,aac,mov,ogg,wv,ape,tta,ac3,matroska"
# One or two channels stay as they are; more are mixed to two, as fpcalc does.
MONO_OR_STEREO = "aformat=channel_layouts=mono|stereo"


@dataclass(frozen=True, slots=True)
class Program:
    """An ffmpeg that was found, and what it can do."""

    path: Path
    version: str
    has_chromaprint: bool


@functools.cache
def find_ffmpeg() -> Program:
    """Find ffmpeg: that of the imageio-ffmpeg wheel, else the one on the search path."""
    import imageio_ffmpeg

    try:
        path = Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except RuntimeError as error:
        raise Unavailable(
            "no ffmpeg program was found", hint="install ffmpeg or the imageio-ffmpeg package"
        ) from error
    first = _ask(path, "-version").split("\n", 1)[0].split()
    version = first[2] if first[:2] == ["ffmpeg", "version"] and len(first) > 2 else "unknown"
    muxers = _ask(path, "-hide_banner", "-muxers")
    has_chromaprint = any(line.split()[1:2] == ["chromaprint"] for line in muxers.splitlines())
    return Program(path, version, has_chromaprint)


def input_arguments(program: Path, path: Path) -> list[str]:
    """Return the start of every command line: who reads what, and within which bounds."""
    return [
        str(program),
        *("-nostdin", "-hide_banner", "-y", "-max_alloc", str(MAX_ALLOC)),
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS),
        *("-i", f"file:{path}", "-map_metadata", "-1"),
    ]


class Running:
    """A started program that is killed at its deadline and never left behind."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        output: int,
        messages: IO[bytes],
        deadline_s: float,
        inherited: Sequence[int] = (),
    ) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - fixed options, one absolute path
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=messages,
                pass_fds=inherited,
            )
        except OSError as error:
            raise Unavailable(f"{command[0]} cannot be run: {error.strerror}") from error
        self.timed_out = False
        self._timer = threading.Timer(deadline_s, self._expire)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def read(self, size: int) -> bytes:
        """Read from the program's output: empty at its end."""
        if self._process.stdout is None:
            return b""
        return self._process.stdout.read(size)

    def wait(self) -> int:
        """Return the exit status once the program has ended."""
        return self._process.wait()

    def _expire(self) -> None:
        self.timed_out = True
        self._process.kill()


def _ask(path: Path, *arguments: str) -> str:
    """Return what ffmpeg says about itself."""
    try:
        done = subprocess.run(  # noqa: S603 - an absolute path and constants
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{path} cannot be run") from error
    return done.stdout.decode("utf-8", "replace")
