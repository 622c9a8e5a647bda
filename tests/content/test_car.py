"""CARs: one form is written and read, hostile ones are refused before they cost anything."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.content.recipe import load_vectors

from stemproof.content.car import CarReader, CarWriter, format_header, format_section
from stemproof.content.cid import RAW, cid_of
from stemproof.errors import Malformed, Refuted, Undecided

CASES = load_vectors("car", "*.json")
KINDS = {"Malformed": Malformed, "Undecided": Undecided}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_car_is_read_or_refused(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["car"])
    if case["error"] is not None:
        with pytest.raises(KINDS[case["error"]]):
            list(CarReader(io.BytesIO(data), max_bytes=1 << 30).sections())
        return
    reader = CarReader(io.BytesIO(data), max_bytes=1 << 30)
    sections = list(reader.sections())
    assert str(reader.root) == case["root"]
    assert [str(section.cid) for section in sections] == case["blocks"]
    again = b"".join(format_section(section.cid, section.block) for section in sections)
    assert format_header(reader.root) + again == data


class _Counting(io.BytesIO):
    """Remembers how much was asked for at once."""

    largest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None and size >= 0
        self.largest = max(self.largest, size)
        return super().read(size)


@pytest.mark.parametrize("name", ["refused-header-huge", "refused-section-huge"])
def test_a_length_that_is_a_lie_allocates_nothing(name: str) -> None:
    case = next(case for case in CASES if case["name"] == name)
    source = _Counting(bytes.fromhex(case["car"]))
    with pytest.raises(Malformed):
        list(CarReader(source, max_bytes=1 << 60).sections())
    assert source.largest < 200


@given(blocks=st.lists(st.binary(max_size=60), min_size=1, max_size=8))
def test_what_is_written_reads_back_each_block_once(blocks: list[bytes]) -> None:
    out = io.BytesIO()
    root = cid_of(blocks[0], codec=RAW)
    writer = CarWriter(out, root)
    for block in blocks:
        writer.put(cid_of(block, codec=RAW), block)
    reader = CarReader(io.BytesIO(out.getvalue()), max_bytes=1 << 20)
    assert reader.root == root
    assert [section.block for section in reader.sections()] == list(dict.fromkeys(blocks))


@given(data=st.data(), blocks=st.lists(st.binary(max_size=20), min_size=1, max_size=3))
def test_every_flipped_bit_is_refused_or_names_other_content(
    data: st.DataObject, blocks: list[bytes]
) -> None:
    root = cid_of(blocks[0], codec=RAW)
    sections = [(cid_of(block, codec=RAW), block) for block in blocks]
    car = bytearray(format_header(root) + b"".join(format_section(*pair) for pair in sections))
    bit = data.draw(st.integers(0, len(car) * 8 - 1))
    car[bit // 8] ^= 1 << bit % 8
    try:
        reader = CarReader(io.BytesIO(bytes(car)), max_bytes=1 << 20)
        read = [(section.cid, section.block) for section in reader.sections()]
    except (Malformed, Undecided):
        return
    assert (reader.root, read) != (root, sections)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_car_or_refused(data: bytes) -> None:
    try:
        list(CarReader(io.BytesIO(data), max_bytes=1 << 20).sections())
    except (Malformed, Undecided):
        pass


def test_a_car_longer_than_agreed_is_refused() -> None:
    block = b"x" * 100
    cid = cid_of(block, codec=RAW)
    car = format_header(cid) + format_section(cid, block) * 3
    with pytest.raises(Refuted, match="longer"):
        list(CarReader(io.BytesIO(car), max_bytes=300).sections())
