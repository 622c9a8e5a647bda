"""The lock files hold what pyproject.toml asks for, each by hash, and name no registry."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")
AGAIN = "run scripts/lock"


def read_lock(name: str) -> dict[str, set[str]]:
    """Package -> the versions locked; more than one where the Python version decides."""
    locked: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if found := re.match(r"([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)", line):
            locked.setdefault(canonicalize_name(found[1]), set()).add(found[2])
    return locked


def check_covered(requirements: list[str], lock: str) -> None:
    locked = read_lock(lock)
    for text in requirements:
        wanted = Requirement(text)
        versions = locked.get(canonicalize_name(wanted.name), set())
        assert versions, f"{wanted.name} is not in {lock}: {AGAIN}"
        assert all(version in wanted.specifier for version in versions), f"{wanted}: {AGAIN}"


def test_every_dependency_is_locked() -> None:
    check_covered(PROJECT["project"]["dependencies"], "requirements.lock")


def test_every_tool_of_the_tests_is_locked() -> None:
    check_covered(PROJECT["dependency-groups"]["dev"], "requirements-dev.lock")


def test_what_builds_the_package_is_locked() -> None:
    check_covered(PROJECT["build-system"]["requires"], "requirements-build.lock")


def test_the_tests_run_on_the_versions_that_the_demo_installs() -> None:
    demo, dev = read_lock("requirements.lock"), read_lock("requirements-dev.lock")
    assert {name: dev[name] for name in demo} == demo


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash(name: str) -> None:
    text = (ROOT / name).read_text()
    packages = re.findall(
        r"^[a-z0-9].*\\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.M
    )
    assert len(packages) == sum(map(len, read_lock(name).values())) > 0


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_the_npm_lock_names_no_place_and_pins_by_hash() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    unpinned = [
        name
        for name, entry in packages.items()
        if not entry.get("integrity", "").startswith("sha512-") and not entry.get("inBundle")
    ]
    # Foundry's programs for other systems: the place where the lock was written hands out none.
    others = tuple(f"node_modules/@foundry-rs/{program}-" for program in ("anvil", "forge"))
    assert [name for name in unpinned if not name.startswith(others)] == []
    assert {f"{name}linux-amd64" for name in others}.isdisjoint(unpinned)


def test_the_npm_lock_belongs_to_package_json() -> None:
    asked = json.loads((ROOT / "package.json").read_text())
    root = json.loads((ROOT / "package-lock.json").read_text())["packages"][""]
    for kind in ("dependencies", "devDependencies"):
        assert root.get(kind, {}) == asked.get(kind, {})


def test_the_package_installer_is_the_pinned_one() -> None:
    prepare = runpy.run_path(str(ROOT / "scripts" / "prepare.py"))
    assert hashlib.sha256(prepare["PIP"].read_bytes()).hexdigest() == prepare["PIP_SHA256"]
