"""RFC 3161 tokens: signed by openssl, altered in every way, and held against `openssl ts`."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.evidence.local_tsa import Tsa, make_tsa
from tests.evidence.vectors import KINDS, VECTORS, cases, load, octets

from stemproof.errors import Malformed, Refuted, StemproofError, Undecided
from stemproof.evidence.der import Item, read_item, read_items, write_integer, write_item
from stemproof.evidence.rfc3161 import (
    format_answer,
    format_request,
    parse_answer,
    parse_token,
    tidy_token,
)
from stemproof.evidence.tokencheck import NotTrusted, check_token, parse_certificates

MESSAGE = b"the very bytes of a note\n"
REFUSALS = {**KINDS, "NotTrusted": NotTrusted}


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> Tsa:
    """An authority of our own."""
    return make_tsa(tmp_path_factory.mktemp("tsa"))


@pytest.mark.parametrize("case", cases("rfc3161"))
def test_a_token_dates_its_message(case: str) -> None:
    vector = load("rfc3161", case)
    stamped = check_token(
        bytes.fromhex(vector["token"]), bytes.fromhex(vector["message"]), octets(vector["roots"])
    )
    assert (stamped.time, stamped.not_after) == (vector["time"], vector["not_after"])
    assert stamped.authority.sha256.hex() == vector["authority"]
    assert stamped.authority.ends == vector.get("ends", stamped.authority.ends)


@pytest.mark.parametrize("case", cases("rfc3161", refused=True))
def test_a_token_that_does_not_hold_is_refused(case: str) -> None:
    vector = load("rfc3161", case)
    with pytest.raises(StemproofError) as caught:
        check_token(
            bytes.fromhex(vector["token"]),
            bytes.fromhex(vector["message"]),
            octets(vector["roots"]),
        )
    assert type(caught.value) is REFUSALS[vector["refused"]], caught.value


def test_three_tokens_are_refused_for_each_that_holds() -> None:
    assert len(cases("rfc3161", refused=True)) >= 3 * len(cases("rfc3161"))


def test_openssl_comes_to_the_same_answer(tmp_path: Path) -> None:
    for case in [*cases("rfc3161"), "refused-another-message", "refused-signature-altered"]:
        vector = load("rfc3161", case)
        holds = not case.startswith("refused")
        (tmp_path / "data").write_bytes(bytes.fromhex(vector["message"]))
        (tmp_path / "answer").write_bytes(format_answer(bytes.fromhex(vector["token"])))
        _write_pem(tmp_path / "root.pem", octets(vector["roots"]))
        command = ["openssl", "ts", "-verify", "-data", "data", "-in", "answer"]
        at = vector["time"] if holds else load("rfc3161", "rsa")["time"]
        command += ["-attime", str(at)]
        done = subprocess.run(
            [*command, "-CAfile", "root.pem"], cwd=tmp_path, capture_output=True, check=False
        )
        assert (done.returncode == 0) == holds, (case, done.stderr)


def test_no_bit_of_a_token_can_be_flipped() -> None:
    vector = load("rfc3161", "p256")
    token, message = bytes.fromhex(vector["token"]), bytes.fromhex(vector["message"])
    roots = octets(vector["roots"])
    for place in range(len(token)):
        # Every bit takes a minute; which one is tried goes round with the place.
        altered = bytearray(token)
        altered[place] ^= 1 << place % 8
        with pytest.raises((Refuted, Undecided)):
            check_token(bytes(altered), message, roots)


def test_a_request_is_read_by_openssl(tmp_path: Path) -> None:
    digest = hashlib.sha256(MESSAGE).digest()
    for nonce in (16, 127, 128, 2**63 - 1):
        (tmp_path / "request").write_bytes(format_request(digest, nonce))
        done = subprocess.run(
            ["openssl", "ts", "-query", "-in", "request", "-text"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "Hash Algorithm: sha256" in done.stdout
        assert "Certificate required: yes" in done.stdout
        assert f"Nonce: 0x{nonce:02X}" in done.stdout


def test_an_answer_gives_the_token_in_its_kept_form(tsa: Tsa) -> None:
    request = format_request(hashlib.sha256(MESSAGE).digest(), 12345)
    answer = parse_answer(tsa.answer(request))
    assert answer.token is not None
    assert tidy_token(answer.token) == answer.token
    assert parse_token(answer.token).info.nonce == 12345
    assert check_token(answer.token, MESSAGE, [tsa.root.der]).authority.name == "CN=Test TSA"


def test_a_refusal_is_told_with_its_words(tsa: Tsa) -> None:
    # A hash that the authority was not told to take.
    digest = write_item(0x30, write_item(0x30, write_item(6, b"\x2a\x03")), write_item(4, b"12345"))
    answer = parse_answer(tsa.answer(write_item(0x30, write_integer(1), digest)))
    assert answer.token is None
    assert answer.says.startswith("status 2: ")


def test_certificates_are_read_from_pem(tsa: Tsa) -> None:
    assert parse_certificates(tsa.root.pem + tsa.leaf.pem) == (tsa.root.der, tsa.leaf.der)
    for junk in (b"", b"no certificate", tsa.root.pem[:-40]):
        with pytest.raises(Malformed):
            parse_certificates(junk)


@given(st.integers(0, 2**80))
def test_an_integer_is_read_as_it_is_written(number: int) -> None:
    assert read_item(write_integer(number), "number").integer("number") == number


@given(st.lists(st.tuples(st.sampled_from([2, 4, 6, 0x30, 0xA0]), st.binary(max_size=300))))
def test_items_are_read_as_they_are_written(parts: list[tuple[int, bytes]]) -> None:
    data = b"".join(write_item(tag, value) for tag, value in parts)
    assert [(item.tag, item.value) for item in read_items(data)] == parts


@given(st.binary(max_size=400))
def test_junk_is_malformed_and_no_more(data: bytes) -> None:
    for read in (parse_token, parse_answer, tidy_token):
        with pytest.raises(Malformed):
            read(data)


@pytest.mark.parametrize("name", ["p256", "rsa"])
@settings(deadline=None)
@given(data=st.data())
def test_an_altered_token_gives_an_error_of_ours(name: str, data: st.DataObject) -> None:
    vector = load("rfc3161", name)
    token = bytearray.fromhex(vector["token"])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(token) - 1))
        token[place] = data.draw(st.integers(0, 255))
    if bytes(token) != bytes.fromhex(vector["token"]):
        with pytest.raises((Refuted, Undecided)):
            check_token(bytes(token), bytes.fromhex(vector["message"]), octets(vector["roots"]))


@pytest.mark.parametrize(
    "octets_", ["0280", "028100", "02820001ff", "1f0100", "0201", "3080", "02", "0283000001ff"]
)
def test_der_in_another_form_is_malformed(octets_: str) -> None:
    with pytest.raises(Malformed):
        read_items(bytes.fromhex(octets_))


@pytest.mark.parametrize("value", ["", "80", "0001", "ff"])
def test_an_integer_in_another_form_is_malformed(value: str) -> None:
    with pytest.raises(Malformed):
        Item(2, bytes.fromhex(value), b"").integer("number")


@pytest.mark.parametrize(("value", "want"), [("2a864886f70d", "1.2.840.113549"), ("8837", "2.999")])
def test_an_object_identifier_is_read(value: str, want: str) -> None:
    assert Item(6, bytes.fromhex(value), b"").oid("name") == want


@pytest.mark.parametrize("value", ["", "2a80", "2a8001", "80" * 65])
def test_an_object_identifier_in_another_form_is_malformed(value: str) -> None:
    with pytest.raises(Malformed):
        Item(6, bytes.fromhex(value), b"").oid("name")


def _write_pem(path: Path, certificates: Sequence[bytes]) -> None:
    command = ["openssl", "x509", "-inform", "DER"]
    done = [
        subprocess.run(command, input=der, capture_output=True, check=True).stdout
        for der in certificates
    ]
    path.write_bytes(b"".join(done))


def test_the_vectors_are_all_read() -> None:
    assert len(list((VECTORS / "rfc3161").iterdir())) >= 20
