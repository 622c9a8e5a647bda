"""Timestamps by themselves: when they are due, what they may cost, that nothing waits."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.acts.room import wait_until
from tests.cli.transcript import environment
from tests.faults.artist import Artist, open_artist
from tests.faults.ledger import FIXTURES, PASSPHRASE, Desk, start_apart
from tests.faults.spawner import Ended, Spawner
from tests.testnet.running import demand_anvil

from stemproof.acts.anchoring import Planned, plan_anchor, store
from stemproof.acts.automatic import (
    Due,
    LimitReached,
    act_if_due,
    find_due,
    limit_now,
    spent_since,
)
from stemproof.acts.begin import list_works
from stemproof.acts.delegating import Terms, allow_now
from stemproof.acts.home import now, opened
from stemproof.acts.observe import watch_facts
from stemproof.acts.policy import POLICY_SETTING, Policy, parse_every, put_policy, read_policy
from stemproof.errors import BadInput, Usage
from stemproof.evidence.ethsig import parse_address
from stemproof.keys.anchorkey import keep_in_clear, make_anchor_key
from stemproof.testnet import anvil
from stemproof.testnet.deploy import fund
from stemproof.testnet.rpc import call_local

pytestmark = pytest.mark.chain
HOUR = timedelta(hours=1)
DAILY = Policy(every=timedelta(days=1), events=None)
OFTEN = Policy(every=None, events=3)


@pytest.fixture
def artist(desk: Desk) -> Artist:
    return open_artist(desk)


def due(desk: Desk, policy: Policy | None, later: timedelta = timedelta(0)) -> Due:
    with opened(desk.home) as log:
        return find_due(log, policy, now() + later)


def test_what_is_new_is_due_by_its_number_or_by_its_age(artist: Artist) -> None:
    desk = artist.desk
    assert due(desk, DAILY) is Due.ANCHOR
    assert due(desk, None) is Due.NOTHING
    assert artist.anchor(artist.chain()) is not None
    # It is in a block and not final yet.
    assert due(desk, DAILY, 25 * HOUR) is Due.FOLLOW
    desk.note("one")
    desk.note("two")
    assert (due(desk, OFTEN), due(desk, DAILY, 23 * HOUR)) == (Due.FOLLOW, Due.FOLLOW)
    assert due(desk, DAILY, 25 * HOUR) is Due.ANCHOR
    desk.note("three")
    assert due(desk, OFTEN) is Due.ANCHOR
    # A clock that was set back a year puts nothing off for a year.
    assert due(desk, DAILY, -365 * 24 * HOUR) is Due.ANCHOR


def test_what_a_watch_says_of_itself_makes_nothing_due(artist: Artist) -> None:
    desk = artist.desk
    artist.anchor(artist.chain())
    with opened(desk.home) as log:
        for action in ("watch.open", "watch.beat", "watch.beat", "watch.close"):
            watch_facts(log, list_works(log), action, now(), 1000)
    assert due(desk, Policy(every=None, events=1)) is Due.FOLLOW
    assert due(desk, DAILY, 48 * HOUR) is Due.FOLLOW


def test_nothing_is_sent_on_top_of_what_waits_or_right_after_a_failure(artist: Artist) -> None:
    desk, chain = artist.desk, artist.chain()
    with opened(desk.home) as log:
        planned = plan_anchor(log, chain, artist.keys)
        assert planned is not None
        number = store(log, chain, planned, now())
        assert find_due(log, DAILY, now()) is Due.FOLLOW
        log.run("put_anchor_state", "failed", number)
        assert find_due(log, DAILY, now()) is Due.NOTHING
        assert find_due(log, DAILY, now() + HOUR) is Due.ANCHOR


def test_a_month_costs_what_was_said_at_most(artist: Artist) -> None:
    desk, chain = artist.desk, artist.chain()
    artist.anchor(chain)
    with opened(desk.home) as log:
        spent = spent_since(log, chain.info.id, now() - HOUR)
        receipt = chain.find_receipt(desk.anchors()[-1].tx)
        assert receipt is not None
        paid = int(str(receipt["gasUsed"]), 16) * int(str(receipt["effectiveGasPrice"]), 16)
        assert paid <= spent <= 1.3 * paid
        rule = Policy(every=None, events=1, cap_month_wei=spent + 10**14, cap_wei=None)
        assert limit_now(log, rule, chain, now()) == 10**14
        tight = Policy(every=None, events=1, cap_month_wei=spent, cap_wei=5)
        with pytest.raises(LimitReached, match="in 30 days, the limit is"):
            limit_now(log, tight, chain, now())
        assert limit_now(log, tight, chain, now() + timedelta(days=31)) == 5


def test_what_a_chain_takes_for_the_data_counts_in_the_month_too(artist: Artist) -> None:
    desk, chain = artist.desk, artist.chain()
    data_fee = 10**16
    with opened(desk.home) as log:
        planned = plan_anchor(log, chain, artist.keys)
        assert planned is not None
        dear = replace(planned.intent, cost_wei=planned.intent.cost_wei + data_fee)
        number = store(log, chain, replace(planned, intent=dear), now())
        assert spent_since(log, chain.info.id, now() - HOUR) == dear.cost_wei
        log.run("put_anchor_state", "failed", number)
        with pytest.raises(LimitReached, match="in 30 days, the limit is"):
            limit_now(log, replace(OFTEN, cap_month_wei=data_fee), chain, now())


def test_a_timestamp_above_the_rule_is_not_sent_by_itself(artist: Artist) -> None:
    desk, chain = artist.desk, artist.chain()
    with opened(desk.home) as log:
        put_policy(log, replace(DAILY, cap_month_wei=10**12))

        def too_dear(agree: Callable[[Planned], bool], cap_wei: int | None) -> int | None:
            # Signed with no limit, as if others had spent it since.
            assert cap_wei == 10**12
            planned = plan_anchor(log, chain, artist.keys)
            assert planned is not None
            assert not agree(planned)
            return None

        with pytest.raises(LimitReached, match=r"the rule leaves 0\.000001"):
            act_if_due(desk.home, log, chain, too_dear, now())
    assert desk.sent() == 0


@pytest.mark.parametrize(
    "text", ["{}", "[]", "no", '{"cap_month_wei":1,"cap_wei":null,"events":1,"every_s":null}']
)
def test_a_rule_that_cannot_be_read_is_told(desk: Desk, text: str) -> None:
    with opened(desk.home) as log:
        log.put_setting(POLICY_SETTING, text)
        with pytest.raises(BadInput, match="rule for automatic timestamps is unreadable"):
            read_policy(log)
        put_policy(log, OFTEN)
        assert read_policy(log) == OFTEN


@pytest.mark.parametrize("text", ["", "1", "0h", "30s", "1w", "-1d", "999999d", "1.5h", "\uff12h"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="--every is"):
        parse_every(text)


NONSENSE = (
    ("--every 24h", "--every, --events and --cap-month go with --auto"),
    ("--auto --events 0", "--events is 0"),
    ("--auto --every 5s", "--every is '5s'"),
    ("--auto --cap-month x", "--cap-month is 'x'"),
    ("--auto --due", "--due and --auto exclude each other"),
    ("--auto --chain nosuch", "there is no chain 'nosuch'"),
)


def test_a_rule_that_means_nothing_is_refused(spawner: Spawner, desk: Desk) -> None:
    for arguments, sentence in NONSENSE:
        ended = spawner.run(desk, "anchor", *arguments.split())
        assert (ended.code, sentence in ended.err) == (2, True), ended.err


def test_the_command_sets_the_rule_keeps_to_it_and_drops_it(spawner: Spawner, desk: Desk) -> None:
    def run(*words: str, locked: bool = False) -> Ended:
        return spawner.run(desk, *words, passphrase=None if locked else PASSPHRASE)

    rule = run("anchor", "--auto", "--events", "2", "--cap-month", "0.01", "--chain", "local")
    assert "by themselves, after 2 events, while a watch runs" in rule.out
    assert "stemproof key delegate" in rule.err
    assert "at most 0.01 coins in 30 days" in run("status").out
    locked = run("anchor", "--due", locked=True)
    assert (locked.code, desk.sent()) == (3, 0)
    assert "the next timestamp waits: the keys are locked" in run("status").out
    first = run("anchor", "--due")
    assert (first.code, first.out.partition(":")[0]) == (0, "final"), first
    assert "waits" not in run("status").out
    assert (run("anchor", "--due").out, desk.sent()) == ("", 1)
    desk.note("one")
    assert (run("anchor", "--due").out, desk.sent()) == ("", 1)
    desk.note("two")
    assert run("anchor", "--due").code == 0
    assert desk.sent() == 2
    # The month is spent: the next one waits, and says what helps.
    run("anchor", "--auto", "--events", "1", "--cap-month", "0.000000000001")
    desk.note("three")
    spent = run("anchor", "--due")
    assert (spent.code, desk.sent()) == (3, 2)
    assert "the limit is 0.000000000001: the next one waits" in spent.err
    run("anchor", "--no-auto")
    assert (run("anchor", "--due").code, desk.sent()) == (0, 2)
    assert "by themselves" not in run("status").out


def test_costs_are_told_in_gas_coins_and_money_and_the_rate_is_remembered(
    spawner: Spawner, desk: Desk
) -> None:
    first = spawner.run(desk, "anchor", "--dry-run", "--price", "2500 eur")
    assert re.search(r"about 0\.\d+ test ETH \(free; \d+\.\d\d EUR if it were ETH", first.err)
    assert re.search(r"up to [\d,]+ gas at up to [\d.]+ gwei each", first.err)
    assert "EUR if it were ETH" in spawner.run(desk, "anchor").err
    wrong = spawner.run(desk, "anchor", "--price", "cheap")
    assert (wrong.code, "--price is 'cheap'" in wrong.err) == (2, True)


@pytest.mark.deep
def test_a_fee_spike_is_waited_out(spawner: Spawner, desk: Desk) -> None:
    spawner.run(desk, "anchor", "--auto", "--events", "1", "--cap", "0.001", "--chain", "local")
    call_local(desk.chain.port, "anvil_setNextBlockBaseFeePerGas", hex(10**14))
    call_local(desk.chain.port, "anvil_mine", "0x1")
    dear = spawner.run(desk, "anchor", "--due")
    assert (dear.code, desk.sent()) == (3, 0)
    assert "the limit is 0.001 test ETH; nothing was sent" in dear.err
    would_do = dear.err.partition("--cap ")[2].partition(" ")[0]
    assert float(would_do) > 0.001
    call_local(desk.chain.port, "anvil_setNextBlockBaseFeePerGas", hex(10**9))
    call_local(desk.chain.port, "anvil_mine", "0x1")
    assert spawner.run(desk, "anchor", "--due").code == 0
    assert desk.sent() == 1


def delegate(artist: Artist) -> None:
    """Allow a key of this device's own to anchor, and give it coins."""
    desk = artist.desk
    key = make_anchor_key(artist.keys.origin)
    keep_in_clear(desk.home.path, key)
    fund(desk.chain, key.address)
    until = int((now() + timedelta(days=30)).timestamp())
    with opened(desk.home) as log:
        terms = Terms(key.address, until, 50_000)
        chain = artist.chain()
        assert allow_now(desk.home, log, chain, artist.keys, terms, lambda _intent: True)
        fund(desk.chain, parse_address(artist.keys.account_address))


def test_a_watch_timestamps_by_itself_and_goes_on_while_the_chain_is_away(
    artist: Artist, tmp_path: Path
) -> None:
    desk = artist.desk
    delegate(artist)
    with opened(desk.home) as log:
        put_policy(log, Policy(every=None, events=1))
        log.put_setting("chain", "31337")
    script = Path(__file__).with_name("watching.py")
    watch = subprocess.Popen(
        [sys.executable, str(script), str(desk.home.path)],
        env={**environment(desk.folder), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: stands(desk) == 1, seconds=60)
        anvil.stop(desk.home.testnet)
        desk.note("while the chain is away")
        # Recording goes on meanwhile.
        before = recorded(desk)
        shutil.copy(FIXTURES / "track_volume" / "after.rpp", desk.song / "Mix.rpp")
        wait_until(lambda: recorded(desk) > before)
        anvil.start(desk.home.testnet, desk.chain.port, anvil=demand_anvil())
        wait_until(lambda: stands(desk) == 2, seconds=60)
    finally:
        watch.terminate()
        said = watch.communicate(timeout=30)[0]
    assert said.count("the next timestamp waits") <= 1, said
    assert "timestamp" in said
    assert desk.wrong() == []


def recorded(desk: Desk) -> int:
    """Count what was recorded of the music."""
    return sum(not action.startswith("watch.") for action in desk.actions())


def stands(desk: Desk) -> int:
    """Count the anchors that a block holds."""
    return sum(anchor.block_hash is not None for anchor in desk.anchors())


@pytest.mark.deep
def test_by_hand_and_by_itself_at_once_anchors_once(spawner: Spawner, desk: Desk) -> None:
    spawner.run(desk, "anchor", "--auto", "--events", "1", "--chain", "local")
    both = [("anchor",), ("anchor", "--due"), ("anchor", "--due")]
    processes = [start_apart(desk, *words) for words in both]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], answers
    assert [anchor.state for anchor in desk.anchors()] == ["final"]
    assert desk.sent() == 1
