"""Options of the whole suite, and a ledger on a real chain for whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.keys.story import Begun


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person accept what the commands print now: tests/cli/test_transcripts.py."""
    parser.addoption("--rewrite", action="store_true", help="write transcripts anew")


@pytest.fixture(scope="session", autouse=True)
def cheap_keys() -> Iterator[None]:
    """Let key files that tests write in their own process open at once; age files all the same.

    What a passphrase costs has a test of its own: tests/keys/test_ring.py.
    """
    import pyrage
    from tests.keys.cheapkeys import seal_cheaply

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pyrage.passphrase, "encrypt", seal_cheaply)
        yield


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """A song recorded and anchored on a chain that runs while the module's tests do."""
    # Only where a test asks: it imports the whole ledger.
    from tests.keys.story import begin_on_chain

    with begin_on_chain(tmp_path_factory.mktemp("begun")) as started:
        yield started
