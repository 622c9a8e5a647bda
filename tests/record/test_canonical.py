"""Canonical JSON against RFC 8785's own vectors and an implementation by other people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from tests.record import naive

from stemproof.errors import Malformed
from stemproof.record.canonical import (
    MAX_DEPTH,
    MAX_INTEGER,
    canonical_bytes,
    encode_trusted,
    parse_canonical,
    parse_object,
)

CORPUS = Path(
    os.environ.get("STEMPROOF_CORPUS", Path(__file__).parents[2].parent / "shared" / "corpus")
)
JCS = CORPUS / "vectors" / "jcs-rfc8785"
has_corpus = pytest.mark.skipif(
    not JCS.is_dir(), reason="no corpus: set STEMPROOF_CORPUS to its folder"
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127))
INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | INTEGERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def read(data: bytes) -> Any:
    return parse_canonical(data, what="value", max_bytes=1 << 20)


@given(value=VALUES)
def test_we_write_what_two_other_implementations_write(value: Any) -> None:
    ours = canonical_bytes(value)
    assert ours == rfc8785.dumps(value)
    assert ours == naive.spell(value).encode()


@given(value=VALUES)
def test_what_was_written_is_read_back(value: Any) -> None:
    assert read(canonical_bytes(value)) == value


@given(value=VALUES, data=st.data())
def test_bytes_are_read_only_if_they_are_written_the_same(value: Any, data: st.DataObject) -> None:
    good = bytearray(canonical_bytes(value))
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        other = read(bytes(good))
    except Malformed:
        return
    assert canonical_bytes(other) == bytes(good)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_canonical_or_malformed(data: bytes) -> None:
    try:
        assert canonical_bytes(read(data)) == data
    except Malformed:
        pass


# What other readers take: french and weird have keys beyond ASCII, values has fractions.
@has_corpus
@pytest.mark.parametrize("name", ["arrays", "structures", "unicode"])
def test_a_public_vector_within_our_subset_is_written_byte_for_byte(name: str) -> None:
    want = (JCS / "output" / f"{name}.json").read_bytes()
    assert want.hex() == "".join((JCS / "outhex" / f"{name}.txt").read_text().split())
    given = json.loads((JCS / "input" / f"{name}.json").read_text("utf-8"), parse_float=whole)
    assert canonical_bytes(given) == want
    assert canonical_bytes(read(want)) == want


def whole(text: str) -> int:
    """Read 56.0, which ECMAScript writes as 56."""
    assert text.endswith(".0")
    return int(text[:-2])


@has_corpus
@pytest.mark.parametrize("name", ["french", "values", "weird"])
def test_a_public_vector_beyond_our_subset_is_refused(name: str) -> None:
    with pytest.raises(Malformed):
        read((JCS / "output" / f"{name}.json").read_bytes())
    with pytest.raises(Malformed):
        canonical_bytes(json.loads((JCS / "input" / f"{name}.json").read_text("utf-8")))


@has_corpus
def test_of_the_numbers_of_appendix_b_we_take_the_whole_and_exact_ones() -> None:
    taken = set()
    for case in json.loads((JCS / "appendix-b-numbers.json").read_text())["cases"]:
        text = case["es6"]
        if text is not None and text.lstrip("-").isdigit() and abs(int(text)) <= MAX_INTEGER:
            assert read(text.encode()) == int(text)
            taken.add(text)
            continue
        with pytest.raises(Malformed):
            read((text or "NaN").encode())
    assert "0" in taken


@pytest.mark.parametrize(
    "value",
    [1.5, float("nan"), float("inf"), 1.0, b"bytes", {1: 2}, {"é": 1}, {"a": {1}}, object(),
     2**53, -(2**53), {None: 1}, "\ud800", ["\udfff"], {"a": "\ud800"}],
)  # fmt: skip
def test_a_value_outside_the_subset_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        canonical_bytes(value)


def test_an_integer_too_long_to_be_shown_is_refused_in_one_sentence() -> None:
    with pytest.raises(Malformed, match="a number of 16610 bits"):
        canonical_bytes(10**5000)


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def test_writing_and_reading_agree_on_how_deep_values_may_be() -> None:
    deepest = nested(MAX_DEPTH)
    assert read(canonical_bytes(deepest)) == deepest
    with pytest.raises(Malformed, match="nesting"):
        canonical_bytes(nested(MAX_DEPTH + 1))
    with pytest.raises(Malformed, match="nesting"):
        read(encode_trusted(nested(MAX_DEPTH + 1)))


@given(text=st.text(st.sampled_from('[]{}"\\a'), min_size=40))
def test_brackets_inside_text_do_not_count_as_nesting(text: str) -> None:
    assert read(canonical_bytes([text, text])) == [text, text]


def test_many_brackets_side_by_side_are_not_deep() -> None:
    value: Any = [[] for _ in range(1000)]
    assert read(canonical_bytes(value)) == value


def test_what_is_longer_than_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(Malformed, match="header length"):
        parse_canonical(b"[" * 11, what="header", max_bytes=10)


def test_a_value_that_is_no_object_is_refused_where_one_is_wanted() -> None:
    with pytest.raises(Malformed, match="a JSON object"):
        parse_object(b"[]", what="body", max_bytes=10)
    assert parse_object(b"{}", what="body", max_bytes=10) == {}
