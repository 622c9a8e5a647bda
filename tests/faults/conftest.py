"""One made-up ledger for all tests of faults, and a copy of it with a chain for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.ledger import Desk, copied, made
from tests.faults.spawner import Spawner


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ledger, a song and a local chain that does not run."""
    folder = tmp_path_factory.mktemp("template")
    made(folder)
    return folder


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    """A ledger of one's own whose local chain runs."""
    with copied(template, tmp_path / "desk") as own:
        yield own


@pytest.fixture(scope="module")
def spawner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spawner]:
    """A process that has everything loaded and forks a command at a time."""
    own = Spawner(tmp_path_factory.mktemp("spawner"))
    try:
        yield own
    finally:
        own.close()
