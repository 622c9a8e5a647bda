"""Files that are no finished audio files: huge, full of holes, pipes, slower than the deadline."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from stemproof.acts.checking import Asked, check_files
from stemproof.acts.sound import file_cid, hear
from stemproof.acts.survey import Found, hash_content, read_session_file
from stemproof.audio.observe import hash_file, observe_audio
from stemproof.audio.plain import MAX_AUDIO_BYTES
from stemproof.errors import BadInput

posix = pytest.mark.skipif(os.name != "posix", reason="named pipes and holes are POSIX's")


def with_holes(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.write(b"RIFF")
        file.truncate(size)
    return path


@posix
@pytest.mark.parametrize("read", [hash_file, observe_audio, hash_content])
def test_a_file_with_holes_is_refused_unread(tmp_path: Path, read: object) -> None:
    assert callable(read)
    take = with_holes(tmp_path / "take.wav", 16 << 30)
    with pytest.raises(BadInput, match="has holes: it is not finished"):
        read(take)
    with_holes(take, MAX_AUDIO_BYTES + 1)
    with pytest.raises(BadInput, match="is larger than 32 GiB"):
        read(take)


@posix
def test_a_watched_file_with_holes_is_told_as_one_that_cannot_be_used(tmp_path: Path) -> None:
    state = with_holes(tmp_path / "take.wav", 16 << 30).stat()
    heard = hear(tmp_path, Found("take.wav", "audio", state.st_size, state.st_mtime_ns))
    assert heard is not None
    assert "has holes" in heard.why


def test_a_small_file_of_zeros_and_a_whole_large_one_are_hashed(tmp_path: Path) -> None:
    small = with_holes(tmp_path / "small.wav", 1 << 20)
    large = tmp_path / "large.wav"
    large.write_bytes(os.urandom(1 << 20) * 65)
    for path in (small, large):
        assert hash_file(path) == hashlib.sha256(path.read_bytes()).digest()


def test_hashing_ends_at_its_deadline(tmp_path: Path) -> None:
    take = tmp_path / "take.wav"
    take.write_bytes(bytes(8 << 20))
    with pytest.raises(BadInput, match="could not be read within 0 s"):
        hash_file(take, deadline_s=0.0)


@posix
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "p.stemproof"
    os.mkfifo(pipe)
    for read in (hash_file, hash_content, read_session_file, file_cid):
        with pytest.raises(BadInput, match="is not a regular file"):
            read(pipe)
    with pytest.raises(BadInput, match="is not a regular file"):
        check_files(pipe, [], Asked())
