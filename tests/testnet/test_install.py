"""Finding anvil, and what is said where it cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stemproof.errors import Unavailable
from stemproof.testnet.install import ANVIL_VERSION, find_anvil, install_anvil

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "ledger" / "stemproof" / "testnet" / "npm"


def make_program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_explicit_path_wins(tmp_path: Path) -> None:
    program = make_program(tmp_path / "my-anvil")
    make_program(tmp_path / "tools/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    assert find_anvil(explicit=program, tools_dir=tmp_path / "tools") == program


def test_an_explicit_path_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no anvil at"):
        find_anvil(explicit=tmp_path / "absent", search_path="/usr/bin")


def test_the_tools_folder_comes_before_the_path(tmp_path: Path) -> None:
    make_program(tmp_path / "bin" / "anvil")
    ours = make_program(tmp_path / "t/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    assert find_anvil(tools_dir=tmp_path / "t", search_path=str(tmp_path / "bin")) == ours


def test_npms_wrapper_on_the_path_is_seen_through(tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    wrapper = make_program(modules / "@foundry-rs/anvil/bin.mjs", "#!/usr/bin/env node\n")
    program = make_program(modules / "@foundry-rs/anvil-linux-amd64/bin/anvil")
    (modules / ".bin").mkdir()
    (modules / ".bin" / "anvil").symlink_to(wrapper)
    assert find_anvil(search_path=str(modules / ".bin")) == program


def test_nothing_found_is_none(tmp_path: Path) -> None:
    assert find_anvil(tools_dir=tmp_path, checkout=tmp_path, search_path=str(tmp_path)) is None


def test_without_npm_the_answer_names_npm(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="npm") as caught:
        install_anvil(tmp_path / "tools", search_path=str(tmp_path))
    assert caught.value.hint is not None
    assert not (tmp_path / "tools").exists()


def test_what_npm_complains_of_is_passed_on(tmp_path: Path) -> None:
    text = "#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n"
    make_program(tmp_path / "bin" / "npm", text)
    with pytest.raises(Unavailable, match="npm error code ENOTFOUND"):
        install_anvil(tmp_path / "tools", search_path=str(tmp_path / "bin"))


def test_an_installed_anvil_is_not_installed_again(tmp_path: Path) -> None:
    ours = make_program(tmp_path / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
    assert install_anvil(tmp_path, search_path="") == ours


def test_the_shipped_lock_pins_what_the_checkout_pins() -> None:
    ours = json.loads((SHIPPED / "package-lock.json").read_text())["packages"]
    theirs = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all(theirs[name] == entry for name, entry in ours.items() if name)
    assert ours["node_modules/@foundry-rs/anvil"]["version"] == ANVIL_VERSION
    assert "integrity" in ours["node_modules/@foundry-rs/anvil-linux-amd64"]


@pytest.mark.parametrize("lock", [SHIPPED / "package-lock.json", ROOT / "package-lock.json"])
def test_no_lock_names_where_packages_came_from(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert not [name for name, entry in packages.items() if "resolved" in entry]
