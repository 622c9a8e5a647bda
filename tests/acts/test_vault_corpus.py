"""Real songs through watch, vault and replay: small, whole, and told the same again."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.capture.test_corpus import SESSIONS

from stemproof.acts.disclosed import from_vault
from stemproof.acts.home import opened
from stemproof.acts.replay import replay
from stemproof.acts.vault import vault_sizes

pytestmark = pytest.mark.skipif(not SESSIONS.exists(), reason="the corpus is not here")


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def revisions(pattern: str) -> list[bytes]:
    """Read the saves of a song, oldest first."""
    paths = sorted(SESSIONS.glob(pattern))
    assert paths
    return [
        gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in paths
    ]


def save(keyed: Keyed, name: str, number: int, data: bytes) -> None:
    path = keyed.room.folder / name
    path.write_bytes(data)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + number * 1_000_000))
    keyed.room.look()


def verdicts(keyed: Keyed) -> set[str]:
    with opened(keyed.room.home) as log, from_vault(log, keyed.keys) as source:
        return {one.state.value for one in replay(log, keyed.room.work.id, (), source)}


@pytest.mark.parametrize(
    ("name", "pattern", "most", "share"),
    [
        ("Song.ardour", "ardour/with-you/*.ardour.gz", 8, 40),
        ("Song.rpp", "rpp/vapors_track2/*.rpp", 4, 8),
        ("Song.mmpz", "lmms/Oglsdl-PpTrip/*.mmpz", 4, 1.5),
        ("Song.als", "als/ableton-experiment/*.als.gz", 3, 40),
    ],
)
def test_real_saves_are_kept_small_and_replayed_alike(
    keyed: Keyed, name: str, pattern: str, most: int, share: float
) -> None:
    for number, data in enumerate(revisions(pattern)[:most]):
        save(keyed, name, number, data)
    assert keyed.room.actions().count("session.saved") >= 1
    with opened(keyed.room.home) as log:
        [size] = vault_sizes(log)
    assert size.stored * share < size.bytes
    assert verdicts(keyed) == {"reproduced"}


def test_live_s_backups_tell_the_decisions_before_the_first_look(keyed: Keyed) -> None:
    first, second, third = revisions("als/ableton-experiment/*.als.gz")
    (keyed.room.folder / "Backup").mkdir()
    for day, data in ((1, first), (2, second)):
        name = f"Song [2024-05-0{day} 120000].als"
        (keyed.room.folder / "Backup" / name).write_bytes(data)
    save(keyed, "Song.als", 1, third)
    past = [event for event in keyed.room.events() if event.action == "session.past"]
    assert [event.body["claimed_time"] for event in past] == [
        "2024-05-01T12:00:00",
        "2024-05-02T12:00:00",
    ]
    decided = [event for event in keyed.room.events() if event.action.startswith("decision.")]
    assert {event.header.class_ for event in decided} == {"unknown"}
    texts = [event.body["text"] for event in decided]
    assert sum(text.startswith("1-Kit-Core Chromatone: 16 notes added") for text in texts) == 1
    assert verdicts(keyed) == {"reproduced"}
