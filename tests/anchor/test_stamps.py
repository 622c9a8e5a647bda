"""Timestamps without a chain: asked for on loopback, kept in a ledger, upgraded, renewed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.evidence.local_calendar import Calendar
from tests.evidence.local_tsa import DAY, Tsa, Wish, make_tsa, served

from stemproof.acts import stamping
from stemproof.acts.home import Home
from stemproof.acts.promises import keeping_promises
from stemproof.acts.stamps import Record, bitcoin_heights, list_stamps
from stemproof.anchor.calendars import ask_calendar, is_known, submit_digest
from stemproof.anchor.tsa import ask_tsa
from stemproof.claim.stamps import OTS, RFC3161
from stemproof.errors import BadInput, Unavailable, Usage
from stemproof.evidence.der import read_item, write_integer, write_item
from stemproof.evidence.ots import (
    Bitcoin,
    Pending,
    Proof,
    attestations,
    format_proof,
    format_tree,
    parse_proof,
)
from stemproof.evidence.tokencheck import check_token
from stemproof.log.sealing import Sealed, seal
from stemproof.log.store import OWN_WORK, Draft, Log, create_log
from stemproof.seal.checkpoint import sign_checkpoint

ORIGIN = f"stemproof/{'1' * 32}/{'2' * 32}"
SEED = hashlib.sha256(b"the key of a log for tests").digest()
DIGEST = hashlib.sha256(b"a note").digest()
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    """An authority of our own."""
    return make_tsa(tmp_path_factory.mktemp("tsa"), Wish(ec=True))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """A ledger with one event."""
    with create_log(tmp_path / "ledger.db") as made:
        made.begin(ORIGIN)
        _add_event(made)
        yield made


def _add_event(log: Log) -> None:
    log.append(
        OWN_WORK,
        [
            Draft(
                time="2027-01-15T09:00:00.000Z",
                session="",
                stage="none",
                action="log.open",
                class_="unknown",
                observed="tool",
                actor="machine",
                tool="capture",
                values={"body": b"{}"},
            )
        ],
    )


def _sealed(log: Log) -> Sealed:
    return seal(log, lambda checkpoint: sign_checkpoint(checkpoint, SEED))


@pytest.fixture
def stamped_by(tsa: Tsa) -> Iterator[str]:
    """The address of an honest authority."""
    with served(lambda _, body: (200, tsa.answer(body))) as url:
        yield url


def test_an_authority_gives_a_token_over_the_digest(tsa: Tsa, stamped_by: str) -> None:
    token = ask_tsa(stamped_by, DIGEST)
    assert check_token(token, b"a note", [tsa.root.der]).authority.name == "CN=Test TSA"


def _other_nonce(tsa: Tsa) -> Callable[[str, bytes], tuple[int, bytes]]:
    def answer(_: str, body: bytes) -> tuple[int, bytes]:
        parts = read_item(body, "request").items()
        parts_ = [part.raw for part in parts]
        parts_[2] = write_integer(parts[2].integer("nonce") ^ 1)
        return 200, tsa.answer(write_item(0x30, *parts_))

    return answer


def _other_digest(tsa: Tsa) -> Callable[[str, bytes], tuple[int, bytes]]:
    def answer(_: str, body: bytes) -> tuple[int, bytes]:
        return 200, tsa.answer(body.replace(DIGEST, bytes(32)))

    return answer


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_other_nonce, "its nonce differs"),
        (_other_digest, "another digest"),
        (lambda _: lambda *_: (500, b"broken"), "HTTP status 500"),
        (lambda _: lambda *_: (200, b""), "answer"),
        (lambda _: lambda *_: (200, b"<html>"), "DER"),
        (lambda _: lambda *_: (200, bytes(100_000)), "longer than"),
        (lambda tsa: lambda _, body: (200, tsa.answer(body)[:-1]), "DER"),
        (lambda tsa: lambda *_: (200, tsa.answer(b"no request")), "refuses, status 2"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_is_refused(
    tsa: Tsa, make: Callable[[Tsa], Callable[[str, bytes], tuple[int, bytes]]], says: str
) -> None:
    with served(make(tsa)) as url, pytest.raises(Unavailable, match=says):
        ask_tsa(url, DIGEST)


def test_an_authority_that_is_not_there_is_told() -> None:
    with served(lambda *_: (200, b"")) as url:
        pass
    for ask in (ask_tsa, submit_digest, ask_calendar):
        with pytest.raises(Unavailable, match="does not answer"):
            ask(url, DIGEST)


def test_a_token_is_kept_once_and_over_the_note(log: Log, tsa: Tsa, stamped_by: str) -> None:
    sealed = _sealed(log)
    record = stamping.stamp_by_tsa(log, sealed, stamped_by, NOW)
    assert check_token(record.proofs[0], sealed.note, [tsa.root.der])
    assert stamping.stamp_by_tsa(log, sealed, stamped_by, NOW) == record
    assert list_stamps(log) == [record]
    assert stamping.kept_tsa(log) == stamped_by
    _add_event(log)
    other = stamping.stamp_by_tsa(log, _sealed(log), stamped_by, NOW)
    assert (other.number, other.size) == (2, 2)
    assert [each.number for each in list_stamps(log, log.number)] == [1, 2]


def test_a_token_that_would_be_refused_is_not_kept(log: Log, tmp_path: Path) -> None:
    expired = make_tsa(tmp_path / "expired", Wish(ec=True, after=-9 * DAY, before=-DAY))
    with (
        served(lambda _, body: (200, expired.answer(body))) as url,
        pytest.raises(Unavailable, match="was not valid"),
    ):
        stamping.stamp_by_tsa(log, _sealed(log), url, NOW)
    assert list_stamps(log) == []


@pytest.mark.parametrize("url", ["", "ftp://a.example", "a.example", "http://", "http://[::1"])
def test_what_is_no_address_is_refused_before_anything_is_sent(log: Log, url: str) -> None:
    with pytest.raises(Usage):
        stamping.stamp_by_tsa(log, _sealed(log), url, NOW)
    with pytest.raises(Usage):
        stamping.stamp_by_calendars(log, _sealed(log), [url], NOW)


def test_a_promise_becomes_a_proof(log: Log) -> None:
    calendars = [Calendar(), Calendar(height=840_001)]
    sealed = _sealed(log)
    with calendars[0].serve() as first, calendars[1].serve() as second:
        record, problems = stamping.stamp_by_calendars(log, sealed, [first, second], NOW)
        assert (problems, record.is_pending) == ([], True)
        assert parse_proof(record.proofs[0]).digest == hashlib.sha256(sealed.note).digest()
        # Nobody but us knows what was sent: each calendar got a digest of its own.
        assert not set(calendars[0].waiting) & set(calendars[1].waiting)
        assert stamping.stamp_by_calendars(log, sealed, [first], NOW)[0] == record
        (open_,) = stamping.upgrade_pending(log)
        assert open_.record == record
        header = calendars[1].mine()
        (done,) = stamping.upgrade_pending(log)
        assert not done.record.is_pending
        assert list_stamps(log) == [done.record]
        assert stamping.upgrade_pending(log) == []
    proof = parse_proof(done.record.proofs[0])
    roots = [each.message for each in attestations(proof) if each.attestation == Bitcoin(840_001)]
    assert roots == [header[36:68]]
    # What a bundle holds is the way to the block alone.
    (alone,) = attestations(parse_proof(done.record.as_stamp().proofs[0]))
    assert (alone.attestation, alone.message) == (Bitcoin(840_001), roots[0])


def test_one_calendar_is_enough_and_none_is_told(log: Log) -> None:
    calendar = Calendar()
    with served(lambda *_: (503, b"")) as broken, calendar.serve() as url:
        record, problems = stamping.stamp_by_calendars(log, _sealed(log), [broken, url], NOW)
        assert record.source == (url,)
        assert len(problems) == 1 and "HTTP status 503" in problems[0]
        _add_event(log)
        with pytest.raises(Unavailable, match="no calendar took the digest"):
            stamping.stamp_by_calendars(log, _sealed(log), [broken], NOW)


@pytest.mark.parametrize("raw", [b"", b"junk", b"\x00" * 9, bytes(20_000), b"\xf0"])
def test_nonsense_of_a_calendar_is_told(raw: bytes) -> None:
    with served(lambda *_: (200, raw)) as url, pytest.raises(Unavailable):
        submit_digest(url, DIGEST)


def test_a_calendar_that_lies_later_leaves_the_promise(log: Log) -> None:
    calendar = Calendar()
    lies = [b"junk", format_tree((Pending("https://elsewhere.example"),)), b"\x08" * 300]

    def answer(path: str, body: bytes) -> tuple[int, bytes]:
        return calendar._answer(path, body) if path == "/digest" else (200, lies.pop())

    with served(answer) as url:
        calendar.url = url
        record, _ = stamping.stamp_by_calendars(log, _sealed(log), [url], NOW)
        for _ in range(3):
            (same,) = stamping.upgrade_pending(log)
            assert same.record == record
    assert not lies


@pytest.mark.parametrize(
    ("uri", "known"),
    [
        ("https://alice.btc.calendar.opentimestamps.org", True),
        ("https://mine.example:8000", True),
        ("https://mine.example", False),
        ("http://alice.btc.calendar.opentimestamps.org", False),
        ("https://calendar.opentimestamps.org.evil.example", False),
        ("https://alice.btc.calendar.opentimestamps.org:8332", False),
        ("http://127.0.0.1:8545", False),
        ("file:///etc/passwd", False),
        ("http://[", False),
    ],
)
def test_a_promise_sends_us_only_where_we_go(uri: str, known: bool) -> None:
    assert is_known(uri, ["https://mine.example:8000/"]) is known


def test_a_watch_asks_after_promises_by_itself(log: Log) -> None:
    calendar = Calendar()
    told: list[Record] = []
    is_told = threading.Event()

    def tell(record: Record) -> None:
        told.append(record)
        is_told.set()

    with calendar.serve() as url:
        record, _ = stamping.stamp_by_calendars(log, _sealed(log), [url], NOW)
        with keeping_promises(Home(log.path.parent), tell=tell, first_s=0.01, every_s=0.05):
            assert not is_told.wait(0.2)
            calendar.mine()
            assert is_told.wait(20)
    assert [each.number for each in told] == [record.number]
    assert not list_stamps(log)[0].is_pending


def test_a_token_is_renewed_before_its_certificate_ends(log: Log, tmp_path: Path, tsa: Tsa) -> None:
    short = make_tsa(tmp_path / "short", Wish(ec=True, before=30 * DAY))
    sealed = _sealed(log)
    with served(lambda _, body: (200, short.answer(body))) as url:
        record = stamping.stamp_by_tsa(log, sealed, url, NOW)
        assert stamping.renew_tokens(log, NOW, within=timedelta(days=7)) == []
        with pytest.raises(Unavailable, match="ends no later"):
            stamping.renew_tokens(log, NOW)
    with served(lambda _, body: (200, tsa.answer(body))) as url:
        (renewed,) = stamping.renew_tokens(log, NOW, url=url)
    assert renewed.proofs[:1] == record.proofs
    assert renewed.ends is not None and record.ends is not None and renewed.ends > record.ends
    assert check_token(renewed.proofs[1], sealed.note + renewed.proofs[0], [tsa.root.der])
    assert stamping.renew_tokens(log, NOW) == []
    assert list_stamps(log) == [renewed]


def test_openssl_and_the_reference_client_read_what_is_exported(
    log: Log, tsa: Tsa, stamped_by: str, tmp_path: Path
) -> None:
    sealed = _sealed(log)
    calendar = Calendar()
    with calendar.serve() as url:
        stamping.stamp_by_tsa(log, sealed, stamped_by, NOW)
        stamping.stamp_by_calendars(log, sealed, [url], NOW)
        calendar.mine()
        stamping.upgrade_pending(log)
    folder = tmp_path / "out"
    for record in list_stamps(log):
        stamping.export_stamp(log, record, folder)
    assert (folder / "checkpoint-1.txt").read_bytes() == sealed.note
    (tmp_path / "root.pem").write_bytes(tsa.root.pem)
    command = ["openssl", "ts", "-verify", "-CAfile", str(tmp_path / "root.pem")]
    command += ["-data", "checkpoint-1.txt", "-in", "checkpoint-1-1.tsr"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    data = (folder / "checkpoint-1.txt.ots").read_bytes()
    assert bitcoin_heights(data) == [calendar.height]
    assert format_proof(parse_proof(data)) == data
    client = Path(sys.executable).with_name("ots")
    if not client.exists():
        pytest.skip("opentimestamps-client is not installed")
    # Started as a program: its licence is not ours.
    told = subprocess.run(
        [str(client), "info", "checkpoint-1.txt.ots"], cwd=folder, check=True, capture_output=True
    )
    assert b"BitcoinBlockHeaderAttestation(840000)" in told.stdout


def test_without_an_anchor_there_is_no_anchored_checkpoint(log: Log) -> None:
    with pytest.raises(BadInput, match="nothing is anchored"):
        stamping.newest_anchored(log)


def test_a_timestamp_that_is_lost_is_told(log: Log, stamped_by: str) -> None:
    record = stamping.stamp_by_tsa(log, _sealed(log), stamped_by, NOW)
    with pytest.raises(BadInput, match="has lost the checkpoint"):
        stamping.inspect_token(log, replace(record, size=99))
    log.put_setting("stamps", "2")
    with pytest.raises(BadInput, match="has lost timestamp 2"):
        list_stamps(log)


def test_a_better_proof_of_another_process_stays(log: Log, stamped_by: str) -> None:
    from stemproof.acts.stamps import better_stamp

    record = stamping.stamp_by_tsa(log, _sealed(log), stamped_by, NOW)
    first = better_stamp(log, record, (*record.proofs, b"one"))
    assert better_stamp(log, record, (*record.proofs, b"two")) == first
    assert list_stamps(log) == [first]


def test_records_keep_what_they_are_given() -> None:
    pending = Proof(DIGEST, (Pending("https://a.example"),))
    record = Record(1, 1, 1, OTS, ("x",), (format_proof(pending),), "now")
    assert record.is_pending and record.as_stamp().proofs == record.proofs
    assert not replace(record, kind=RFC3161).is_pending
