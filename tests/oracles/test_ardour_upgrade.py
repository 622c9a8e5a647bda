"""Ardour 7 opens sessions of Ardour 5 and writes them in its own format: nobody decided that."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from tests.oracles.ardour_host import need_host, resave

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session

HERE = Path(__file__).parents[2]
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parent / "shared" / "corpus"))
SAVES = sorted((CORPUS / "sessions/ardour/with-you").glob("*.ardour.gz"))

pytestmark = pytest.mark.skipif(not SAVES, reason="the corpus is not on this machine")


@pytest.fixture(scope="module")
def saves(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Session, Session]]:
    """Saves of a real song as they are, and as Ardour 7 writes them."""
    need_host()
    folder = tmp_path_factory.mktemp("upgrade")
    (folder / "song").mkdir()
    old = {n: gzip.decompress(SAVES[n - 1].read_bytes()) for n in (1, 16, 17, 25)}
    for number, data in old.items():
        # A name of its own: the first opening keeps a copy of the old version beside.
        (folder / f"song/v{number}.ardour").write_bytes(data)
    resave(folder, {f"v{number}": f"seven{number}" for number in old}, 44_100)
    return {
        number: (
            read_session("a.ardour", data),
            read_session("b.ardour", (folder / f"song/seven{number}.ardour").read_bytes()),
        )
        for number, data in old.items()
    }


@pytest.mark.parametrize("number", [1, 16, 25])
def test_a_new_format_is_one_note(saves: dict[int, tuple[Session, Session]], number: int) -> None:
    (note,) = diff(*saves[number])
    assert note.is_note
    assert note.text.startswith("Session: saved by Ardour 7.")
    assert note.text.endswith(", before by Ardour 5.12")


def test_a_bands_decisions_read_alike_in_both_formats(
    saves: dict[int, tuple[Session, Session]],
) -> None:
    old = {d.text for d in diff(saves[16][0], saves[17][0])}
    new = {d.text for d in diff(saves[16][1], saves[17][1])}
    assert len(old) > 3
    assert old == new
