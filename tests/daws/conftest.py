"""A room for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.acts.room import Room, make_room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A ledger and the empty folder of a song."""
    return make_room(tmp_path)
