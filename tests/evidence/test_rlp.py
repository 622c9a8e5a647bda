"""RLP: public vectors, and an independent implementation (the rlp package)."""

from __future__ import annotations

from typing import Any

import pytest
import rlp as peer  # type: ignore[import-untyped]  # it publishes no types
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.vectors import load

from stemproof.errors import Malformed
from stemproof.evidence.rlp import (
    MAX_BYTES,
    MAX_ITEMS,
    RlpItem,
    as_integer,
    decode_list,
    decode_rlp,
    encode_integer,
    encode_rlp,
)

items = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=9
)


def _item(value: Any) -> RlpItem:  # JSON: a hex string or a list of them
    return [_item(each) for each in value] if isinstance(value, list) else bytes.fromhex(value)


@pytest.mark.parametrize("case", load("rlp", "accepted")["cases"], ids=lambda case: case["name"])
def test_a_public_encoding_is_read_and_written(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["bytes"])
    assert decode_rlp(data, what="vector") == _item(case["item"])
    assert encode_rlp(_item(case["item"])) == data


@pytest.mark.parametrize("case", load("rlp", "refused")["cases"], ids=lambda case: case["name"])
def test_a_public_malformed_encoding_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        decode_rlp(bytes.fromhex(case["bytes"]), what="vector")


@given(item=items)
def test_encoding_agrees_with_the_rlp_package(item: RlpItem) -> None:
    try:
        data = encode_rlp(item)
        assert data == peer.encode(item)
        assert decode_rlp(data, what="item") == item
    except Malformed as error:
        assert "nested" in str(error)


@given(data=st.binary(max_size=80))
def test_what_is_accepted_is_what_we_would_write(data: bytes) -> None:
    try:
        item = decode_rlp(data, what="noise")
    except Malformed:
        return
    assert encode_rlp(item) == data
    assert peer.decode(data, strict=True) == item


def test_an_item_beyond_the_byte_bound_is_refused() -> None:
    with pytest.raises(Malformed, match="at most"):
        decode_rlp(bytes(MAX_BYTES + 1), what="item")


def test_more_items_than_the_bound_are_refused() -> None:
    with pytest.raises(Malformed, match="items"):
        decode_rlp(encode_rlp([b""] * MAX_ITEMS), what="item")


def test_nesting_beyond_the_bound_is_refused_without_recursion() -> None:
    data = b""
    for _ in range(20_000):
        data = encode_rlp([data]) if not data else _wrap(data)
    with pytest.raises(Malformed, match="deep"):
        decode_rlp(data, what="item")


def _wrap(body: bytes) -> bytes:
    size = len(body)
    if size < 56:
        return bytes([0xC0 + size]) + body
    length = encode_integer(size)
    return bytes([0xF7 + len(length)]) + length + body


def test_a_string_where_a_list_must_be_is_refused() -> None:
    with pytest.raises(Malformed):
        decode_list(b"\x80", what="list")


@pytest.mark.parametrize("item", [b"\0", b"\0\1", b"\1" * 9, [b"\1"]])
def test_an_integer_has_one_form(item: RlpItem) -> None:
    with pytest.raises(Malformed):
        as_integer(item, "number", max_bytes=8)
