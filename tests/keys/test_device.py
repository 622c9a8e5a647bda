"""The device mark notices copies and other computers, and not what changes by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from stemproof.errors import Unavailable, Undecided
from stemproof.keys.device import Machine, is_copied, mark_device, read_machine

HERE = Machine(id="3d1219c7", host="studio")


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    mark_device(home, machine=HERE)
    return home


def test_the_same_folder_on_the_same_computer_is_no_copy(marked: Path) -> None:
    assert is_copied(marked, machine=HERE) is None


def test_a_moved_folder_is_no_copy(marked: Path, tmp_path: Path) -> None:
    moved = marked.rename(tmp_path / "moved")
    assert is_copied(moved, machine=HERE) is None


def test_a_copied_folder_is_noticed(marked: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(marked, tmp_path / "copy"))
    assert "copy" in str(is_copied(copy, machine=HERE))


def test_another_computer_is_noticed(marked: Path) -> None:
    there = Machine(id="ffff", host="studio")
    assert "another computer" in str(is_copied(marked, machine=there))


def test_a_computer_that_changed_its_name_is_the_same(marked: Path) -> None:
    assert is_copied(marked, machine=Machine(id=HERE.id, host="studio.lan")) is None


def test_without_a_machine_id_the_name_counts(tmp_path: Path) -> None:
    mark_device(tmp_path, machine=Machine(id="", host="studio"))
    assert is_copied(tmp_path, machine=Machine(id="", host="studio")) is None
    assert "another name" in str(is_copied(tmp_path, machine=Machine(id="", host="laptop")))


def test_another_device_number_after_a_boot_is_no_copy(marked: Path) -> None:
    mark = json.loads((marked / "device.json").read_text())
    mark["folder"][0] = "1"
    (marked / "device.json").write_text(json.dumps(mark, sort_keys=True, separators=(",", ":")))
    assert is_copied(marked, machine=HERE) is None


def test_a_folder_without_mark_counts_as_restored(marked: Path) -> None:
    (marked / "device.json").unlink()
    assert "restored" in str(is_copied(marked, machine=HERE))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"v":0}', b"\xff", b'{"folder":["1"],"v":0}'])
def test_a_damaged_mark_counts_as_a_copy(marked: Path, content: bytes) -> None:
    (marked / "device.json").write_bytes(content)
    assert is_copied(marked, machine=HERE) == "the device mark is damaged"


def test_a_newer_mark_is_undecided(marked: Path) -> None:
    (marked / "device.json").write_bytes(b'{"v":1}')
    with pytest.raises(Undecided):
        is_copied(marked, machine=HERE)


def test_the_mark_shows_neither_machine_nor_host(marked: Path) -> None:
    text = (marked / "device.json").read_text()
    assert HERE.id not in text
    assert HERE.host not in text


def test_this_computer_answers_the_same_twice() -> None:
    assert read_machine() == read_machine()


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="gone"):
        mark_device(tmp_path / "gone", machine=HERE)
