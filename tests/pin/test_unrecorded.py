"""A pin whose upload ended and whose record did not: it is found again, never left nameless."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.typed import stemproof

from stemproof.acts.begin import Work, add_work, find_work, make_ledger
from stemproof.acts.home import Home, now, opened
from stemproof.acts.pinning import (
    Keeper,
    finish_pins,
    list_pins,
    open_node,
    pin_file,
    release_identity,
    unfinished_pins,
)
from stemproof.content.cid import Cid
from stemproof.content.unixfs import Node, Profile
from stemproof.keys.ring import Keys
from stemproof.pin import node
from stemproof.pin.backend import Backend

PASSPHRASE = "correct horse battery staple"


class Killed(Exception):
    """The process ends here."""


class Ending:
    """A home of pins that is really there; the process ends before or after the upload."""

    def __init__(self, backend: Backend, *, after: bool) -> None:
        self._backend, self._after = backend, after
        self.name = backend.name

    def describe(self) -> str:
        return self._backend.describe()

    def add_file(self, path: Path, profile: Profile) -> Node:
        if self._after:
            self._backend.add_file(path, profile)
        raise Killed

    def add_car(self, car: Path) -> Cid:
        return self._backend.add_car(car)

    def has(self, root: Cid) -> bool:
        return self._backend.has(root)

    def get_block(self, cid: Cid) -> bytes:
        return self._backend.get_block(cid)

    def rm(self, root: Cid) -> None:
        self._backend.rm(root)


class Desk:
    """A ledger with one work, whose own node runs."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "ledger")
        self.keys: Keys = make_ledger(self.home, PASSPHRASE, now()).keys
        self.song = folder / "song"
        self.song.mkdir()
        self.stem = self.song / "lead.wav"
        self.stem.write_bytes(b"RIFF" + bytes(range(256)) * 64)
        add_work(self.home, self.song, "Song", now())

    def pin(self, keeper: Keeper) -> None:
        with opened(self.home) as log:
            pin_file(log, self.work, keeper, self.stem, self.keys.public.age_recipient, now())

    def keeper(self) -> Keeper:
        with opened(self.home) as log:
            return open_node(self.home, log, None)

    @property
    def work(self) -> Work:
        with opened(self.home) as log:
            return find_work(log, None)

    @property
    def pinned_actions(self) -> int:
        with opened(self.home) as log:
            return sum(b'"action":"pin.added"' in e.header for e in log.entries_after(-1, 1000))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    node.stop(found.home.blocks)


def test_an_upload_that_ended_is_recorded_at_the_next_pin(desk: Desk) -> None:
    keeper = desk.keeper()
    with pytest.raises(Killed):
        desk.pin(Keeper(Ending(keeper.backend, after=True), keeper.name))
    assert desk.pinned_actions == 0
    told = stemproof(desk.home.path, "pin", "status")
    assert "held; not recorded, the next `stemproof pin add` looks after it" in told.out
    with opened(desk.home) as log:
        (lost,) = unfinished_pins(log)
        (found,) = finish_pins(desk.home, log, now())
        assert found == lost
        assert list_pins(log) == [found]
        assert unfinished_pins(log) == finish_pins(desk.home, log, now()) == []
        # What opens this one file was not lost with the process.
        assert release_identity(found, desk.keys.age_identities).startswith("AGE-SECRET-KEY-")
    assert desk.pinned_actions == 1


def test_an_upload_that_never_ended_is_forgotten(desk: Desk) -> None:
    keeper = desk.keeper()
    with pytest.raises(Killed):
        desk.pin(Keeper(Ending(keeper.backend, after=False), keeper.name))
    with opened(desk.home) as log:
        assert len(unfinished_pins(log)) == 1
        assert finish_pins(desk.home, log, now()) == []
        assert unfinished_pins(log) == list_pins(log) == []


def test_while_its_node_is_down_it_is_kept_in_mind(desk: Desk) -> None:
    keeper = desk.keeper()
    with pytest.raises(Killed):
        desk.pin(Keeper(Ending(keeper.backend, after=True), keeper.name))
    node.stop(desk.home.blocks)
    with opened(desk.home) as log:
        assert finish_pins(desk.home, log, now()) == []
        assert len(unfinished_pins(log)) == 1
    desk.keeper()
    done = stemproof(desk.home.path, "pin", "add", str(desk.stem))
    assert done.code == 0
    assert "pinned before as" in done.err
    assert desk.pinned_actions == 2


def test_a_pin_is_fetched_under_its_name_and_nothing_is_written_over(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.pin(desk.keeper())
    with opened(desk.home) as log:
        (pinned,) = list_pins(log)
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)
    assert stemproof(desk.home.path, "pin", "fetch", pinned.cid).code == 0
    opening = ("pin", "fetch", pinned.cid, "--decrypt")
    assert stemproof(desk.home.path, *opening, passphrase_fd=PASSPHRASE).code == 0
    assert sorted(path.name for path in out.iterdir()) == ["lead.wav", "lead.wav.age"]
    assert (out / "lead.wav").read_bytes() == desk.stem.read_bytes()
    again = stemproof(desk.home.path, *opening)
    assert (again.code, "lead.wav exists already" in again.err) == (2, True)
    # A ledger that did not pin it knows no name for it.
    gateway = f"http://127.0.0.1:{_running(desk).gateway_port}"
    stranger = stemproof(tmp_path / "other", "pin", "fetch", pinned.cid, "--gateway", gateway)
    assert (stranger.code, (out / pinned.cid).exists()) == (0, True)


def _running(desk: Desk) -> node.NodeStatus:
    found = node.status(desk.home.blocks)
    assert found is not None
    return found
