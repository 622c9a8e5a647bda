"""Audio beside a bundle: the same bytes, the same sound, other music."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.verify.madeup_chain import MadeUpChain
from tests.verify.studio import Studio

from stemproof.audio import codec
from stemproof.audio.facts import AudioFacts
from stemproof.audio.ffmpeg import find_ffmpeg
from stemproof.audio.observe import observe_audio
from stemproof.errors import BadInput, Unavailable
from stemproof.record.canonical import Json
from stemproof.testnet.song import write_step
from stemproof.verify.bundle import verify_bundle
from stemproof.verify.sound import check_sound
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import Check, State


@dataclass(frozen=True)
class Album:
    """A bundle that claims one file as its master, and the files to hold against it."""

    folder: Path
    master: Path
    bundle: bytes
    trust: Trust

    def check(self, path: Path) -> tuple[State, Check]:
        """Verify the bundle with one file beside it."""
        verdict = verify_bundle(self.bundle, self.trust)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        check_sound(verdict, path.name, sha256, lambda: observe_audio(path))
        return verdict.state, verdict.checks.lines[-1]


def _record(path: Path, changes: dict[str, Json]) -> tuple[bytes, Trust]:
    facts = observe_audio(path)
    items = codec.items_from_bytes(facts.fingerprint.items)
    inner: dict[str, Json] = {
        "algorithm": facts.fingerprint.algorithm,
        "compressed": codec.format_text(facts.fingerprint.algorithm, items),
        "digest": facts.fingerprint_digest.hex(),
        "items": facts.fingerprint.size,
        "producer": facts.fingerprint.producer,
    }
    studio = Studio()
    body: dict[str, Json] = {
        "bytes": facts.size,
        "sha256": facts.sha256.hex(),
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "samples": facts.sample_count,
        "duration_ms": facts.duration_ms,
        "pcm": None if facts.pcm_digest is None else facts.pcm_digest.hex(),
        "fingerprint": {**inner, **changes},
    }
    item = studio.record_audio(path.name, body)
    studio.anchor(MadeUpChain())
    return studio.sealed(studio.bundle(item)), studio.trust()


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    folder = tmp_path_factory.mktemp("album")
    for step in (7, 13):
        write_step(folder, step)
    master = next(path for path in sorted(folder.rglob("*.wav")) if "master" in path.name)
    return Album(folder, master, *_record(master, {}))


def _convert(album: Album, name: str, *options: str) -> Path:
    target = album.folder / name
    command = [str(find_ffmpeg().path), "-nostdin", "-y", "-v", "error"]
    subprocess.run([*command, *options, str(target)], check=True, timeout=60)
    return target


def test_the_same_bytes_are_verified(album: Album) -> None:
    state, line = album.check(album.master)
    assert (state, line.state) == (State.VERIFIED, State.VERIFIED)
    assert "byte for byte" in line.says


def test_a_converted_copy_is_likeness_and_undecided(album: Album) -> None:
    copy = _convert(album, "copy.mp3", "-i", str(album.master), "-b:a", "192k")
    state, line = album.check(copy)
    assert (state, line.state) == (State.UNDECIDED, State.UNDECIDED)
    assert "likeness, not proof" in line.says


def test_a_lossless_copy_holds_the_same_samples_and_is_verified(album: Album) -> None:
    copy = _convert(album, "copy.flac", "-i", str(album.master))
    state, line = album.check(copy)
    assert (state, line.state) == (State.VERIFIED, State.VERIFIED)
    assert "holds the samples" in line.says


def test_one_bit_of_one_sample_changed_is_refuted(album: Album) -> None:
    data = bytearray(album.master.read_bytes())
    data[-1] ^= 1
    altered = album.folder / "altered.wav"
    altered.write_bytes(data)
    state, line = album.check(altered)
    assert (state, line.state) == (State.REFUTED, State.REFUTED)
    assert "likeness, not proof" in line.says


def test_other_music_is_refuted(album: Album) -> None:
    noise = "anoisesrc=d=20:c=pink:r=44100:seed=7"
    other = _convert(album, "other.wav", "-f", "lavfi", "-i", noise)
    state, line = album.check(other)
    assert (state, line.state) == (State.REFUTED, State.REFUTED)


def test_a_file_that_is_no_audio_is_refuted(album: Album) -> None:
    text = album.folder / "lyrics.txt"
    text.write_text("la la la")
    state, line = album.check(text)
    assert (state, line.state) == (State.REFUTED, State.REFUTED)


def _raising(error: Exception) -> AudioFacts:
    raise error


def test_without_the_means_to_listen_the_answer_is_undecided(album: Album) -> None:
    verdict = verify_bundle(album.bundle, album.trust)
    error = Unavailable("no Chromaprint is installed")
    check_sound(verdict, "copy.mp3", "00" * 32, lambda: _raising(error))
    assert verdict.state is State.UNDECIDED
    broken = verify_bundle(album.bundle, album.trust)
    check_sound(broken, "copy.mp3", "00" * 32, lambda: _raising(BadInput("truncated")))
    assert broken.state is State.REFUTED


@pytest.mark.parametrize(
    "changes",
    [
        {"compressed": "AQAAAA"},
        {"compressed": "AQAAAQ!!"},
        {"algorithm": 2},
        {"algorithm": 2**53 - 1},
        {"digest": "00" * 32},
    ],
)
def test_a_recorded_fingerprint_that_does_not_hold_is_refuted(
    album: Album, changes: dict[str, Json]
) -> None:
    bundle, trust = _record(album.master, changes)
    tampered = Album(album.folder, album.master, bundle, trust)
    copy = _convert(album, "again.mp3", "-i", str(album.master), "-b:a", "128k")
    state, line = tampered.check(copy)
    assert (state, line.state) == (State.REFUTED, State.REFUTED)


def test_a_bundle_that_is_none_leaves_audio_undecided(album: Album) -> None:
    verdict = verify_bundle(b"", album.trust)
    check_sound(verdict, "a.wav", "00" * 32, lambda: _raising(BadInput("not reached")))
    assert verdict.checks.lines[-1].state is State.UNDECIDED
    assert verdict.state is State.REFUTED
