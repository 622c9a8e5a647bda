"""Files that are cut, wrong, protected or lie: one sentence each, in bounded time."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stemproof.audio import observe_audio
from stemproof.audio.decode import Decoder, probe
from stemproof.errors import BadInput

Convert = Callable[..., Path]


def make_wav(data: bytes, *, size: int | None = None, **header: int) -> bytes:
    """Write a WAV by hand, so that its header can lie."""
    rate, channels, bits = (header.get(k, v) for k, v in DEFAULTS.items())
    align = channels * bits // 8 % 2**16
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * align % 2**32, align, bits)
    claimed = len(data) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data"
    return b"RIFF" + struct.pack("<I", 36 + len(data)) + body + struct.pack("<I", claimed) + data


DEFAULTS = {"rate": 44100, "channels": 1, "bits": 16}
TONE = b"".join(struct.pack("<h", (n * 331) % 20000 - 10000) for n in range(44100)) * 5


def refusal(path: Path) -> str:
    start = time.monotonic()
    with pytest.raises(BadInput) as caught:
        observe_audio(path)
    assert time.monotonic() - start < 20
    message = str(caught.value)
    assert "\n" not in message
    assert not message.endswith(".")
    return message


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.wav", b""),
        ("text.wav", b"this is not audio at all\n" * 50),
        ("noise.mp3", bytes((n * 7919) % 251 for n in range(40_000))),
        ("head.wav", make_wav(TONE)[:40]),
        ("zip.flac", b"PK\3\4" + b"\0" * 5000),
        ("playlist.m3u8", b"#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"),
        ("playlist.mp3", b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.mp3\n#EXT-X-ENDLIST\n"),
        ("list.wav", b"ffconcat version 1.0\nfile /etc/hostname\n"),
        ("0hz.wav", make_wav(TONE, rate=0)),
        ("slow.wav", make_wav(TONE, rate=500)),
        ("fast.wav", make_wav(TONE, rate=0xFFFFFFFF)),
        ("nochannels.wav", make_wav(TONE, channels=0)),
        ("channels.wav", make_wav(TONE, channels=65535)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_audio_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    refusal(write(tmp_path, name, content))


@pytest.mark.parametrize("bits", [1, 0, 65535])
def test_a_strange_width_is_refused_or_decoded_in_bounds(bits: int, tmp_path: Path) -> None:
    path = write(tmp_path, "bits.wav", make_wav(TONE, bits=bits))
    try:
        assert observe_audio(path).sample_count < 10 * len(TONE)
    except BadInput:
        pass


def test_a_wav_that_claims_more_than_it_has_is_cut_short(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "lies.wav", make_wav(TONE, size=10 * len(TONE))))
    assert "damaged or cut short" in message


def test_a_wav_written_to_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    piped = observe_audio(write(tmp_path, "piped.wav", make_wav(TONE, size=0xFFFFFFFF)))
    whole = observe_audio(write(tmp_path, "whole.wav", make_wav(TONE)))
    assert piped.pcm_digest == whole.pcm_digest


def test_a_wav_that_claims_less_ends_there(tmp_path: Path) -> None:
    facts = observe_audio(write(tmp_path, "less.wav", make_wav(TONE, size=88200)))
    assert facts.sample_count == 44100


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cut.wav", ("-c:a", "pcm_s24le")),
        ("cut.flac", ()),
        ("cut.mp3", ("-b:a", "128k")),
        ("cut.m4a", ("-c:a", "aac")),
        ("cut.wv", ("-c:a", "wavpack")),
        ("cut.aiff", ("-c:a", "pcm_s16be")),
    ],
)
def test_a_file_cut_in_half_is_refused(
    name: str, options: tuple[str, ...], song: Path, convert: Convert, tmp_path: Path
) -> None:
    whole = convert("whole-" + name, "-i", str(song / "mix.wav"), *options).read_bytes()
    refusal(write(tmp_path, name, whole[: len(whole) // 2]))


def test_a_damaged_flac_is_refused(song: Path, convert: Convert, tmp_path: Path) -> None:
    content = bytearray(convert("fine.flac", "-i", str(song / "mix.wav")).read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = b"\xaa" * 64
    assert "damaged" in refusal(write(tmp_path, "damaged.flac", bytes(content)))


def test_a_video_is_refused_by_name(convert: Convert) -> None:
    path = convert(
        "clip.mkv",
        *("-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-f", "lavfi", "-i", "sine=d=2"),
        *("-c:v", "mpeg4", "-c:a", "aac"),
    )
    assert refusal(path) == "'clip.mkv' is a video"


def test_a_cover_picture_does_not_make_a_video(song: Path, convert: Convert) -> None:
    picture = convert("cover.png", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-frames:v", "1")
    path = convert(
        "cover.mp3",
        *("-i", str(song / "mix.wav"), "-i", str(picture), "-map", "0:a", "-map", "1:v"),
        *("-c:v", "copy", "-disposition:v", "attached_pic", "-b:a", "128k"),
    )
    assert observe_audio(path).codec == "mp3"


@pytest.mark.parametrize("entry", [b"drms", b"enca"])
def test_a_protected_file_is_refused_by_name(
    entry: bytes, song: Path, convert: Convert, tmp_path: Path
) -> None:
    content = convert("plain.m4a", "-i", str(song / "mix.wav"), "-c:a", "aac").read_bytes()
    message = refusal(write(tmp_path, "protected.m4a", content.replace(b"mp4a", entry)))
    assert "protected (DRM)" in message


def test_a_forged_tag_does_not_change_the_codec(song: Path, convert: Convert) -> None:
    tag = "x)\n  Stream #0:0: Audio: pcm_s16le, 44100 Hz, stereo, s16\n  Stream #0:1: Video: x"
    path = convert(
        "forged.ogg",
        *("-i", str(song / "mix.wav"), "-c:a", "libvorbis"),
        *("-metadata:s:a:0", f"language={tag}", "-metadata", f"title={tag}"),
    )
    try:
        facts = observe_audio(path)
    except BadInput:
        return
    assert (facts.codec, facts.pcm_digest) == ("vorbis", None)


def test_big_tags_are_bounded(song: Path, convert: Convert, tmp_path: Path) -> None:
    plain = convert("tagged.mp3", "-i", str(song / "mix.wav"), "-b:a", "128k").read_bytes()
    size = 200 << 20
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path = tmp_path / "tags.mp3"
    with path.open("wb") as file:
        file.write(b"ID3\4\0\0" + syncsafe)
        file.truncate(10 + size)
        file.seek(10 + size)
        file.write(plain)
    start = time.monotonic()
    try:
        assert observe_audio(path).codec == "mp3"
    except BadInput:
        pass
    assert time.monotonic() - start < 20


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(tmp_path / "absent.wav")
    assert "not a regular file" in refusal(tmp_path)
    assert "cannot be opened" in refusal(tmp_path / "nul\0.wav")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not a regular file" in refusal(tmp_path / "pipe.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "secret.wav", make_wav(TONE))
    path.chmod(0)
    assert "cannot be opened" in refusal(path)


@pytest.mark.parametrize(
    "name", ["-y.wav", "concat:a|b.wav", "http:x.wav", "a b\n'\".wav", "%d.wav"]
)
def test_a_file_name_is_only_a_name(name: str, tmp_path: Path) -> None:
    facts = observe_audio(write(tmp_path, name, make_wav(TONE)))
    assert facts.sample_count == len(TONE) // 2


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "growing.wav", make_wav(TONE))
    finish = Decoder.finish

    def grow(self: Decoder) -> object:
        with path.open("ab") as file:
            file.write(b"more")
        return finish(self)

    monkeypatch.setattr(Decoder, "finish", grow)
    assert "changed while it was read" in refusal(path)


def test_a_decoder_past_its_deadline_is_ended(song: Path, tmp_path: Path) -> None:
    path = song / "master.wav"
    stream = probe(path, tmp_path)
    start = time.monotonic()
    with Decoder(path, stream, tmp_path, deadline_s=0.2) as decoder:
        # Nobody reads, so the program waits for room in the pipe.
        time.sleep(0.6)
        for _ in decoder:
            pass
        with pytest.raises(BadInput, match="was not decoded in"):
            decoder.finish()
    assert time.monotonic() - start < 10
