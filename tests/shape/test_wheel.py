"""The wheel that people install: it builds, holds its data, and works with nothing else around."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"ledger": "stemproof", "cli": "stemproof_cli"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    [built] = folder.glob("*.whl")
    return built


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_wheel_holds_every_file_of_both_packages(wheel: Path) -> None:
    expected = {
        path.relative_to(ROOT / folder).as_posix()
        for folder, package in PACKAGES.items()
        for path in (ROOT / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "stemproof/py.typed" in expected
    assert expected <= names
    folders = {name.split("/")[0] for name in names - expected}
    assert all(folder.endswith(".dist-info") for folder in folders)


@pytest.mark.deep
def test_the_wheel_runs_without_the_work_tree(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", symlinks=True, with_pip=False)
    python = tmp_path / "bare" / "bin" / "python"
    [pip] = (ROOT / "scripts" / "vendor").glob("pip-*.whl")
    install = [str(python), f"{pip}/pip", "install", "-q", "--no-deps", "--require-hashes"]
    build_first = run(*install, "-r", ROOT / "requirements-build.lock")
    assert build_first.returncode == 0, build_first.stderr
    locked = run(*install, "--no-build-isolation", "-r", ROOT / "requirements.lock")
    assert locked.returncode == 0, locked.stderr
    ours = run(python, f"{pip}/pip", "install", "-q", "--no-deps", "--no-index", wheel)
    assert ours.returncode == 0, ours.stderr
    said = run(tmp_path / "bare" / "bin" / "stemproof", "--version")
    assert (said.returncode, said.stderr) == (0, "")
    where = run(python, "-I", "-c", "import stemproof; print(stemproof.__file__)").stdout
    assert str(tmp_path) in where
