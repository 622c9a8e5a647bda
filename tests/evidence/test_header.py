"""Headers: real blocks of public chains, from before London to Amsterdam."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.vectors import KINDS, cases, load

from stemproof.errors import Malformed, Refuted
from stemproof.evidence.header import (
    MAX_HEADER_BYTES,
    block_hash,
    header_rlp_from_rpc,
    parse_header,
)
from stemproof.evidence.rlp import decode_list, encode_rlp

HOODI = load("header", "hoodi-prague")["block"]
HOODI_BYTES = header_rlp_from_rpc(HOODI)


@pytest.mark.parametrize("case", cases("header"))
def test_a_public_header_has_the_published_hash(case: str) -> None:
    vector = load("header", case)
    block = vector["block"]
    data = header_rlp_from_rpc(block)
    header = parse_header(data)
    assert "0x" + block_hash(data).hex() == block["hash"]
    assert len(decode_list(data, what="header")) == vector["fields"]
    assert (header.number, header.time) == (vector["number"], vector["time"])
    assert "0x" + header.state_root.hex() == block["stateRoot"]
    assert "0x" + header.receipts_root.hex() == block["receiptsRoot"]
    assert "0x" + header.parent_hash.hex() == block["parentHash"]


@pytest.mark.parametrize("case", cases("header", refused=True))
def test_an_altered_block_is_refused(case: str) -> None:
    vector = load("header", case)
    block = {**load("header", vector["base"])["block"], **vector["change"]}
    with pytest.raises(KINDS[vector["refused"]]) as caught:
        header_rlp_from_rpc(block)
    assert type(caught.value) is KINDS[vector["refused"]]


def test_a_client_that_decodes_quantities_is_understood() -> None:
    decoded = {
        name: int(value, 16) if name in ("number", "timestamp") else bytes.fromhex(value[2:])
        for name, value in HOODI.items()
        if name in ("number", "timestamp", "stateRoot", "hash", "extraData")
    }
    assert header_rlp_from_rpc({**HOODI, **decoded}) == HOODI_BYTES


@given(bit=st.integers(0, len(HOODI_BYTES) * 8 - 1))
def test_a_flipped_bit_changes_the_hash_or_is_refused(bit: int) -> None:
    changed = bytearray(HOODI_BYTES)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        parse_header(bytes(changed))
    except Refuted:
        return
    assert block_hash(bytes(changed)) != block_hash(HOODI_BYTES)


@pytest.mark.parametrize("count", [0, 14, 18, 19, 22, 24])
def test_a_header_of_another_shape_is_refused(count: int) -> None:
    fields = decode_list(HOODI_BYTES, what="header")
    with pytest.raises(Malformed, match="header fields"):
        parse_header(encode_rlp([*fields, *fields][:count]))


def test_a_long_extra_data_of_a_proof_of_authority_chain_is_read() -> None:
    fields = decode_list(HOODI_BYTES, what="header")
    fields[12] = bytes(4000)
    assert parse_header(encode_rlp(fields)).number == 0x64733


def test_a_header_beyond_the_bound_is_refused() -> None:
    fields = decode_list(HOODI_BYTES, what="header")
    fields[12] = bytes(MAX_HEADER_BYTES)
    with pytest.raises(Malformed, match="header length"):
        parse_header(encode_rlp(fields))
