"""A rehearsal chain whose state was deleted: its timestamps are lost, the record is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.typed import Answer, stemproof
from tests.keys.story import PASSPHRASE, Begun, verify
from tests.testnet.running import demand_anvil, running_testnet

from stemproof.acts.anchoring import connect
from stemproof.acts.anchors import LOST, Anchor, list_anchors
from stemproof.acts.claiming import choose_audio
from stemproof.acts.following import refresh
from stemproof.acts.home import Home, opened
from stemproof.acts.standing import look_at
from stemproof.acts.vanished import count_lost
from stemproof.errors import BadInput
from stemproof.testnet.deploy import deploy_anchors, mine
from stemproof.verify.verdict import State

pytestmark = pytest.mark.chain


def _states(begun: Begun) -> list[str]:
    with opened(begun.home) as log:
        return [anchor.state for anchor in list_anchors(log)]


def _refresh(begun: Begun, rpc_url: str) -> list[Anchor]:
    with opened(begun.home) as log:
        return refresh(log, connect(begun.home, log, chain="31337", rpc=rpc_url))


@pytest.fixture(scope="module")
def final(begun: Begun) -> Begun:
    """Its one anchor is final."""
    begun.story.save(begun.home, 2)
    mine(begun.story.net, 3)
    _refresh(begun, begun.story.net.rpc_url)
    assert _states(begun) == ["final"]
    return begun


def test_on_another_chain_they_are_lost_and_on_their_own_they_are_found_again(
    final: Begun, tmp_path: Path
) -> None:
    own = final.story.net.rpc_url
    assert _refresh(final, own) == []
    with running_testnet(tmp_path / "other") as other:
        deploy_anchors(other)
        moved = _refresh(final, other.rpc_url)
        assert [anchor.state for anchor in moved] == [LOST]
        assert _refresh(final, other.rpc_url) == []
        standing = look_at(final.home)
        assert "1 anchor lost on a rehearsal chain that is no more" in standing.lines()
        assert standing.rows()[0][2] == "0"
        assert len(json.loads(json.dumps(standing.as_json()))["anchors_lost"]) == 1
        with opened(final.home) as log, pytest.raises(BadInput, match="nothing of this work"):
            choose_audio(log, standing.works[0].work, [], [])
        assert count_lost(final.home, other.rpc_url) == 1
    assert count_lost(final.home, own) == 0
    assert _states(final) == ["final"]


def test_all_is_timestamped_anew_on_a_new_chain_and_claimed(final: Begun, tmp_path: Path) -> None:
    with running_testnet(tmp_path / "new") as net:
        deploy_anchors(net)
        count = len(_refresh(final, net.rpc_url))
        assert count == 1
        anchor = type(final.story)(net, final.story.song).anchor(final.home, final.keys)
        assert (anchor.prior, _states(final)) == (0, [LOST, "anchored"])
        verdict = verify(final.story.claim(final.home, final.keys), anchor)
        assert verdict.state is State.VERIFIED
    # The chain of before comes back: what is on the other one is lost there.
    _refresh(final, final.story.net.rpc_url)
    assert _states(final) == ["final", LOST]


@pytest.fixture
def rehearsing(tmp_path: Path) -> Iterator[Path]:
    """A ledger with a local chain of its own, and a final anchor."""
    home = tmp_path / "ledger"
    (tmp_path / "song").mkdir()
    demand_anvil()
    try:
        assert stemproof(home, "init", passphrase_fd=PASSPHRASE).code == 0
        assert stemproof(home, "work", "add", str(tmp_path / "song")).code == 0
        assert _up(home).code == 0
        assert stemproof(home, "anchor", "--final", passphrase_fd=PASSPHRASE).code == 0
        yield home
    finally:
        stemproof(home, "testnet", "down")


def _up(home: Path) -> Answer:
    return stemproof(home, "testnet", "up", "--port", "0")


def test_a_chain_that_was_only_stopped_has_lost_nothing(rehearsing: Path) -> None:
    assert stemproof(rehearsing, "testnet", "down").code == 0
    assert not any("is gone" in need.text for need in look_at(Home(rehearsing)).needs())
    assert "lost" not in _up(rehearsing).err
    again = stemproof(rehearsing, "anchor", passphrase_fd=PASSPHRASE)
    assert (again.code, "lost" in again.err) == (0, False)
    assert "nothing new" in again.out


def test_deleted_state_is_told_by_status_testnet_and_anchor(rehearsing: Path) -> None:
    assert stemproof(rehearsing, "testnet", "down").code == 0
    shutil.rmtree(rehearsing / "testnet")
    assert "stemproof testnet up" in stemproof(rehearsing, "status").out
    up = _up(rehearsing)
    assert up.code == 0
    assert "1 timestamp is lost with a rehearsal chain that is no more" in up.err
    done = stemproof(rehearsing, "anchor", "--final", passphrase_fd=PASSPHRASE)
    assert (done.code, done.out.partition(":")[0]) == (0, "final"), done
    status = stemproof(rehearsing, "status").out
    assert "1 anchor lost on a rehearsal chain" in status
    assert "is gone" not in status
