"""SIGKILL at any point of anchor, claim, pin and watch: nothing acknowledged is lost, nothing half.

A command is run once to count the points at which it touches a file, a database or a socket; then
it is killed just before some of them, drawn at random, and at random times besides.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.acts.room import read_events, wait_until
from tests.cli.transcript import environment
from tests.faults.ledger import FIXTURES, PASSPHRASE, Desk, heads, pinned_cids
from tests.faults.spawner import Ended, Spawner

from stemproof.acts.home import opened
from stemproof.claim.bundle import parse_bundle
from stemproof.content.cid import parse_cid
from stemproof.pin import node
from stemproof.pin.ipfs import IpfsNode

pytestmark = pytest.mark.chain


class Rounds:
    """Kills of one command on one desk, and what must hold after each."""

    def __init__(self, spawner: Spawner, desk: Desk, arguments: list[str], seed: int) -> None:
        self._spawner = spawner
        self._desk = desk
        self._arguments = arguments
        self._chance = random.Random(seed)
        self._before: list[bytes] = []
        self.whole = self._run()
        self.killed = 0

    def _run(self, die_at: int = 0, kill_after_s: float | None = None) -> Ended:
        return self._spawner.run(
            self._desk, *self._arguments, die_at=die_at, kill_after_s=kill_after_s
        )

    def kill(self, number: int) -> Ended:
        """Kill the command: at a point in even rounds, after a time in odd ones."""
        with opened(self._desk.home) as log:
            self._before = heads(log)
        if number % 2:
            ended = self._run(kill_after_s=self._chance.uniform(0, self.whole.seconds))
        else:
            ended = self._run(die_at=self._chance.randint(1, self.whole.points))
        self.killed += ended.was_killed
        assert self._desk.wrong() == []
        with opened(self._desk.home) as log:
            assert heads(log)[: len(self._before)] == self._before
        return ended

    def again(self) -> Ended:
        """Run the command once more: it succeeds, and clears away what the kill left."""
        ended = self._run()
        assert (ended.code, self._desk.wrong()) == (0, []), ended.err
        assert self._desk.left_behind() == []
        return ended


def kill_anchors(spawner: Spawner, desk: Desk, rounds: int, seed: int) -> None:
    """Kill `anchor` at many points; each checkpoint is sent once and ends as final."""
    again = Rounds(spawner, desk, ["anchor"], seed)
    for number in range(rounds):
        desk.note(f"before kill {number}")
        again.kill(number)
        again.again()
        anchors = desk.anchors()
        assert [anchor.state for anchor in anchors] == ["final"] * len(anchors)
        assert len({anchor.size for anchor in anchors}) == len(anchors)
        assert desk.sent() == len(anchors)
        with opened(desk.home) as log:
            assert anchors[-1].size == log.size
        assert all(anchor.evidence for anchor in anchors)
    assert again.killed > rounds // 2


def test_a_killed_anchor_is_resumed_and_never_sent_twice(spawner: Spawner, desk: Desk) -> None:
    kill_anchors(spawner, desk, rounds=8, seed=1)


@pytest.mark.deep
def test_an_anchor_killed_a_hundred_times_is_resumed(spawner: Spawner, desk: Desk) -> None:
    kill_anchors(spawner, desk, rounds=100, seed=1001)


def kill_claims(spawner: Spawner, desk: Desk, rounds: int, seed: int) -> None:
    """Kill `claim make` at many points; the bundle is whole or as it was."""
    assert spawner.run(desk, "anchor").code == 0
    bundle = desk.out / "song.stemproof"
    again = Rounds(spawner, desk, ["claim", "make", "--out", str(bundle)], seed)
    for number in range(rounds):
        before = bundle.read_bytes()
        ended = again.kill(number)
        assert bundle.read_bytes() == before or parse_bundle(bundle.read_bytes())
        made = desk.actions().count("claim.made")
        again.again()
        assert desk.actions().count("claim.made") == made + 1
        parse_bundle(bundle.read_bytes())
        if not ended.was_killed:
            assert ended.code == 0
    assert again.killed > rounds // 2
    rpc = desk.chain.rpc_url
    assert spawner.run(desk, "verify", str(bundle), "--rpc", rpc).code == 0


def test_a_killed_claim_leaves_a_whole_bundle_or_none(spawner: Spawner, desk: Desk) -> None:
    kill_claims(spawner, desk, rounds=8, seed=2)


@pytest.mark.deep
def test_a_claim_killed_a_hundred_times_is_whole(spawner: Spawner, desk: Desk) -> None:
    kill_claims(spawner, desk, rounds=100, seed=2002)


def kill_pins(spawner: Spawner, desk: Desk, rounds: int, seed: int) -> None:
    """Kill `pin add` at many points; what the log says is pinned, is held by the node."""
    stem = desk.song / "stems" / "bass.wav"
    again = Rounds(spawner, desk, ["pin", "add", str(stem)], seed)
    for number in range(rounds):
        again.kill(number)
        again.again()
        running = node.status(desk.home.blocks)
        assert running is not None
        holder = IpfsNode(f"http://{node.LOOPBACK}:{running.api_port}")
        cids = pinned_cids(desk)
        assert all(holder.has(parse_cid(cid)) for cid in cids[-3:])
        with opened(desk.home) as log:
            assert {row[0] for row in log.fetch_all("pins")} == set(cids)
        assert list((desk.out / "temporary").iterdir()) == []
    assert again.killed > rounds // 2


def test_a_killed_pin_is_not_recorded_unless_it_is_held(spawner: Spawner, desk: Desk) -> None:
    kill_pins(spawner, desk, rounds=8, seed=3)


@pytest.mark.deep
def test_a_pin_killed_a_hundred_times_is_not_recorded_unless_held(
    spawner: Spawner, desk: Desk
) -> None:
    kill_pins(spawner, desk, rounds=100, seed=3003)


def kill_watches(desk: Desk, rounds: int, seed: int) -> None:
    """Kill `watch` while saves arrive; whatever it said is in the log, the rest comes later."""
    chance = random.Random(seed)
    saves = [
        FIXTURES / name / "after.rpp"
        for name in ("track_volume", "track_pan", "track_muted_and_soloed")
    ]
    session = desk.song / "Mix.rpp"
    for number in range(rounds):
        with opened(desk.home) as log:
            before = heads(log)
        watch = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "stemproof_cli",
                "--home",
                str(desk.home.path),
                "watch",
                "--json",
            ],
            env={**environment(desk.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        _wait_until_it_watches(desk, len(before))
        end = time.monotonic() + chance.uniform(0.3, 2.5)
        place = number
        while time.monotonic() < end:
            beside = desk.song / "Mix.rpp~"
            shutil.copyfile(saves[place % len(saves)], beside)
            os.replace(beside, session)
            place += 1
            time.sleep(chance.uniform(0.05, 0.9))
        watch.send_signal(signal.SIGKILL)
        said, talked = watch.communicate(timeout=20)
        assert talked == ""
        lines = [json.loads(line) for line in said.splitlines() if line.endswith("}")]
        assert desk.wrong() == []
        with opened(desk.home) as log:
            assert heads(log)[: len(before)] == before
            since = read_events(log)[len(before) :]
        told = sum(line["file"] == "Mix.rpp" and not line["problem"] for line in lines)
        if told:
            assert any(event.action.startswith("session.") for event in since)


def _wait_until_it_watches(desk: Desk, since: int) -> None:
    wait_until(lambda: "watch.open" in desk.actions()[since:])


def test_a_killed_watch_has_recorded_what_it_said(spawner: Spawner, desk: Desk) -> None:
    kill_watches(desk, rounds=4, seed=4)
    ended = spawner.run(desk, "watch", "--once")
    assert ended.code == 0, ended.err
    assert spawner.run(desk, "watch", "--once").err == "nothing new\n"
    assert desk.wrong() == []
    assert desk.left_behind() == []


@pytest.mark.deep
def test_a_watch_killed_forty_times_has_recorded_what_it_said(spawner: Spawner, desk: Desk) -> None:
    kill_watches(desk, rounds=40, seed=4004)
    assert spawner.run(desk, "watch", "--once").code == 0
    assert desk.left_behind() == []


def test_the_plain_command_killed_at_a_random_time_is_resumed(spawner: Spawner, desk: Desk) -> None:
    chance = random.Random(5)
    for number in range(3):
        desk.note(f"before kill {number}")
        reading, writing = os.pipe()
        os.write(writing, PASSPHRASE.encode() + b"\n")
        os.close(writing)
        command = [sys.executable, "-m", "stemproof_cli", "--home", str(desk.home.path)]
        process = subprocess.Popen(
            [*command, "--passphrase-fd", str(reading), "anchor"],
            env={**environment(desk.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(reading,),
        )
        os.close(reading)
        time.sleep(chance.uniform(1.0, 4.0))
        process.kill()
        process.wait(timeout=20)
        assert desk.wrong() == []
    assert spawner.run(desk, "anchor").code == 0
    anchors = desk.anchors()
    assert {anchor.state for anchor in anchors} == {"final"}
    assert desk.sent() == len(anchors)


def test_a_bundle_is_not_left_half_when_the_kill_falls_into_its_writing(
    spawner: Spawner, desk: Desk
) -> None:
    assert spawner.run(desk, "anchor").code == 0
    target = desk.out / "song.stemproof"
    make = ["claim", "make", "--out", str(target)]
    last = spawner.run(desk, *make).points
    target.unlink()
    # The last points are the writing: opened, written, synced, moved, its folder synced.
    for die_at in range(last - 12, last + 1):
        spawner.run(desk, *make, die_at=die_at)
        if target.exists():
            parse_bundle(target.read_bytes())
    assert spawner.run(desk, *make).code == 0
    assert desk.left_behind() == []


def test_a_file_of_this_folder_is_no_part(tmp_path: Path) -> None:
    """The look for half files finds one: else the tests above would prove nothing."""
    (tmp_path / ".song.stemproof.x.part").write_bytes(b"half")
    desk = Desk.__new__(Desk)
    object.__setattr__(desk, "folder", tmp_path)
    assert [path.name for path in desk.left_behind()] == [".song.stemproof.x.part"]
