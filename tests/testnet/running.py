"""A real anvil for tests: found in the checkout or on the PATH, on a free port, ended after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stemproof.testnet.anvil import Testnet, start, stop
from stemproof.testnet.install import find_anvil

ROOT = Path(__file__).parents[2]


def demand_anvil() -> Path:
    """Find anvil; without it the test is skipped, except in CI, where it fails."""
    found = find_anvil(checkout=ROOT, search_path=os.environ.get("PATH", ""))
    if found is None:
        missing = "anvil is not installed: npm ci --omit=dev"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextlib.contextmanager
def running_testnet(folder: Path) -> Iterator[Testnet]:
    """Run a chain whose state is in `folder`."""
    testnet = start(folder, 0, anvil=demand_anvil())
    try:
        yield testnet
    finally:
        stop(folder)
