"""What nodes say of a log's slot now: newer anchors, ends, impossible heads, former accounts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

import pytest
from tests.verify.altering import judge
from tests.verify.madeup_chain import CONTRACT, MadeUpChain, Node, Order
from tests.verify.studio import OWN, Person, Scene, Studio, make_scene

from stemproof.errors import Unavailable
from stemproof.evidence import ethsig
from stemproof.evidence.accumulator import ACC_BITS, MAX_SIZE, Step
from stemproof.evidence.chain import head_slot
from stemproof.evidence.slot import SlotHistory, SlotView
from stemproof.keys.rotation import make_rotation
from stemproof.seal import ed25519
from stemproof.verify.bundle import Verdict
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State

LATER = Person.called("artist, later")
THIEF = Person.called("thief")


@dataclass
class SlotNode:
    """A node of a made-up chain that shows its slots; `words` are what it lies about."""

    name: str
    chain: MadeUpChain
    words: dict[bytes, int] = field(default_factory=dict)
    histories: dict[bytes, SlotHistory] = field(default_factory=dict)
    number: int | None = None

    def block_hash(self, chain_id: int, number: int) -> bytes | None:
        """Give a block."""
        return self.chain.hashes[number]

    def slot_now(self, chain_id: int, contract: bytes, slot: bytes, not_before: int) -> SlotView:
        """Show the slot at the newest block."""
        number = len(self.chain.hashes) - 1 if self.number is None else self.number
        word = self.words.get(slot, self.chain.slots.get(slot, 0))
        return SlotView(number, self.chain.hashes[number], word, True)

    def slot_history(
        self, chain_id: int, contract: bytes, publisher: bytes, origin_id: bytes, near: int
    ) -> SlotHistory | None:
        """Show the last anchor that the test noted."""
        return self.histories.get(head_slot(publisher, origin_id))


@dataclass
class DeafNode(SlotNode):
    """A node that knows blocks and shows no state."""

    def slot_now(self, chain_id: int, contract: bytes, slot: bytes, not_before: int) -> SlotView:
        """Fail."""
        raise Unavailable(f"{self.name} refuses eth_getProof")


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def slot_of(studio: Studio, person: Person | None = None) -> bytes:
    account = (person or studio.person).account
    return head_slot(account, hashlib.sha256(studio.origin.encode()).digest())


def ended(word: int) -> int:
    return word | MAX_SIZE << ACC_BITS


def ask(scene: Scene, *nodes: object, needed: int = 1, typed: bool = False) -> Verdict:
    blocks = scene.trust.blocks if typed else frozenset()
    trust = Trust({1: frozenset({CONTRACT})}, blocks=blocks, needed=needed, sources=nodes)  # type: ignore[arg-type]  # nodes of two kinds
    return judge(scene.data, trust)


def line(verdict: Verdict, name: str) -> tuple[State, str]:
    ((state, says),) = [
        (each.state, each.says) for each in verdict.checks.lines if each.name == name
    ]
    return state, says


def test_a_node_that_knows_no_slots_is_asked_for_none(scene: Scene) -> None:
    verdict = ask(scene, Node("plain", lambda chain_id, number: scene.chain.hashes[number]))
    assert verdict.state is State.VERIFIED
    assert "log on chain" not in {each.name for each in verdict.checks.lines}


def test_the_newest_bundle_is_said_to_be_the_newest(scene: Scene) -> None:
    scene.chain.mine(5)
    verdict = ask(scene, SlotNode("one", scene.chain))
    assert verdict.state is State.VERIFIED
    state, says = line(verdict, "log on chain")
    assert state is State.NOTE
    assert says == "its newest anchor is the one in this bundle (block 8, one)"


def test_an_old_bundle_is_verified_and_said_to_be_old(scene: Scene) -> None:
    shown = scene.studio.size
    scene.studio.decide()
    scene.studio.anchor(scene.chain)
    verdict = ask(scene, SlotNode("one", scene.chain))
    assert verdict.state is State.VERIFIED
    _, says = line(verdict, "log on chain")
    assert f"goes on to {shown + 1} events, beyond this bundle's {shown}" in says


@pytest.mark.parametrize("is_later", [False, True])
def test_an_ended_log_is_verified_and_said_to_be_ended(scene: Scene, is_later: bool) -> None:
    if is_later:
        scene.studio.decide()
        scene.studio.anchor(scene.chain)
    slot = slot_of(scene.studio)
    scene.chain.slots[slot] = ended(scene.chain.slots[slot])
    scene.chain.mine()
    verdict = ask(scene, SlotNode("one", scene.chain))
    assert verdict.state is State.VERIFIED
    _, says = line(verdict, "log on chain")
    where = "after anchors not shown here" if is_later else "after the newest anchor in this bundle"
    assert says.startswith(f"ended by its publisher {where}")


@pytest.mark.parametrize("change", [-(1 << ACC_BITS), 1, "zero"])
def test_a_head_that_cannot_follow_refutes_unless_the_verifier_typed_the_block(
    scene: Scene, change: int | str
) -> None:
    slot = slot_of(scene.studio)
    now = scene.chain.slots[slot]
    scene.chain.mine()
    liar = SlotNode("one", scene.chain, {slot: 0 if isinstance(change, str) else now + change})
    verdict = ask(scene, liar)
    assert verdict.state is State.REFUTED
    assert "a log only grows" in line(verdict, "log on chain")[1]
    verdict = ask(scene, liar, typed=True)
    assert verdict.state is State.UNDECIDED
    # Two of three say otherwise: the dissent is named and decides nothing.
    honest = [SlotNode(name, scene.chain) for name in ("two", "three")]
    verdict = ask(scene, liar, *honest, needed=2)
    assert verdict.state is State.VERIFIED
    state, says = line(verdict, "log on chain")
    assert state is State.NOTE and "newest anchor" in says and "but one shows" in says
    # One of three cannot outvote two.
    liars = [replace(liar, name=name) for name in ("one", "two")]
    verdict = ask(scene, *liars, honest[1], needed=2)
    assert verdict.state is State.REFUTED


@pytest.mark.parametrize(("honest", "liars", "needed"), [(1, 1, 2), (2, 1, 3), (1, 2, 3)])
def test_fewer_nodes_than_could_confirm_a_slot_leave_it_undecided(
    scene: Scene, honest: int, liars: int, needed: int
) -> None:
    scene.chain.mine()
    lie = {slot_of(scene.studio): 5 << ACC_BITS}
    nodes = [SlotNode(f"true {place}", scene.chain) for place in range(honest)]
    nodes += [SlotNode(f"liar {place}", scene.chain, lie) for place in range(liars)]
    verdict = ask(scene, *nodes, needed=needed)
    assert verdict.state is State.UNDECIDED
    state, says = line(verdict, "log on chain")
    assert state is State.UNDECIDED and f"({liars} of {needed} needed nodes)" in says
    assert not verdict.brackets[0].is_confirmed


def test_silent_and_late_nodes_leave_a_note_and_no_doubt(scene: Scene) -> None:
    scene.chain.mine()
    late = SlotNode("late", scene.chain, number=1)
    deaf = DeafNode("deaf", scene.chain)
    verdict = ask(scene, late, deaf)
    assert verdict.state is State.VERIFIED
    state, says = line(verdict, "log on chain")
    assert state is State.NOTE
    assert "0 of 1 needed nodes" in says
    assert "late is at block 1, before the anchor" in says and "deaf refuses" in says


def test_more_nodes_must_show_what_is_said_to_be_there(scene: Scene) -> None:
    slot = slot_of(scene.studio)
    word = scene.chain.slots[slot]
    scene.chain.mine()
    far = SlotNode("far", scene.chain, {slot: word + (7 << ACC_BITS)})
    further = SlotNode("further", scene.chain, {slot: ended(word)})
    near = SlotNode("near", scene.chain)
    _, says = line(ask(scene, far, further, near, needed=2), "log on chain")
    assert "goes on to" in says and "far, further" in says
    _, says = line(ask(scene, far, further, near, needed=3), "log on chain")
    assert "newest anchor is the one in this bundle" in says


# Former accounts.


@dataclass
class Rotated:
    """A log whose keys were replaced, and the node that shows both slots."""

    studio: Studio
    chain: MadeUpChain
    node: SlotNode
    former: Person

    def judge(self) -> Verdict:
        """Ask the node about a bundle of the log as it is."""
        data = self.studio.sealed(self.studio.bundle())
        trust = Trust({1: frozenset({CONTRACT})}, sources=(self.node,))
        return judge(data, trust)

    def end(self, *, at: Step | None = None, prior: int = 0) -> None:
        """End the former slot, and show its last anchor."""
        slot = slot_of(self.studio, self.former)
        if at is not None:
            self.node.histories[slot] = SlotHistory(prior, at, 99)
        self.chain.slots[slot] = ended(self.chain.slots[slot])
        self.chain.mine()

    def anchor_as_former(self, size: int, root: bytes) -> tuple[int, Step]:
        """Anchor under the former account; give the head before, and the step."""
        key = hashlib.sha256(self.studio.origin.encode()).digest()
        prior = self.chain.head_of(self.former.account, key)
        mined = self.chain.anchor(Order(self.former.account, key, size, root))
        return prior, Step(size, root, mined.number, mined.time, mined.parent_hash)


def rotated(successor: Person, recovery_seed: bytes | None = None) -> Rotated:
    chain = MadeUpChain()
    digest = b"recovery" if recovery_seed is None else ed25519.public_of(recovery_seed)
    studio = Studio(recovery=hashlib.sha256(digest).digest())
    former = studio.person
    studio.decide()
    studio.anchor(chain)
    if recovery_seed is None:
        studio.rotate(successor)
    else:
        body = make_rotation(
            studio.holder,
            authority_seed=recovery_seed,
            identity_seed=successor.seed,
            account_key=successor.account_key,
        )
        studio.say("key.rotate", {"body": body}, work=OWN, show=("body",))
        account = ethsig.Address(successor.account)
        studio.holder = replace(
            studio.holder, number=1, identity_key=successor.identity, account=account
        )
        studio.person, studio.heads = successor, []
    studio.anchor(chain)
    return Rotated(studio, chain, SlotNode("one", chain), former)


def handed_over(of: Rotated) -> tuple[int, Step]:
    """Let the former account anchor what the new one begins with."""
    return of.anchor_as_former(of.studio.size, of.studio.roots[-1])


def test_a_former_account_that_ended_at_the_new_ones_checkpoint_shows_who_follows() -> None:
    log = rotated(LATER)
    prior, step = handed_over(log)
    log.end(at=step, prior=prior)
    verdict = log.judge()
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    state, says = line(verdict, "former account")
    assert state is State.VERIFIED
    assert "ended it in block 99" in says and "nobody else can follow it" in says


def test_a_thief_of_the_former_keys_cannot_pass_where_the_owner_handed_over() -> None:
    log = rotated(THIEF)
    # The owner's own checkpoint, of a log that the thief does not show.
    prior, step = log.anchor_as_former(log.studio.size + 3, b"\x0a" * 32)
    log.end(at=step, prior=prior)
    verdict = log.judge()
    assert verdict.state is State.UNDECIDED
    state, says = line(verdict, "former account")
    assert state is State.UNDECIDED
    assert "not in this bundle" in says and "others may" in says


def test_a_history_that_does_not_lead_to_the_slot_is_not_believed() -> None:
    log = rotated(THIEF)
    log.anchor_as_former(log.studio.size + 3, b"\x0a" * 32)
    lie = Step(log.studio.size, log.studio.roots[-1], 2, 1_800_000_024, b"\x01" * 32)
    log.end(at=lie)
    state, says = line(log.judge(), "former account")
    assert state is State.NOTE and "was not found out" in says


def test_keys_that_the_recovery_key_put_in_place_stand_whatever_the_former_account_did() -> None:
    log = rotated(LATER, recovery_seed=b"\x05" * 32)
    prior, step = log.anchor_as_former(log.studio.size + 3, b"\x0a" * 32)
    log.end(at=step, prior=prior)
    verdict = log.judge()
    assert verdict.state is State.VERIFIED
    state, says = line(verdict, "former account")
    assert state is State.NOTE and "by the recovery key" in says


def test_a_former_slot_that_goes_on_is_told_and_one_used_after_the_rotation_is_a_doubt() -> None:
    log = rotated(LATER)
    verdict = log.judge()
    assert verdict.state is State.VERIFIED
    assert "did not end it on chain" in line(verdict, "former account")[1]
    log.anchor_as_former(log.studio.size + 3, b"\x0a" * 32)
    verdict = log.judge()
    assert verdict.state is State.UNDECIDED
    assert "used after they were replaced" in line(verdict, "former account")[1]


def test_a_former_account_that_never_anchored_here_is_said_to_be_unknown_elsewhere() -> None:
    log = rotated(LATER)
    log.chain.slots[slot_of(log.studio, log.former)] = 0
    state, says = line(log.judge(), "former account")
    assert state is State.NOTE and "other chains were not asked" in says


def test_of_two_former_accounts_the_last_one_is_compared() -> None:
    log = rotated(LATER)
    log.studio.rotate(Person.called("artist, at last"))
    log.studio.anchor(log.chain)
    verdict = log.judge()
    assert verdict.state is State.VERIFIED
    lines = [each.says for each in verdict.checks.lines if each.name == "former account"]
    assert len(lines) == 2
