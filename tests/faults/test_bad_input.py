"""Whatever is wrong, the answer is one clear sentence and a code, and nothing is lost."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from tests.anchor.altering_node import altering_node, answering, serving
from tests.faults.ledger import TITLE, Desk, copied, heads, start_apart
from tests.faults.spawner import Ended, Spawner

from stemproof.acts.begin import find_work
from stemproof.acts.home import now, opened
from stemproof.acts.said import say_note
from stemproof.testnet.deploy import fund

pytestmark = pytest.mark.chain

CID = "bafkreicseinsvge6awtc3flomgwf46ikx5f2nwvqkxfie6g63zx4hmes4e"
HASH = "ab" * 32
BEYOND = "9" * 30
# What root may do in spite of a folder's permissions, it may not do in these runs.
POWERLESS = {"powerless": 1}

Case = tuple[str, str, int] | tuple[str, str, str]


def assert_refused(ended: Ended, sentence: str, code: int) -> None:
    """One error of one line, in our form, with what is wrong in it, and the code."""
    lines = ended.err.splitlines()
    errors = [line for line in lines if line.startswith("stemproof: error: ")]
    assert len(errors) == 1, ended
    assert re.search(sentence, errors[0]), errors[0]
    assert not errors[0].endswith("."), errors[0]
    assert "Traceback" not in ended.err
    assert "this should not have happened" not in ended.err
    assert sum(line.startswith("stemproof: hint: ") for line in lines) <= 1
    assert ended.code == code


@dataclass(frozen=True)
class Kept:
    """A desk on which a claim was made, and what it held then."""

    desk: Desk
    headers: list[bytes]
    bundle: bytes

    def assert_untouched(self) -> None:
        with opened(self.desk.home) as log:
            assert heads(log) == self.headers
        assert (self.desk.out / "song.stemproof").read_bytes() == self.bundle
        assert self.desk.left_behind() == []


@pytest.fixture(scope="module")
def kept(
    template: Path, spawner: Spawner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """A ledger that is anchored and claimed; the tests that share it change nothing."""
    with copied(template, tmp_path_factory.mktemp("kept") / "desk") as desk:
        assert spawner.run(desk, "anchor").code == 0
        assert spawner.run(desk, "claim", "make", "--out", "song.stemproof").code == 0
        bundle = desk.out / "song.stemproof"
        (desk.out / "empty").touch()
        (desk.out / "cut").write_bytes(bundle.read_bytes()[:-100])
        (desk.out / "master.wav").write_bytes((desk.song / "master.wav").read_bytes()[:5000])
        with (desk.out / "huge").open("wb") as huge:
            huge.truncate(1 << 34)
        (desk.out / "trust.json").write_text('{"v": 0, "blocks": 7}')
        with opened(desk.home) as log:
            headers = heads(log)
        yield Kept(desk, headers, bundle.read_bytes())


REFUSED = [
    # verify: what cannot be read is no verdict, and the verifier's own slips are usage.
    ("verify absent", "absent cannot be read: No such file", 3),
    ("verify song.stemproof --contract zzz", "--contract: address is 'zzz'", 2),
    ("verify song.stemproof --block 12", "'12' is not a block hash", 2),
    ("verify song.stemproof --chain nosuch", "there is no chain 'nosuch'", 2),
    ("verify song.stemproof --rpc http://[::1", "is no address of a node", 2),
    ("verify song.stemproof --need 3", "3 of 0 nodes cannot agree", 2),
    ("verify song.stemproof --trust trust.json", "trust file", 3),
    # anchor
    ("anchor --rpc http://127.0.0.1:1", "the node at 127.0.0.1:1 is not reachable", 3),
    ("anchor --chain nosuch", "there is no chain 'nosuch'", 2),
    ("anchor --cap abc", "--cap is 'abc'", 2),
    ("anchor --cap 0.000000001", "the limit is 0.000000001 test ETH", 3),
    # claim
    ("claim make --out nowhere/song.stemproof", "there is no folder .*nowhere", 3),
    ("claim make --master absent.wav", "'absent.wav' cannot be read", 3),
    # pin
    ("pin add master.wav --to http://127.0.0.1:1", "http://127.0.0.1:1 cannot be reached", 3),
    ("pin add master.wav --to nonsense", "node 'nonsense' is not of the form", 2),
    ("pin add master.wav --public --yes", "before its claim is final on chain", 3),
    ("pin fetch nocid --out x", "CID is 'nocid'", 2),
    # what is said, shown, erased
    (f"erase {BEYOND} --yes", "want 9223372036854775807 or less", 2),
    ("erase 1", "belongs to the log itself", 3),
    ("note text --work Waltz", "no work is called 'Waltz'", 2),
    (f"log show --limit {BEYOND}", "want 1000000 or less", 2),
    ("watch elsewhere", "no work is called 'elsewhere'", 2),
    ("init", "there is a ledger at", 3),
    ("restore absent", "there is no backup at absent", 3),
]
# The same refusals at other places: the long run alone tries them.
REFUSED_ELSEWHERE = [
    ("verify .", "cannot be read: Is a directory", 3),
    ("verify huge", "huge is larger than 536870912 bytes", 3),
    ("verify song.stemproof --rpc ftp://x", "'ftp://x' is no address of a node", 2),
    ("verify song.stemproof --rpc http://127.0.0.1:99999", "is no address of a node", 2),
    ("verify song.stemproof --trust absent", "absent cannot be read", 3),
    ("verify song.stemproof --trust empty", "trust file", 3),
    ("anchor --rpc http://127.0.0.1:99999", "is no address of a node", 2),
    ("anchor --rpc nonsense", "'nonsense' is no address of a node", 2),
    ("anchor --cap -1", "--cap is '-1'", 2),
    ("claim make Waltz", "no work is called 'Waltz'", 2),
    ("claim make --out .", "is a folder", 3),
    ("claim bundle Waltz", "no work is called 'Waltz'", 2),
    ("pin add absent.wav", "'absent.wav' cannot be read: No such file", 3),
    ("pin add master.wav --public", "nobody is here to ask", 2),
    ("pin add master.wav --work Waltz", "no work is called 'Waltz'", 2),
    ("cid absent", "absent cannot be read", 3),
    ("cid empty --profile x", "profile 'x' is not known", 2),
    ("erase 999 --yes", "there is no event 999", 2),
    ("erase", "nothing was named to erase", 2),
    ("credit Ann Nobody", "'Nobody' is not a role", 2),
    ("log show --since never", "'never' is not a time", 2),
    ("watch --for -1", "Invalid value for '--for'", 2),
    ("work add absent", "absent is not a folder", 3),
    ("testnet up --port 99999", "runs on port|99999", 3),
]


def cases(often: Sequence[Case], seldom: Sequence[Case]) -> list[object]:
    """Name each case by what is typed; mark those that only the long run tries."""
    return [
        *(pytest.param(*case, id=case[0][:60]) for case in often),
        *(pytest.param(*case, id=case[0][:60], marks=pytest.mark.deep) for case in seldom),
    ]


@pytest.mark.parametrize(("typed", "sentence", "code"), cases(REFUSED, REFUSED_ELSEWHERE))
def test_what_cannot_be_is_one_sentence_and_changes_nothing(
    spawner: Spawner, kept: Kept, typed: str, sentence: str, code: int
) -> None:
    ended = spawner.run(kept.desk, *typed.split())
    assert_refused(ended, sentence, code)
    assert ended.out == ""
    kept.assert_untouched()


VERDICTS = [
    ("cut", "refuted", "the bundle is cut short"),
    ("song.stemproof", "undecided", "nobody was asked"),
    (f"song.stemproof --block {HASH}", "undecided", "not among those that you gave"),
    ("song.stemproof --chain sepolia", "refuted", "chain"),
    ("song.stemproof master.wav", "refuted", "none of the claim's files"),
    ("song.stemproof absent.wav", "undecided", "'absent.wav' cannot be read: No such file"),
]
VERDICTS_ELSEWHERE = [
    ("empty", "refuted", "stemproof bundle"),
    ("song.stemproof .", "undecided", "cannot be read: Is a directory"),
    ("song.stemproof --rpc http://127.0.0.1:1", "undecided", "does not answer"),
    (f"song.stemproof --contract 0x{'12' * 20}", "undecided", "contract"),
    ("song.stemproof --origin other", "refuted", "is not one that you named"),
]


@pytest.mark.parametrize(("typed", "verdict", "says"), cases(VERDICTS, VERDICTS_ELSEWHERE))
def test_a_verdict_is_an_answer_and_no_error(
    spawner: Spawner, kept: Kept, typed: str, verdict: str, says: str
) -> None:
    ended = spawner.run(kept.desk, "verify", *typed.split())
    assert (ended.err, ended.code) == ("", {"refuted": 1, "undecided": 3}[verdict])
    assert f"{verdict}: {typed.split(maxsplit=1)[0]}" in ended.out
    lines = [line for line in ended.out.splitlines() if line.startswith(verdict)]
    assert any(re.search(says, line) for line in lines), ended.out


def test_the_right_block_is_verified(spawner: Spawner, kept: Kept) -> None:
    (anchor,) = kept.desk.anchors()
    assert anchor.block_hash is not None
    ended = spawner.run(
        kept.desk, "verify", "song.stemproof", "--block", "0x" + anchor.block_hash.hex()
    )
    assert ended.code == 0, ended.out


def test_without_a_passphrase_or_with_a_wrong_one_nothing_is_sent(
    spawner: Spawner, kept: Kept
) -> None:
    for words in (["anchor"], ["claim", "make", "--out", "other"]):
        wrong = spawner.run(kept.desk, *words, passphrase="wrong")
        assert_refused(wrong, "the passphrase is wrong, or the file is damaged", 3)
        none = spawner.run(kept.desk, *words, passphrase=None)
        assert_refused(none, "nobody can be asked for the passphrase", 3)
    assert not (kept.desk.out / "other").exists()
    assert kept.desk.sent() == 1
    kept.assert_untouched()


def test_a_claim_before_any_anchor_says_what_comes_first(spawner: Spawner, desk: Desk) -> None:
    assert_refused(spawner.run(desk, "claim", "make"), "nothing of this work is anchored yet", 3)
    assert_refused(spawner.run(desk, "claim", "bundle"), "no claim was made about", 3)
    assert "claim.made" not in desk.actions()


# Ledgers


def damage_the_start(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:64] = bytes(64)
    path.write_bytes(data)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace_by_text(path: Path) -> None:
    path.write_text("this is a diary\n" * 1000)


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()


def empty_it(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (cut_in_half, "damaged"),
        pytest.param(damage_the_start, "damaged|not a stemproof ledger", marks=pytest.mark.deep),
        pytest.param(replace_by_text, "damaged|not a stemproof ledger", marks=pytest.mark.deep),
        pytest.param(empty_it, "not a stemproof ledger", marks=pytest.mark.deep),
        (make_newer, "written by a newer stemproof"),
    ],
)
def test_a_ledger_that_is_damaged_or_newer_is_left_as_it_is(
    spawner: Spawner, desk: Desk, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(desk.home.database)
    before = desk.home.database.read_bytes()
    for typed in ("status", "log show", "log check", "anchor", "note text", "watch --once"):
        ended = spawner.run(desk, *typed.split())
        assert_refused(ended, sentence, 3)
    assert desk.home.database.read_bytes() == before


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.deep)])
def test_damage_anywhere_in_a_ledger_is_never_an_internal_error(
    spawner: Spawner, desk: Desk, rounds: int
) -> None:
    assert spawner.run(desk, "anchor").code == 0
    with sqlite3.connect(desk.home.database) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    whole = desk.home.database.read_bytes()
    chance = random.Random(6)
    for _ in range(rounds):
        data = bytearray(whole)
        start = chance.randrange(100, len(data))
        data[start : start + 300] = chance.randbytes(len(data[start : start + 300]))
        for name in ("-wal", "-shm"):
            Path(f"{desk.home.database}{name}").unlink(missing_ok=True)
        desk.home.database.write_bytes(data)
        for typed in ("status", "log show", "log check", "note text", "claim make --out song"):
            ended = spawner.run(desk, *typed.split())
            assert ended.code in (0, 1, 3), (start, typed, ended)
            assert "this should not have happened" not in ended.err


def test_a_copied_ledger_folder_writes_nothing_and_says_why(
    spawner: Spawner, kept: Kept, tmp_path: Path
) -> None:
    shutil.copytree(kept.desk.folder, tmp_path / "desk", ignore=shutil.ignore_patterns("huge"))
    copy = Desk(tmp_path / "desk", kept.desk.chain)
    commands = (
        "anchor",
        "claim make --out song.stemproof",
        "claim bundle --out song.stemproof",
        "pin add master.wav",
        "watch --once",
        "note text",
        "credit Ann Composer",
        "erase 1 --yes",
        "backup copy.age",
    )
    for typed in commands:
        ended = spawner.run(copy, *typed.split())
        assert_refused(ended, "the folder is a copy of another one on this computer", 3)
    assert Kept(copy, kept.headers, kept.bundle).bundle
    Kept(copy, kept.headers, kept.bundle).assert_untouched()
    assert spawner.run(copy, "log", "check").code == 0


# Disks


def test_a_full_disk_is_named_and_nothing_is_lost(spawner: Spawner, desk: Desk) -> None:
    assert spawner.run(desk, "anchor").code == 0
    for typed in ("note text", "claim make --out song.stemproof", "pin add ../song/master.wav"):
        with opened(desk.home) as log:
            before = heads(log)
        written = list(desk.out.glob("*.stemproof"))
        ended = spawner.run(desk, *typed.split(), under={"file_bytes": 6000})
        assert_refused(ended, "disk|written|File too large", 3)
        with opened(desk.home) as log:
            assert heads(log) == before
        assert desk.left_behind() == []
        assert list(desk.out.glob("*.stemproof")) == written
        assert spawner.run(desk, *typed.split()).code == 0
    assert desk.wrong() == []


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the right to write from a folder and all in it, for a while."""
    modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")]}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_a_read_only_ledger_is_named(spawner: Spawner, desk: Desk) -> None:
    for typed in ("note text", "watch --once", "anchor", "pin add ../song/master.wav"):
        with read_only(desk.home.path):
            ended = spawner.run(desk, *typed.split(), under=POWERLESS)
        assert_refused(ended, "cannot be|could not be", 3)
    assert desk.wrong() == []
    assert spawner.run(desk, "note", "text").code == 0


def test_a_read_only_folder_for_the_bundle_is_named_and_a_later_run_writes_it(
    spawner: Spawner, desk: Desk
) -> None:
    assert spawner.run(desk, "anchor").code == 0
    target = desk.folder / "shelf"
    target.mkdir()
    words = ["claim", "make", "--out", str(target / "song.stemproof")]
    with read_only(target):
        ended = spawner.run(desk, *words, under=POWERLESS)
    assert_refused(ended, "could not be written: Permission denied", 3)
    assert "claim.made" not in desk.actions()
    assert list(target.iterdir()) == []
    assert spawner.run(desk, *words).code == 0


# Files that are read


def test_unreadable_sessions_and_audio_are_told_and_the_rest_is_recorded(
    spawner: Spawner, desk: Desk
) -> None:
    session = desk.song / "Mix.rpp"
    good = session.read_bytes()
    session.write_bytes(good[: len(good) // 2])
    (desk.song / "cut.wav").write_bytes((desk.song / "master.wav").read_bytes()[:2000])
    (desk.song / "text.wav").write_text("no audio at all")
    (desk.song / "song.mmpz").write_bytes(b"\0\0\0\7not zlib")
    (desk.song / "other.mmp").write_text("<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>")
    shutil.copy(desk.song / "stems" / "bass.wav", desk.song / "stems" / "bass2.wav")
    ended = spawner.run(desk, "watch", "--once")
    assert ended.code == 0
    assert "this should not have happened" not in ended.err
    for name in ("Mix.rpp", "text.wav", "song.mmpz", "other.mmp"):
        assert name in ended.out, ended.out
    assert "stems/bass2.wav" in ended.out
    session.write_bytes(good)
    assert spawner.run(desk, "watch", "--once").code == 0
    assert desk.wrong() == []


def test_a_clock_that_jumps_back_stops_neither_anchor_nor_claim(
    spawner: Spawner, desk: Desk
) -> None:
    for hours in (0, 30, -50, 2):
        with opened(desk.home) as log:
            moment = now() + timedelta(hours=hours)
            say_note(log, find_work(log, None), f"at {hours}", None, moment)
    assert spawner.run(desk, "anchor").code == 0
    assert spawner.run(desk, "claim", "make", "--out", "song.stemproof").code == 0
    assert desk.notes() == ["at 0", "at 30", "at -50", "at 2"]
    rpc = desk.chain.rpc_url
    ended = spawner.run(desk, "verify", "song.stemproof", "--rpc", rpc)
    assert ended.code == 0, ended.out
    assert desk.wrong() == []


# Two processes at once


def test_two_anchors_at_once_send_one_transaction(desk: Desk) -> None:
    both = [start_apart(desk, "anchor") for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert desk.sent() == len(desk.anchors()) == 1
    assert desk.anchors()[0].state == "final"
    assert sum("nothing new" in out for out, _ in answers) == 1


def test_an_anchor_beside_a_watch_and_no_second_watch(spawner: Spawner, desk: Desk) -> None:
    watch = start_apart(desk, "watch")
    try:
        assert watch.stdout is not None
        assert "watching" in watch.stdout.readline()
        assert spawner.run(desk, "anchor").code == 0
        second = spawner.run(desk, "watch", "--once")
        assert_refused(second, "a watch of the ledger at .* is running already", 3)
    finally:
        watch.terminate()
        watch.communicate(timeout=20)
    assert watch.returncode == 0
    assert desk.wrong() == []


# Nodes of a chain


def without_coins(desk: Desk) -> None:
    fund(desk.chain, desk.account, wei=0)


def test_an_empty_wallet_is_told_the_price_and_what_else_is_possible(
    spawner: Spawner, desk: Desk
) -> None:
    without_coins(desk)
    ended = spawner.run(desk, "anchor")
    assert_refused(ended, r"holds 0 test ETH on local, and this costs up to 0\.0", 3)
    assert "let a relay pay" in ended.err
    assert "`stemproof testnet up`" in ended.err
    assert (desk.sent(), desk.anchors()) == (0, [])
    fund(desk.chain, desk.account)
    assert spawner.run(desk, "anchor").code == 0


def test_a_node_of_another_chain_is_refused(spawner: Spawner, desk: Desk) -> None:
    ended = spawner.run(desk, "anchor", "--chain", "sepolia", "--rpc", desk.chain.rpc_url)
    assert_refused(ended, r"serves chain 31337, want sepolia \(11155111\)", 3)
    assert desk.sent() == 0


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"jsonrpc":"2.0","id":1,"result":"0x"}'], ids=repr
)
def test_a_node_that_is_none_is_refused(spawner: Spawner, desk: Desk, body: bytes) -> None:
    with answering(body) as url:
        ended = spawner.run(desk, "anchor", "--rpc", url)
    assert_refused(ended, "the node at 127.0.0.1", 3)
    assert desk.sent() == 0


def _said_to_have_failed(method: str, _asked: list[Any], answer: Any) -> Any:
    if method == "eth_getTransactionReceipt" and answer:
        return {**answer, "status": "0x0"}
    return answer


def _in_another_block(method: str, _asked: list[Any], answer: Any) -> Any:
    if method == "eth_getBlockReceipts" and answer:
        return [{**receipt, "cumulativeGasUsed": "0x1"} for receipt in answer]
    return answer


def _with_another_state(method: str, _asked: list[Any], answer: Any) -> Any:
    if method == "eth_getProof" and answer:
        return {**answer, "accountProof": [*answer["accountProof"][:-1], "0x" + HASH]}
    return answer


def _never_mined(method: str, _asked: list[Any], answer: Any) -> Any:
    return None if method == "eth_sendRawTransaction" else answer


@pytest.mark.parametrize(
    "lie",
    [
        _said_to_have_failed,
        pytest.param(_in_another_block, marks=pytest.mark.deep),
        _with_another_state,
        pytest.param(_never_mined, marks=pytest.mark.deep),
    ],
)
def test_a_node_that_lies_costs_neither_the_anchor_nor_the_ledger(
    spawner: Spawner, desk: Desk, lie: Callable[[str, list[Any], Any], Any]
) -> None:
    with altering_node(desk.chain.rpc_url, lie) as url:
        ended = spawner.run(desk, "anchor", "--rpc", url)
    assert ended.code == 3, ended
    assert "this should not have happened" not in ended.err
    desk.note("after the lie")
    again = spawner.run(desk, "anchor")
    assert again.code == 0, again.err
    # The first was in no final block yet when the second was looked up.
    assert spawner.run(desk, "anchor").code == 0
    assert [anchor.state for anchor in desk.anchors()] == ["final", "final"]
    assert desk.sent() == 2
    assert spawner.run(desk, "claim", "make", "--out", "song.stemproof").code == 0
    rpc = desk.chain.rpc_url
    assert spawner.run(desk, "verify", "song.stemproof", "--rpc", rpc).code == 0


def test_an_anchor_that_can_no_longer_be_proved_does_not_hold_up_the_next(
    spawner: Spawner, desk: Desk
) -> None:
    """Full nodes prove the state of about 128 blocks: a computer that slept comes too late."""
    from tests.anchor.altering_node import Refusal

    forgotten: list[str] = []

    def forget(method: str, asked: list[Any], answer: Any) -> Any:
        if method == "eth_getProof" and (not forgotten or asked[2]["blockHash"] in forgotten):
            forgotten.append(asked[2]["blockHash"])
            raise Refusal(-32000, "missing trie node")
        return answer

    with altering_node(desk.chain.rpc_url, forget) as url:
        first = spawner.run(desk, "anchor", "--rpc", url)
        assert_refused(first, "does not prove the state of that block", 3)
        claim = spawner.run(desk, "claim", "make", "--out", "song.stemproof")
        assert_refused(claim, "evidence of the anchor of size 6 is not captured yet", 3)
        desk.note("later")
        second = spawner.run(desk, "anchor", "--rpc", url)
        assert second.code == 0, second.err
    first_anchor, second_anchor = desk.anchors()
    assert (first_anchor.evidence, second_anchor.state) == (None, "final")
    assert spawner.run(desk, "claim", "make", "--out", "song.stemproof").code == 0
    rpc = desk.chain.rpc_url
    ended = spawner.run(desk, "verify", "song.stemproof", "--rpc", rpc)
    assert ended.code == 0, ended.out


@pytest.mark.deep
def test_a_node_that_is_silent_is_left_in_time(spawner: Spawner, desk: Desk) -> None:
    release = threading.Event()

    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            release.wait(60)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Silent) as url:
        ended = spawner.run(desk, "anchor", "--rpc", url)
        release.set()
    assert_refused(ended, "did not answer eth_chainId within 10 s", 3)
    assert ended.seconds < 20


# Nodes of IPFS


def test_a_node_that_names_another_cid_pins_nothing(spawner: Spawner, desk: Desk) -> None:
    class Liar(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            while size := int(self.rfile.readline() or b"0", 16):
                self.rfile.read(size + 2)
            reply = f'{{"Name": "x", "Hash": "{CID}"}}'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving(Liar) as url:
        ended = spawner.run(desk, "pin", "add", str(desk.song / "master.wav"), "--to", url)
    assert_refused(ended, f"names .* '{CID}', want ba", 3)
    assert "pin.added" not in desk.actions()
    assert desk.left_behind() == []


def test_titles_of_a_ledger_are_those_that_were_given(kept: Kept) -> None:
    assert kept.desk.work.title == TITLE
