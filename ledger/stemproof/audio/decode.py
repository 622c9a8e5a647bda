"""Look into an audio file and decode it once, by the ffmpeg program.

`probe` asks what the file is; `Decoder` yields 16-bit samples (more than two channels mixed to
two), counts them, and where decoding is exact hashes the samples in their full width on the side.
A file that is cut short, protected, a video, no audio or endless is a BadInput, in bounded time.
"""

from __future__ import annotations

import contextlib
import re
import stat
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stemproof.audio.ffmpeg import (
    DEADLINE_S,
    MAX_SECONDS,
    MONO_OR_STEREO,
    Program,
    Running,
    find_ffmpeg,
    input_arguments,
)
from stemproof.audio.pipe_hash import PipeHash
from stemproof.errors import BadInput

BLOCK_BYTES = 1 << 18
MAX_MESSAGE_BYTES = 1 << 16
MAX_CHUNKS = 64  # before a WAV's data; a handful in practice
MAX_RATE = 1 << 22  # DSD runs at 2.8 MHz
# A decoder may rightly drop or add a little at the ends of a lossy file.
SLACK_MS = 500
SLACK_SHARE = 50
# Decoding these yields the same samples in every decoder, bit for bit.
EXACT_CODECS = frozenset({"flac", "alac", "wavpack", "tta", "ape"})
_FORM_OF_SAMPLES = {"u8": "s32le", "s16": "s32le", "s32": "s32le", "flt": "f32le", "dbl": "f64le"}
_STREAM = re.compile(r"^  Stream #0:\d+[^ ]*: (Audio|Video): (.{0,400})$", re.MULTILINE)
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d)\.(\d\d),", re.MULTILINE)
_SAMPLES = re.compile(r" Hz, [^,]+, (u8|s16|s32|flt|dbl)p?\b")
_PROTECTED = re.compile(r"\((drms|drmi|enca|encv|aavd|wma-drm) / 0x")


@dataclass(frozen=True, slots=True)
class Stream:
    """The first audio stream of a file. `form` is set where decoding is exact.

    `declared_ms` is the length that the file's own header claims, None where it claims none;
    `is_open_ended` is a WAV written to a pipe, which runs to the end of the file.
    """

    codec: str
    sample_rate: int
    channels: int
    form: str | None
    declared_ms: int | None
    is_open_ended: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one whole pass over the samples yielded. `sample_count` is by channel."""

    sample_count: int
    samples_sha256: bytes | None


def check_readable(path: Path) -> Path:
    """Return the absolute path of a regular, non-empty file, or say what it is instead."""
    try:
        state = path.stat()
        # Asked before opening: to open a named pipe is to wait for its writer.
        if not stat.S_ISREG(state.st_mode):
            raise BadInput(f"{path.name!r} is not a regular file")
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a file name"
        raise BadInput(f"{path.name!r} cannot be opened: {reason}") from error
    if state.st_size == 0:
        raise BadInput(f"{path.name!r} is empty")
    return path.absolute()


def probe(path: Path, folder: Path, *, deadline_s: float = DEADLINE_S) -> Stream:
    """Ask what the first audio stream of a file is; `folder` is private and takes scratch files.

    The first frame is decoded to a WAV header, which says rate and channels as decoded.
    """
    program = find_ffmpeg()
    header, copied = folder / "head.wav", folder / "head.txt"
    command = [
        *input_arguments(program.path, path),
        *("-map", "0:a:0", "-frames:a", "1", "-c:a", "pcm_s16le", "-f", "wav", str(header)),
        *("-map", "0:a:0", "-frames:a", "1", "-c:a", "copy", "-f", "framehash", str(copied)),
    ]
    messages, status = _run(command, folder, min(deadline_s, 60.0))
    # Only what ffmpeg says of its input, and nothing of what follows.
    about = messages.partition("\nStream mapping:")[0]
    _refuse_video(path, about)
    if _PROTECTED.search(about):
        raise BadInput(f"{path.name!r} is protected (DRM) and cannot be decoded")
    if status != 0:
        raise _unreadable(path, messages)
    codec = _parse_codec(path, copied)
    sample_rate, channels = _parse_wav_header(path, header)
    return Stream(
        codec,
        sample_rate,
        channels,
        form=_exact_form(codec, about),
        declared_ms=_declared_ms(about),
        is_open_ended=_is_open_ended(path),
    )


class Decoder:
    """One pass over a file: iterate over blocks of 16-bit samples, then `finish`.

    Leaving the `with` block ends the program, whatever happened.
    """

    def __init__(
        self, path: Path, stream: Stream, folder: Path, *, deadline_s: float = DEADLINE_S
    ) -> None:
        self._path = path
        self._stream = stream
        self._messages_path = folder / "decode.txt"
        self._deadline_s = deadline_s
        self._bytes = 0
        self._exact: PipeHash | None = None
        self._stack = contextlib.ExitStack()

    @property
    def channels(self) -> int:
        """Channels of the blocks: one or two."""
        return min(2, self._stream.channels)

    def __enter__(self) -> Decoder:
        with contextlib.ExitStack() as stack:
            messages = stack.enter_context(self._messages_path.open("wb"))
            if self._stream.form is not None:
                self._exact = stack.enter_context(PipeHash())
            self._running = stack.enter_context(
                Running(
                    self._command(find_ffmpeg()),
                    output=subprocess.PIPE,
                    messages=messages,
                    deadline_s=self._deadline_s,
                    inherited=[self._exact.descriptor] if self._exact else [],
                )
            )
            if self._exact:
                self._exact.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __iter__(self) -> Iterator[bytes]:
        limit = MAX_SECONDS * self._stream.sample_rate * self.channels * 2
        while block := self._running.read(BLOCK_BYTES):
            self._bytes += len(block)
            if self._bytes > limit:
                raise BadInput(f"{self._path.name!r} is longer than {MAX_SECONDS // 3600} hours")
            yield block

    def finish(self) -> Decoded:
        """Check that the whole file was decoded and return what the pass yielded."""
        status = self._running.wait()
        if self._running.timed_out:
            raise BadInput(f"{self._path.name!r} was not decoded in {self._deadline_s:.0f} s")
        messages = _read_messages(self._messages_path)
        if status != 0:
            raise _damaged(self._path, messages)
        sample_count, rest = divmod(self._bytes, 2 * self.channels)
        if rest or not sample_count:
            raise _damaged(self._path, messages)
        _refuse_cut(self._path, self._stream, sample_count)
        return Decoded(sample_count, self._exact.digest() if self._exact else None)

    def _command(self, program: Program) -> list[str]:
        # Where decoding is exact a damaged packet ends it; players forgive damage in MP3s.
        is_strict = self._stream.form and not self._stream.is_open_ended
        strict = ["-xerror"] if is_strict else []
        first, *rest = input_arguments(program.path, self._path)
        bound = ["-t", str(MAX_SECONDS + 1)]
        command = [
            *(first, "-v", "error", *strict, *rest),
            *("-map", "0:a:0", "-af", MONO_OR_STEREO, "-c:a", "pcm_s16le", "-f", "s16le"),
            *(*bound, "pipe:1"),
        ]
        if self._exact:
            form = str(self._stream.form)
            command += ["-map", "0:a:0", "-c:a", f"pcm_{form}", "-f", form, *bound]
            command.append(f"pipe:{self._exact.descriptor}")
        return command


def _run(command: list[str], folder: Path, deadline_s: float) -> tuple[str, int]:
    """Run a program to its end; return its messages, cut, and its status."""
    path = folder / "probe.txt"
    deadline = time.monotonic() + deadline_s
    with (
        path.open("wb") as messages,
        Running(
            command, output=subprocess.DEVNULL, messages=messages, deadline_s=deadline_s
        ) as running,
    ):
        status = running.wait()
        if running.timed_out or time.monotonic() > deadline:
            raise BadInput(f"the file could not be looked into within {deadline_s:.0f} s")
    return _read_messages(path), status


def _read_messages(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MAX_MESSAGE_BYTES).decode("utf-8", "replace").replace("\r", "")


def _unreadable(path: Path, messages: str) -> BadInput:
    return BadInput(f"{path.name!r} cannot be read as audio", hint=_first_cause(messages))


def _damaged(path: Path, messages: str) -> BadInput:
    return BadInput(f"{path.name!r} is damaged or cut short", hint=_first_cause(messages))


def _first_cause(messages: str) -> str | None:
    """Quote ffmpeg's first complaint, without the addresses that it puts before it."""
    for line in messages.splitlines():
        said = re.sub(r"^(\[[^\]]{0,80}\] )+", "", line)
        if said != line or line.startswith("Error"):
            return f"ffmpeg says {said!r:.120}"
    return None


def _refuse_video(path: Path, about: str) -> None:
    for kind, text in _STREAM.findall(about):
        if kind == "Video" and "(attached pic)" not in text:
            raise BadInput(
                f"{path.name!r} is a video", hint="export its sound to a file of its own"
            )


def _refuse_cut(path: Path, stream: Stream, sample_count: int) -> None:
    if stream.declared_ms is None:
        return
    found_ms = sample_count * 1000 // stream.sample_rate
    missing = stream.declared_ms - found_ms
    if missing > SLACK_MS + stream.declared_ms // SLACK_SHARE:
        raise BadInput(
            f"{path.name!r} is cut short: its header says {stream.declared_ms / 1000:.1f} s, "
            f"{found_ms / 1000:.1f} s are there"
        )


def _parse_codec(path: Path, copied: Path) -> str:
    """Read ffmpeg's own name of the codec from the header of a framehash file."""
    found = re.search(r"^#codec_id 0: ([a-z0-9_]{1,40})$", _read_messages(copied), re.MULTILINE)
    if found is None:
        raise BadInput(f"{path.name!r} holds no audio that can be decoded")
    return found[1]


def _parse_wav_header(path: Path, header: Path) -> tuple[int, int]:
    """Read rate and channels from the WAV header that ffmpeg itself wrote."""
    with header.open("rb") as file:
        head = file.read(36)
    if len(head) == 36 and head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt ":
        channels, sample_rate = struct.unpack_from("<HI", head, 22)
        if 1 <= channels <= 64 and 1 <= sample_rate <= MAX_RATE:
            return sample_rate, channels
    raise BadInput(f"{path.name!r} has a sample rate or number of channels that cannot be")


def _exact_form(codec: str, about: str) -> str | None:
    if codec not in EXACT_CODECS and not codec.startswith("pcm_"):
        return None
    audio = [text for kind, text in _STREAM.findall(about) if kind == "Audio"]
    found = _SAMPLES.search(audio[0]) if audio else None
    return _FORM_OF_SAMPLES[found[1]] if found else None


def _declared_ms(about: str) -> int | None:
    found = _DURATION.search(about)
    if found is None or "Estimating duration from bitrate" in about:
        return None
    hours, minutes, seconds, hundredths = map(int, found.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + hundredths * 10


def _is_open_ended(path: Path) -> bool:
    """Whether this is a RIFF WAV whose data chunk claims the largest size, meaning unknown."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return False
        for _ in range(MAX_CHUNKS):
            chunk = file.read(8)
            if len(chunk) < 8:
                return False
            size = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"data":
                return size == 0xFFFFFFFF
            file.seek(size + size % 2, 1)
    return False
