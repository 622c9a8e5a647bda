"""Files and folders on disk: taken as they are, refused clearly, never half written."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from tests.content.recipe import counter_stream

from stemproof.content.car import CarReader
from stemproof.content.cid import Cid
from stemproof.content.unixfs import PROFILES
from stemproof.content.walk import read_file, walk_tree
from stemproof.errors import BadInput, Unavailable
from stemproof.pin.durable import UserFile
from stemproof.pin.tree import MAX_ENTRIES, build_path, write_car


def read_car(path: Path) -> tuple[Cid, dict[Cid, bytes]]:
    with UserFile(path) as file:
        reader = CarReader(file, max_bytes=1 << 30)
        return reader.root, {section.cid: section.block for section in reader.sections()}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_car_of_a_folder_holds_the_folder(tmp_path: Path, profile: object) -> None:
    album = tmp_path / "album"
    (album / "empty folder").mkdir(parents=True)
    (album / "stem.wav").write_bytes(counter_stream("stem", 700_000))
    (album / "copy.wav").write_bytes(counter_stream("stem", 700_000))
    (album / ".hidden").write_bytes(b"")
    chosen = next(known for known in PROFILES.values() if known == profile)
    root = write_car(album, tmp_path / "album.car", chosen).cid
    found, blocks = read_car(tmp_path / "album.car")
    assert found == root == build_path(album, profile=chosen).cid
    files = {
        entry.path: b"".join(read_file(entry.cid, blocks.__getitem__))
        for entry in walk_tree(root, blocks.__getitem__)
        if not entry.is_folder
    }
    assert files == {(path.name,): path.read_bytes() for path in album.iterdir() if path.is_file()}


def test_a_symbolic_link_is_refused_not_followed(tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "album" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BadInput, match="link"):
        build_path(tmp_path / "album")
    with pytest.raises(BadInput):
        build_path(tmp_path / "album" / "link")


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="neither"):
        build_path(tmp_path / "pipe")


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none"):
        build_path(tmp_path / "none.wav")


def test_folders_too_deep_to_be_read_back_are_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["in"] * 40)
    deep.mkdir(parents=True)
    with pytest.raises(BadInput, match="deeper"):
        build_path(tmp_path)


def test_a_car_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "stem.wav").write_bytes(b"stem")
    with pytest.raises(Unavailable):
        write_car(tmp_path / "stem.wav", tmp_path / "no folder" / "stem.car")
    assert [path.name for path in tmp_path.iterdir()] == ["stem.wav"]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with open(tmp_path / "long.wav", "wb") as file:
        file.truncate(200 << 20)
    tracemalloc.start()
    write_car(tmp_path / "long.wav", tmp_path / "long.car")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


@pytest.mark.deep
@pytest.mark.kubo
def test_more_than_1024_chunks_get_the_cid_that_kubo_gives(
    tmp_path: Path, kubo: tuple[str, str]
) -> None:
    from stemproof.pin.ipfs import IpfsNode

    bar = counter_stream("bar", 1 << 20)
    with open(tmp_path / "long.wav", "wb") as file:
        for number in range(1025):
            file.write(number.to_bytes(4, "big") + bar[4:])
        file.write(b"one more")
    assert IpfsNode(kubo[0]).add_file(tmp_path / "long.wav").size == (1025 << 20) + 8


def test_a_folder_holds_as_much_as_can_be_fetched_and_no_more(tmp_path: Path) -> None:
    folder, kits = tmp_path / "library", 4
    for kit in range(kits):
        (folder / str(kit)).mkdir(parents=True)
    # The folders themselves count.
    for number in range(MAX_ENTRIES - kits - 1):
        (folder / str(number % kits) / f"{number}.wav").touch()
    build_path(folder)
    (folder / "one more.wav").touch()
    with pytest.raises(BadInput, match="more than 10,000 files and folders") as refusal:
        build_path(folder)
    assert "one by one" in str(refusal.value.hint)
