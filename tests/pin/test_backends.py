"""One contract for every backend; stemproof's node and a real Kubo both keep it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.content.recipe import counter_stream

from stemproof.content.cid import RAW, Cid, cid_of
from stemproof.content.unixfs import PROFILES, Profile
from stemproof.errors import Malformed, Unavailable
from stemproof.pin.backend import Backend
from stemproof.pin.gateway import fetch
from stemproof.pin.tree import build_path, write_car

KIB = 1 << 10


def stem(folder: Path, seed: str, size: int) -> Path:
    path = folder / f"{seed}.wav"
    path.write_bytes(counter_stream(seed, size))
    return path


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("size", [0, 1, 256 * KIB, 256 * KIB + 1, 1024 * KIB, 1024 * KIB + 1])
def test_a_home_names_a_file_as_we_do_and_keeps_it(
    backend: Backend, tmp_path: Path, profile: Profile, size: int
) -> None:
    path = stem(tmp_path, f"size-{size}", size)
    node = backend.add_file(path, profile)
    assert node == build_path(path, profile=profile)
    assert backend.has(node.cid)


def test_a_file_of_many_levels_gets_our_cid(backend: Backend, tmp_path: Path) -> None:
    # 174 links of 256 KiB and one more chunk: the width of the 2015 profile is passed.
    path = stem(tmp_path, "deep", 175 * 256 * KIB)
    assert backend.has(backend.add_file(path, PROFILES["unixfs-v0-2015"]).cid)


def test_a_folder_comes_back_from_the_gateway_as_it_was(
    backend: Backend, home: tuple[str, str], tmp_path: Path
) -> None:
    album = tmp_path / "album"
    (album / "vox").mkdir(parents=True)
    stem(album, "drums", 3000 * KIB)
    stem(album / "vox", "lead", 10)
    (album / "vox" / "wärm up.txt").write_text("la la")
    (album / ".hidden").write_bytes(b"")
    car = tmp_path / "album.car"
    root = write_car(album, car).cid
    assert backend.add_car(car) == root
    assert backend.has(root)
    fetched = fetch(root, [home[1]], tmp_path / "back")
    assert (fetched.files, fetched.faults) == (4, ())
    for path in album.rglob("*"):
        back = tmp_path / "back" / path.relative_to(album)
        assert back.read_bytes() == path.read_bytes() if path.is_file() else back.is_dir()


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_file_comes_back_from_the_gateway_as_it_was(
    backend: Backend, home: tuple[str, str], tmp_path: Path, profile: Profile
) -> None:
    path = tmp_path / "silence and sound.wav"
    # Silence repeats one block, which a CAR holds only once.
    path.write_bytes(bytes(20 << 20) + counter_stream("sound", 999) + bytes(9 << 20))
    cid = backend.add_file(path, profile).cid
    fetched = fetch(cid, [home[1]], tmp_path / "back.wav")
    assert fetched.faults == ()
    assert (tmp_path / "back.wav").read_bytes() == path.read_bytes()


def test_single_blocks_are_handed_out(backend: Backend, tmp_path: Path) -> None:
    path = stem(tmp_path, "one block", 100)
    cid = backend.add_file(path, PROFILES["unixfs-v1-2025"]).cid
    assert backend.get_block(cid) == path.read_bytes()


def test_a_block_that_is_not_there_is_unavailable(backend: Backend) -> None:
    with pytest.raises(Unavailable):
        backend.get_block(cid_of(b"nobody has this", codec=RAW))


def test_a_pin_can_be_let_go_once(backend: Backend, tmp_path: Path) -> None:
    cid = backend.add_file(stem(tmp_path, "gone", 100), PROFILES["unixfs-v1-2025"]).cid
    backend.rm(cid)
    assert not backend.has(cid)
    with pytest.raises(Unavailable):
        backend.rm(cid)


def test_adding_twice_is_the_same_as_once(backend: Backend, tmp_path: Path) -> None:
    path = stem(tmp_path, "twice", 700 * KIB)
    profile = PROFILES["unixfs-v1-2025"]
    assert backend.add_file(path, profile) == backend.add_file(path, profile)


def test_a_car_without_all_its_blocks_is_refused(backend: Backend, tmp_path: Path) -> None:
    car = tmp_path / "part.car"
    path = stem(tmp_path, "part", 3000 * KIB)
    write_car(path, car)
    whole = car.read_bytes()
    car.write_bytes(whole[: whole.index(counter_stream("part", 32))])
    with pytest.raises((Unavailable, Malformed)):
        backend.add_car(car)
    assert not backend.has(build_path(path).cid)


def test_a_backend_says_who_it_is(backend: Backend) -> None:
    said = backend.describe()
    assert said.startswith(("stemproof-node/", "kubo/"))


def test_has_is_false_for_what_nobody_pinned(backend: Backend) -> None:
    assert not backend.has(Cid(1, RAW, bytes(32)))
