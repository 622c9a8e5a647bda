"""CIDs: one text and one binary form each, everything else refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.content.recipe import load_vectors

from stemproof.content.cid import DAG_PB, RAW, Cid, check_block, cid_of, parse_cid, parse_cid_bytes
from stemproof.content.varint import format_varint, parse_varint
from stemproof.errors import Malformed, Undecided

CASES = load_vectors("cid", "text-*.json")
KINDS = {"Malformed": Malformed, "Undecided": Undecided}

cids = st.one_of(
    st.builds(Cid, st.just(0), st.just(DAG_PB), st.binary(min_size=32, max_size=32)),
    st.builds(Cid, st.just(1), st.integers(0, 2**31 - 1), st.binary(min_size=32, max_size=32)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_text_is_read_in_its_one_form_or_refused(case: dict[str, Any]) -> None:
    if case["error"] is None:
        cid = parse_cid(case["text"])
        assert (cid.version, cid.codec, cid.digest.hex()) == (
            case["version"],
            case["codec"],
            case["digest"],
        )
    else:
        with pytest.raises(KINDS[case["error"]]):
            parse_cid(case["text"])


@given(cid=cids)
def test_text_and_bytes_say_the_same(cid: Cid) -> None:
    assert parse_cid(str(cid)) == cid
    assert parse_cid_bytes(bytes(cid)) == cid


@given(cid=cids, data=st.data())
def test_every_changed_letter_names_something_else_or_nothing(
    cid: Cid, data: st.DataObject
) -> None:
    text = str(cid)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.characters(codec="ascii").filter(lambda new: new != text[at]))
    try:
        assert parse_cid(text[:at] + letter + text[at + 1 :]) != cid
    except (Malformed, Undecided):
        pass


@given(block=st.binary(min_size=1, max_size=200), data=st.data())
def test_every_flipped_bit_of_a_block_is_refused(block: bytes, data: st.DataObject) -> None:
    cid = cid_of(block, codec=RAW)
    check_block(cid, block)
    bit = data.draw(st.integers(0, len(block) * 8 - 1))
    changed = bytearray(block)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Malformed):
        check_block(cid, changed)


@given(number=st.integers(0, 2**63 - 1), tail=st.binary(max_size=3))
def test_a_varint_reads_back(number: int, tail: bytes) -> None:
    data = format_varint(number)
    assert parse_varint(data + tail) == (number, len(data))


@pytest.mark.parametrize("text", ["8000", "ff00", "ffffffffffffffffff01", "80", "", "80808000"])
def test_a_padded_long_or_cut_varint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_varint(bytes.fromhex(text))


@pytest.mark.parametrize("number", [-1, 2**63])
def test_a_number_that_no_varint_holds_is_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="varint"):
        format_varint(number)
