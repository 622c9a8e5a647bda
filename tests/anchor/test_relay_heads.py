"""Signed heads and relays' answers: one form each, eth-account's digests, the contract's word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.anchor.conftest import new_account
from tests.evidence.vectors import KINDS, cases, load

from stemproof.anchor.evm import Chain
from stemproof.anchor.relayanswer import (
    Funds,
    HeadState,
    RelayTerms,
    format_answer,
    format_terms,
    parse_answer,
    parse_terms,
)
from stemproof.anchor.relaybatch import find_objection
from stemproof.anchor.signedhead import (
    MAX_HEAD_BYTES,
    SignedHead,
    format_signed_head,
    head_digest,
    is_signed_head,
    parse_signed_head,
    recover_signer,
    sign_head,
)
from stemproof.anchor.signer import KeySigner
from stemproof.errors import Malformed, Refuted
from stemproof.evidence.ethsig import Address

heads = st.builds(
    SignedHead,
    chain_id=st.integers(1, 2**53 - 1),
    contract=st.binary(min_size=20, max_size=20),
    publisher=st.binary(min_size=20, max_size=20),
    origin_id=st.binary(min_size=32, max_size=32),
    prior=st.integers(0, 2**256 - 1),
    size=st.integers(1, 2**40 - 1),
    root=st.binary(min_size=32, max_size=32),
    deadline=st.integers(1, 2**53 - 1),
    signature=st.binary(min_size=1, max_size=2048),
)


@pytest.mark.parametrize("case", cases("signedhead"))
def test_a_head_is_read_and_its_digest_and_signer_are_eth_accounts(case: str) -> None:
    vector = load("signedhead", case)
    head = parse_signed_head(vector["text"].encode())
    assert format_signed_head(head) == vector["text"].encode()
    assert head_digest(head).hex() == vector["digest"]
    signer = recover_signer(head)
    assert (None if signer is None else signer.hex()) == vector["signer"]


@pytest.mark.parametrize("case", cases("signedhead", refused=True))
def test_what_is_no_signed_head_is_refused(case: str) -> None:
    vector = load("signedhead", case)
    with pytest.raises(KINDS[vector["refused"]], match=vector["says"].replace("*", r"\*")):
        parse_signed_head(vector["text"].encode())


@pytest.mark.chain
@pytest.mark.parametrize("case", ["first", "compact"])
def test_the_contract_takes_what_eth_account_signed(chain: Chain, case: str) -> None:
    head = parse_signed_head(load("signedhead", case)["text"].encode())
    nobody = Address(bytes(20))
    assert find_objection(chain, nobody, head) is None
    for altered in (
        replace(head, size=head.size + 1),
        replace(head, root=bytes(32)),
        replace(head, deadline=head.deadline - 1),
        replace(head, publisher=bytes(new_account().address)),
        replace(head, origin_id=bytes(32)),
    ):
        assert find_objection(chain, nobody, altered) is not None


@given(heads)
def test_reading_undoes_writing(head: SignedHead) -> None:
    written = format_signed_head(head)
    assert parse_signed_head(written) == head
    assert len(written) <= MAX_HEAD_BYTES
    assert is_signed_head(written)


@given(heads, st.sampled_from(["prior", "size", "deadline", "chain_id"]))
def test_every_number_is_signed(head: SignedHead, member: str) -> None:
    signer = KeySigner(new_account().key)
    signed = sign_head(signer, head)
    assert recover_signer(signed) == signer.address
    changed: dict[str, Any] = {member: 7 if getattr(head, member) != 7 else 8}
    other = replace(signed, **changed)
    assert recover_signer(other) != signer.address


def test_a_signer_that_signs_by_another_key_is_refused() -> None:
    class Confused(KeySigner):
        def sign_digest(self, digest: bytes) -> bytes:
            return KeySigner(new_account().key).sign_digest(digest)

    head = parse_signed_head(load("signedhead", "first")["text"].encode())
    with pytest.raises(Refuted, match="not its own"):
        sign_head(Confused(new_account().key), head)


@pytest.mark.parametrize("case", cases("relayanswer", prefix="says"))
def test_an_answer_is_read_as_it_is_written(case: str) -> None:
    text = load("relayanswer", case)["text"].encode()
    assert format_answer(parse_answer(text)) == text


@pytest.mark.parametrize("case", cases("relayanswer", refused=True))
def test_what_no_relay_says_is_refused(case: str) -> None:
    with pytest.raises(Malformed):
        parse_answer(load("relayanswer", case)["text"].encode())


@pytest.mark.parametrize("state", list(HeadState))
def test_every_state_has_a_vector(state: HeadState) -> None:
    found = {
        parse_answer(load("relayanswer", case)["text"].encode()).state
        for case in cases("relayanswer", prefix="says")
    }
    assert state in found


def test_terms_are_read_as_they_are_written_and_no_other_way() -> None:
    terms = RelayTerms(31337, bytes(20), bytes(20), 30, 100, 24, 10**18, False, Funds.LOW)
    written = format_terms(terms)
    assert parse_terms(written) == terms
    assert parse_terms(format_terms(replace(terms, head_cap_wei=None))).head_cap_wei is None
    for old, new in (
        (b'"low"', b'"plenty"'),
        (b'"is_open":false', b'"is_open":0'),
        (b'"1000000000000000000"', b"1"),
        (b'"1000000000000000000"', b'"01"'),
        (b'"most":100', b'"most":501'),
        (b'"batch_s":30', b'"batch_s":-1'),
        (b'"v":0', b'"v":1'),
        (b'"v":0', b'"v":0,"x":0'),
    ):
        assert old in written
        with pytest.raises(Malformed):
            parse_terms(written.replace(old, new))
