"""What may not lie in the repository: places of one machine, keys, things left open."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Brackets keep a pattern from finding itself.
PLACES = re.compile(r"/w[o]rk/|/r[o]ot/|/f[a]rm/|/tmp/[b]ash_jobs")
HOSTS = re.compile(
    r"p[y]pi\.org|p[y]thonhosted\.org|registry\.n[p]mjs|registry\.y[a]rnpkg|cr[a]tes\.io"
    r"|proxy\.g[o]lang\.org|repo\.m[a]ven|deb\.d[e]bian\.org"
)
KEYS = re.compile(r"BEGIN [A-Z ]*PRIVATE K[E]Y|AGE-SECRET-K[E]Y-1[0-9A-Z]{20}")
LEFT_OPEN = re.compile(r"\b(T[O]DO|F[I]XME|X[X]X|NotImplementedE[r]ror|assert T[r]ue)\b")
LARGEST = 1 << 20


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git work tree: nothing to compare with")
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def hits(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


def in_folders(paths: list[Path], *folders: str) -> list[Path]:
    return [path for path in paths if path.relative_to(ROOT).parts[0] in folders]


def test_no_file_names_a_place_of_one_machine() -> None:
    assert hits(PLACES, tracked()) == []


def test_no_file_names_a_package_registry() -> None:
    assert hits(HOSTS, tracked()) == []


def test_no_private_key_lies_outside_the_tests() -> None:
    paths = [path for path in tracked() if path.relative_to(ROOT).parts[0] != "tests"]
    assert hits(KEYS, paths) == []


def test_nothing_is_left_open_in_the_code() -> None:
    assert (
        hits(LEFT_OPEN, in_folders(tracked(), "ledger", "cli", "contracts", "web", "scripts")) == []
    )


def test_only_the_package_installer_is_a_large_file() -> None:
    large = [path for path in tracked() if path.stat().st_size > LARGEST]
    # Its SHA-256 is checked by scripts/prepare.py and by test_locks.py.
    assert [path.parent.name for path in large] == ["vendor"]


def test_every_shell_script_stops_at_the_first_failure() -> None:
    scripts = [path for path in tracked() if path.read_bytes().startswith(b"#!/usr/bin/env bash")]
    assert scripts
    assert [path.name for path in scripts if "set -euo pipefail" not in path.read_text()] == []
