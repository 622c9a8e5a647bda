"""Honest copies of one piece: what stays equal, what stays alike, whoever makes the fingerprint."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import acoustid
import pytest

from stemproof.audio import AudioFacts, Fingerprint, observe_audio
from stemproof.audio.chromaprint import fingerprint
from stemproof.audio.fpcalc import is_good_fpcalc, program_version, run_fpcalc
from stemproof.audio.match import compare
from stemproof.errors import Undecided

Convert = Callable[..., Path]


@pytest.fixture(scope="session")
def master(song: Path) -> AudioFacts:
    return observe_audio(song / "master.wav")


@pytest.fixture(params=["library", "program"])
def producer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let Chromaprint run in this process, or as a program as on machines without the library."""
    name: str = request.param
    if name == "program":
        monkeypatch.setattr(acoustid, "have_chromaprint", False)
    elif not acoustid.have_chromaprint:
        pytest.skip("libchromaprint is not installed")
    return name


def test_the_facts_of_the_master_are_those_of_the_file(song: Path, master: AudioFacts) -> None:
    content = (song / "master.wav").read_bytes()
    assert master.sha256 == hashlib.sha256(content).digest()
    assert master.size == len(content)
    assert (master.codec, master.sample_rate, master.channels) == ("pcm_s24le", 44100, 2)
    assert (master.sample_count, master.duration_ms) == (1058400, 24000)
    # One item every 1365 samples at 11025 Hz, after the first window.
    assert 160 <= master.fingerprint.size <= 190
    assert master.fingerprint.is_telling


LOSSLESS = {
    "copy.flac": (),
    "copy.wav": ("-c:a", "pcm_s24le", "-metadata", "title=another header"),
    "copy32.wav": ("-c:a", "pcm_s32le"),
    "copy.aiff": ("-c:a", "pcm_s24be"),
    "copy.w64": ("-c:a", "pcm_s24le"),
    "copy.caf": ("-c:a", "pcm_s24le"),
    "rf64.wav": ("-c:a", "pcm_s24le", "-rf64", "always"),
    "copy.m4a": ("-c:a", "alac"),
    "copy.wv": ("-c:a", "wavpack"),
}


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_copy_has_the_same_samples_and_items(
    name: str, song: Path, master: AudioFacts, convert: Convert
) -> None:
    copy = observe_audio(convert(name, "-i", str(song / "master.wav"), *LOSSLESS[name]))
    assert copy.sha256 != master.sha256
    assert copy.pcm_digest == master.pcm_digest
    assert copy.pcm_digest is not None
    assert copy.fingerprint_digest == master.fingerprint_digest


def test_a_float_copy_has_the_same_items_and_samples_of_another_form(
    song: Path, master: AudioFacts, convert: Convert
) -> None:
    copy = observe_audio(convert("f.wav", "-i", str(song / "master.wav"), "-c:a", "pcm_f32le"))
    assert copy.fingerprint.items == master.fingerprint.items
    assert copy.pcm_digest not in (None, master.pcm_digest)


def test_one_changed_sample_changes_the_digest_of_the_samples(
    song: Path, master: AudioFacts, tmp_path: Path
) -> None:
    content = bytearray((song / "master.wav").read_bytes())
    content[500_000] ^= 1
    (tmp_path / "changed.wav").write_bytes(content)
    changed = observe_audio(tmp_path / "changed.wav")
    assert changed.pcm_digest != master.pcm_digest
    assert compare(changed.fingerprint, master.fingerprint).verdict == "same"


LOSSY = {
    "copy128.mp3": ("-b:a", "128k"),
    "copy320.mp3": ("-b:a", "320k"),
    "aac.m4a": ("-c:a", "aac", "-b:a", "128k"),
    "copy.ogg": ("-c:a", "libvorbis"),
    "copy.opus": ("-c:a", "libopus", "-b:a", "96k"),
    "mono.mp3": ("-ac", "1", "-b:a", "64k"),
    "rate.wav": ("-ar", "48000", "-c:a", "pcm_s16le"),
    "quiet.wav": ("-af", "volume=-9dB", "-c:a", "pcm_s16le"),
}


@pytest.mark.parametrize("name", LOSSY)
def test_a_lossy_copy_sounds_the_same(
    name: str, song: Path, master: AudioFacts, convert: Convert
) -> None:
    copy = observe_audio(convert(name, "-i", str(song / "master.wav"), *LOSSY[name]))
    likeness = compare(copy.fingerprint, master.fingerprint)
    assert likeness.verdict == "same"
    assert abs(likeness.offset_s) < 0.13
    assert likeness.ber < 0.12
    if not copy.codec.startswith("pcm_"):
        assert copy.pcm_digest is None


def test_an_excerpt_is_found_where_it_was_cut(
    song: Path, master: AudioFacts, convert: Convert
) -> None:
    excerpt = fingerprint(
        convert("cut.mp3", "-ss", "7", "-t", "10", "-i", str(song / "master.wav"), "-b:a", "128k")
    )
    likeness = compare(excerpt, master.fingerprint)
    assert likeness.verdict == "same"
    assert likeness.offset_s == pytest.approx(7, abs=0.13)
    back = compare(master.fingerprint, excerpt)
    assert back.verdict == "same"
    assert back.offset_s == pytest.approx(-7, abs=0.13)


def test_the_mix_sounds_like_its_master(song: Path, master: AudioFacts) -> None:
    assert compare(fingerprint(song / "mix.wav"), master.fingerprint).verdict == "same"


def test_another_piece_is_different(master: AudioFacts, convert: Convert) -> None:
    # Sweeps and noise: nothing of ours, and no third-party music either.
    other = fingerprint(
        convert(
            "other.wav",
            *("-f", "lavfi", "-i", "aevalsrc=0.3*sin(300*t+40*t*t)+0.2*sin(900*t-9*t*t):d=24"),
        )
    )
    noise = fingerprint(convert("noise.wav", "-f", "lavfi", "-i", "anoisesrc=c=pink:d=20:seed=9"))
    for one in (other, noise):
        assert compare(one, master.fingerprint).verdict == "different"


def test_more_than_two_channels_are_mixed_to_two(convert: Convert, producer: str) -> None:
    tones = "sin(440*t)|sin(550*t*t)|sin(660*t)|0.3*sin(60*t)|cos(777*t*t)|sin(90*t*t)"
    path = convert(
        "surround.wav", "-f", "lavfi", "-i", f"aevalsrc={tones}:d=6:c=5.1", "-c:a", "pcm_s24le"
    )
    facts = observe_audio(path)
    assert (facts.channels, facts.sample_count) == (6, 264600)
    assert facts.fingerprint.size == 27


@pytest.mark.parametrize("name", ["copy.flac", "copy128.mp3", "copy.ogg", "aac.m4a", "f.wav"])
def test_program_and_library_give_equal_fingerprints(
    name: str, song: Path, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not acoustid.have_chromaprint:
        pytest.skip("libchromaprint is not installed")
    options = {**LOSSLESS, **LOSSY, "f.wav": ("-c:a", "pcm_f32le")}[name]
    path = convert(name, "-i", str(song / "master.wav"), *options)
    by_library = fingerprint(path)
    monkeypatch.setattr(acoustid, "have_chromaprint", False)
    by_program = fingerprint(path)
    assert by_library.items == by_program.items
    assert by_library.sample_count == by_program.sample_count
    assert by_library.producer.startswith("libchromaprint")
    assert by_program.producer == program_version()


def test_silence_is_said_to_tell_nothing(convert: Convert, producer: str) -> None:
    path = convert("silence.wav", "-f", "lavfi", "-i", "anullsrc=d=10")
    facts = observe_audio(path)
    assert facts.fingerprint.is_silent
    assert not facts.fingerprint.is_telling
    assert facts.pcm_digest is not None
    with pytest.raises(Undecided):
        compare(facts.fingerprint, facts.fingerprint)


@pytest.mark.parametrize("samples", [1, 2, 1000, 44100])
def test_a_very_short_file_is_too_short_to_fingerprint(
    samples: int, convert: Convert, producer: str
) -> None:
    path = convert(
        f"short{samples}.wav",
        *("-f", "lavfi", "-i", f"sine=440,atrim=end_sample={samples}", "-c:a", "pcm_s16le"),
    )
    facts = observe_audio(path)
    assert (facts.sample_count, facts.fingerprint.items) == (samples, b"")
    assert facts.fingerprint.is_too_short
    with pytest.raises(Undecided):
        compare(facts.fingerprint, facts.fingerprint)


def test_fpcalc_in_the_environment_is_put_back(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FPCALC", "/somebody/elses")
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(run_fpcalc(song / "mix.wav")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.environ["FPCALC"] == "/somebody/elses"
    assert len(texts) == 3
    assert len(set(texts)) == 1


def test_a_program_that_is_no_fpcalc_fails_its_trial() -> None:
    assert not is_good_fpcalc(Path(sys.executable))


def test_importing_the_room_is_cheap() -> None:
    code = (
        "import sys, stemproof.audio; "
        "print(sorted({'numpy', 'acoustid', 'imageio_ffmpeg', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_fingerprints_of_two_algorithms_do_not_compare(master: AudioFacts) -> None:
    one = master.fingerprint
    other = Fingerprint(
        2,
        one.items,
        sample_count=one.sample_count,
        sample_rate=one.sample_rate,
        channels=one.channels,
        producer=one.producer,
    )
    with pytest.raises(Undecided):
        compare(one, other)
