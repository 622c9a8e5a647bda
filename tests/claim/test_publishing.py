"""A claim is published: its bundle for everybody, and its masters in an index on a real chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.keys.story import Begun, the_work, verify
from web3 import Web3

from stemproof.acts import publishing
from stemproof.acts.anchoring import connect
from stemproof.acts.anchors import list_anchors
from stemproof.acts.claiming import find_claim
from stemproof.acts.following import refresh
from stemproof.acts.home import now, opened
from stemproof.acts.pinning import OWN_NODE, Keeper, list_pins, open_node, pin_file
from stemproof.acts.sound import file_cid
from stemproof.anchor.contract import address_of, load_artifact
from stemproof.anchor.evm import Chain
from stemproof.anchor.problems import FeeTooHigh
from stemproof.anchor.publish import Intent
from stemproof.claim.claim import parse_claim
from stemproof.claim.publication import (
    format_commit_data,
    parse_commit_data,
    parse_publication,
)
from stemproof.content.cid import parse_cid
from stemproof.errors import BadInput
from stemproof.evidence.ethsig import format_address
from stemproof.log.store import Log
from stemproof.pin import node
from stemproof.record.event import parse_header
from stemproof.testnet.deploy import mine
from stemproof.testnet.rpc import call_local
from stemproof.verify.verdict import State


@dataclass(frozen=True, slots=True)
class Desk:
    """An artist at work: the ledger is open, a chain and an IPFS node run."""

    begun: Begun
    log: Log
    chain: Chain
    keeper: Keeper

    def press(self) -> publishing.Press:
        """Take the newest claim to be published."""
        signed = find_claim(self.log, the_work(self.begun.home).id)
        assert signed is not None
        home, keys = self.begun.home, self.begun.keys
        return publishing.Press(home, self.log, self.chain, keys, the_work(home), signed)

    def publish(self) -> publishing.Published:
        """Publish the newest claim and wait for its block."""
        press = self.press()
        kept = publishing.publish_now(press, self.keeper, lambda _: True)
        assert kept is not None
        done = publishing.follow_publication(self.log, self.chain, kept, now(), timeout_s=20)
        assert done is not None
        return done

    def commits(self, cid: str) -> list[tuple[str, str]]:
        """Ask the chain, as any indexer does, what was said about a CID, and by whom."""
        web3 = Web3(self.chain.node.provider)
        where = Web3.to_checksum_address(format_address(address_of("Commits")))
        index = web3.eth.contract(address=where, abi=load_artifact("Commits").abi)
        topics = [Web3.keccak(text="Commit(address,string,string)"), None, Web3.keccak(text=cid)]
        logs = web3.eth.get_logs({"fromBlock": 0, "address": where, "topics": topics})
        found = [index.events.Commit().process_log(entry) for entry in logs]
        return [(event.args.recorder, event.args.commitData) for event in found]

    def actions(self) -> list[str]:
        """List what was recorded of the song."""
        [tree] = [
            row[0] for row in self.log.fetch_all("trees_of_work", the_work(self.begun.home).id)
        ]
        return [
            parse_header(data).action
            for data in self.log.headers(tree, 0, self.log.tree_size(tree))
        ]


@pytest.fixture(scope="module")
def keeper(begun: Begun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keeper]:
    """A node of our own that keeps what is published."""
    folder = tmp_path_factory.mktemp("node")
    running = node.start(node.NodeConfig(folder, api_port=0, gateway_port=0))
    with opened(begun.home) as log:
        named = open_node(begun.home, log, f"http://127.0.0.1:{running.api_port}")
        # On a rehearsal chain nothing goes to a node that others ask.
        yield Keeper(named.backend, OWN_NODE)
    node.stop(folder)


@pytest.fixture
def desk(begun: Begun, keeper: Keeper) -> Iterator[Desk]:
    """The ledger and its chain, with the index on it."""
    with opened(begun.home) as log:
        chain = connect(begun.home, log, chain="31337", rpc=begun.story.net.rpc_url)
        yield Desk(begun, log, chain, keeper)


def _claim(desk: Desk) -> None:
    desk.begun.story.claim(desk.begun.home, desk.begun.keys)


def _finish(desk: Desk) -> None:
    desk.begun.story.anchor(desk.begun.home, desk.begun.keys)
    mine(desk.begun.story.net, 3)
    refresh(desk.log, desk.chain)


def test_nothing_is_published_before_the_claims_own_anchor_is_final(desk: Desk) -> None:
    _claim(desk)
    press = desk.press()
    mine(desk.begun.story.net, 3)
    refresh(desk.log, desk.chain)
    # Final is only the anchor from before the claim.
    with pytest.raises(BadInput, match="not final on this chain yet") as refusal:
        publishing.check_publishable(desk.log, press.work, press.signed, 31337)
    assert "stemproof anchor --final" in str(refusal.value.hint)
    desk.begun.story.anchor(desk.begun.home, desk.begun.keys)
    with pytest.raises(BadInput, match="not final on this chain yet"):
        publishing.check_publishable(desk.log, press.work, press.signed, 31337)
    mine(desk.begun.story.net, 3)
    refresh(desk.log, desk.chain)
    publishing.check_publishable(desk.log, press.work, press.signed, 31337)


def test_what_is_final_elsewhere_is_not_final_here(desk: Desk) -> None:
    press = desk.press()
    with pytest.raises(BadInput, match="not final on this chain yet"):
        publishing.check_publishable(desk.log, press.work, press.signed, 11155111)


def test_in_clear_go_only_files_of_the_final_record(desk: Desk, tmp_path: Path) -> None:
    master = next(iter(sorted(desk.begun.story.song.rglob("*aster*.wav"))))
    work, elsewhere = the_work(desk.begun.home), Keeper(desk.keeper.backend, "http://elsewhere")
    with pytest.raises(BadInput, match="a rehearsal dates nothing"):
        pin_file(desk.log, work, elsewhere, master, None, now())
    other = tmp_path / "unreleased.wav"
    other.write_bytes(master.read_bytes() + b"x")
    with pytest.raises(BadInput, match="not in the final record"):
        pin_file(desk.log, work, desk.keeper, other, None, now())
    assert pin_file(desk.log, work, desk.keeper, master, None, now()).cid == file_cid(master)


def test_the_index_is_put_on_a_chain_once(desk: Desk) -> None:
    asked: list[int] = []

    def agree(intent: Intent) -> bool:
        asked.append(intent.cost_wei)
        return len(asked) == 2

    assert publishing.needs_contract(desk.chain)
    assert not publishing.deploy_index(desk.press(), agree, timeout_s=5)
    with pytest.raises(FeeTooHigh):
        publishing.deploy_index(desk.press(), agree, timeout_s=5, cap_wei=1)
    assert publishing.needs_contract(desk.chain)
    assert publishing.deploy_index(desk.press(), agree, timeout_s=20)
    assert not publishing.needs_contract(desk.chain)
    assert min(asked) > 0


def test_who_has_the_master_finds_the_claim_and_verifies_it(desk: Desk, tmp_path: Path) -> None:
    done = desk.publish()
    masters = sorted(desk.begun.story.song.rglob("*aster*.wav"))
    assert [file_cid(path) for path in masters] == list(done.masters)
    [(recorder, said)] = desk.commits(done.masters[0])
    assert recorder == desk.begun.keys.account_address
    commit = parse_commit_data(said)
    # From here on a stranger goes on alone: CIDs and bytes.
    public = desk.keeper.backend.get_block(parse_cid(commit.publication))
    publication = parse_publication(public)
    assert hashlib.sha256(publication.signed.claim).digest() == commit.claim
    assert parse_claim(publication.signed.claim).title == "Song"
    bundle = desk.keeper.backend.get_block(parse_cid(publication.bundle.cid))
    assert (len(bundle), hashlib.sha256(bundle).digest()) == (
        publication.bundle.size,
        publication.bundle.sha256,
    )
    verdict = verify(bundle, *list_anchors(desk.log))
    assert verdict.state is State.VERIFIED
    assert desk.actions().count("claim.published") == 1
    assert {pin.cid for pin in list_pins(desk.log)} >= {done.publication, done.bundle}


def test_a_claim_that_was_published_is_found_again(desk: Desk) -> None:
    found = publishing.find_publication(desk.log, desk.press().signed, desk.chain)
    assert found is not None
    again = publishing.follow_publication(desk.log, desk.chain, found, now(), timeout_s=5)
    assert again == found
    assert desk.actions().count("claim.published") == 1


def test_what_the_chain_lost_is_sent_again_and_recorded_once(desk: Desk) -> None:
    _claim(desk)
    _finish(desk)
    port = desk.begun.story.net.port
    before = call_local(port, "evm_snapshot")
    done = desk.publish()
    assert call_local(port, "evm_revert", before) is True
    assert desk.commits(done.masters[0])[-1][1] != _said(done)
    again = publishing.follow_publication(desk.log, desk.chain, done, now(), timeout_s=20)
    assert again is not None
    assert again.block is not None
    assert desk.commits(done.masters[0])[-1][1] == _said(done)
    assert desk.actions().count("claim.published") == 2


def _said(done: publishing.Published) -> str:
    return json.dumps(
        {
            "claim": done.claim,
            "kind": "stemproof.claim",
            "publication": done.publication,
            "v": 0,
        },
        separators=(",", ":"),
    )


def test_what_costs_more_than_the_cap_is_neither_pinned_nor_sent(desk: Desk) -> None:
    pins = len(list_pins(desk.log))
    with pytest.raises(FeeTooHigh):
        publishing.publish_now(desk.press(), desk.keeper, lambda _: True, cap_wei=1)
    assert publishing.publish_now(desk.press(), desk.keeper, lambda _: False) is None
    assert len(list_pins(desk.log)) == pins
    assert not (desk.begun.home.path / "publishing").exists()


def test_many_masters_are_told_in_one_transaction(desk: Desk) -> None:
    from stemproof.anchor.follow import wait_until_mined
    from stemproof.anchor.publish import prepare_call, send

    cids = tuple(file_cid(path) for path in sorted(desk.begun.story.song.rglob("*.wav")))[:2]
    data = publishing.commit_calldata(desk.chain, cids, "about two")
    key = desk.begun.keys.account_key
    intent = prepare_call(desk.chain, key, address_of("Commits"), data)
    send(desk.chain, intent.raw)
    wait_until_mined(desk.chain, intent.raw, timeout_s=20)
    assert [desk.commits(cid)[-1][1] for cid in cids] == ["about two"] * len(cids)


def test_a_publication_names_its_claim(desk: Desk) -> None:
    found = publishing.publications(desk.log)[0]
    public = desk.keeper.backend.get_block(parse_cid(found.publication))
    said = parse_commit_data(format_commit_data(public, found.publication))
    assert (said.claim.hex(), said.publication) == (found.claim, found.publication)
