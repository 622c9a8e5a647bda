"""docs/licences.md lists every direct dependency, and nothing that we import is copyleft."""

from __future__ import annotations

import importlib.metadata
import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NPM = json.loads((ROOT / "package.json").read_text())
# Named in scripts/lock: they build the package and its dependencies.
BUILDERS = {"editables", "setuptools"}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def listed(heading: str) -> dict[str, str]:
    """Read one table of the page: package -> licence."""
    page = (ROOT / "docs" / "licences.md").read_text()
    section = page.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE)
    return {name: licence for name, licence in rows if name != "package"}


def test_what_runs_is_listed() -> None:
    wanted = names(PROJECT["project"]["dependencies"])
    assert set(listed("Imported when stemproof runs")) == wanted


def test_what_tests_and_builds_is_listed() -> None:
    wanted = names(PROJECT["dependency-groups"]["dev"] + PROJECT["build-system"]["requires"])
    assert set(listed("Used to develop, test and build")) == wanted | BUILDERS


def test_what_comes_from_npm_is_listed() -> None:
    assert set(listed("From npm")) == {*NPM["dependencies"], *NPM["devDependencies"]}


def said_by(package: str) -> str:
    """Join what an installed package says of its licence, in the three places where it may."""
    said = importlib.metadata.metadata(package)
    # Asked for first: where importlib_metadata is loaded too, a missing one is a KeyError.
    licences = [said[name] or "" for name in ("License-Expression", "License") if name in said]
    return " ".join(licences + [c for c in said.get_all("Classifier", []) if "License" in c])


FAMILIES = {"MIT": "MIT", "Apache": "Apache", "BSD": "BSD", "MPL": "MPL|Mozilla"}


@pytest.mark.parametrize(
    ("package", "licence"), sorted(listed("Imported when stemproof runs").items())
)
def test_the_licence_listed_is_the_one_that_the_package_names(package: str, licence: str) -> None:
    said = said_by(package)
    # pyrage's wheel names none; its repository holds the MIT licence.
    if package == "pyrage" and not said.strip():
        said = "MIT"
    for word, pattern in FAMILIES.items():
        if word in licence.split(", parts", maxsplit=1)[0]:
            assert re.search(pattern, said), said


def test_no_package_that_is_installed_for_users_is_copyleft() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = re.findall(r"^([a-z0-9][a-z0-9.-]*)==", lock, re.MULTILINE)
    installed = {canonicalize_name(d.metadata["Name"]) for d in importlib.metadata.distributions()}
    copyleft = re.compile(r"\bA?L?GPL|General Public", re.IGNORECASE)
    assert [name for name in locked if name in installed and copyleft.search(said_by(name))] == []
