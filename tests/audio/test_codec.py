"""Chromaprint's compressed form and the digests: vectors, properties, and the library itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.audio.codec import (
    format_compressed,
    format_text,
    items_from_bytes,
    items_to_bytes,
    parse_compressed,
    parse_text,
)
from stemproof.audio.digest import fingerprint_digest, pcm_digest
from stemproof.audio.facts import Fingerprint
from stemproof.errors import Malformed

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "fingerprint").glob("*.json"))


def check_codec(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["compressed_hex"])
    algorithm, items = parse_compressed(data)
    assert (algorithm, items.tolist()) == (case["algorithm"], case["items"])
    assert format_compressed(algorithm, items) == data


def check_digest(case: dict[str, Any]) -> None:
    items = np.array(case["items"], np.uint32)
    fingerprint = Fingerprint(
        case["algorithm"],
        items_to_bytes(items),
        sample_count=case["sample_count"],
        sample_rate=case["sample_rate"],
        channels=case["channels"],
        producer="whoever",
    )
    assert fingerprint_digest(fingerprint).hex() == case["sha256"]


def check_pcm(case: dict[str, Any]) -> None:
    digest = pcm_digest(
        case["form"],
        bytes.fromhex(case["samples_sha256"]),
        sample_count=case["sample_count"],
        channels=case["channels"],
        sample_rate=case["sample_rate"],
    )
    assert digest.hex() == case["sha256"]


CHECKS = {"codec": check_codec, "digest": check_digest, "pcm": check_pcm}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_vector_holds(path: Path) -> None:
    case = json.loads(path.read_text("utf-8"))
    check = CHECKS[case["check"]]
    if case["verdict"] == "ok":
        check(case)
    else:
        with pytest.raises(Malformed):
            check(case)


def test_vectors_refuse_more_than_they_accept() -> None:
    verdicts = [json.loads(path.read_text("utf-8"))["verdict"] for path in VECTORS]
    assert verdicts.count("malformed") > verdicts.count("ok")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "AQAAA",
        "AQAAAA==",
        "AQAAAB",
        "AQAA AA",
        "AQAAAA\n",
        "AQAA+A",
        "AQAA/A",
        "AQAAAé",
        "A" * 30_000_000,
    ],
    ids=range(11),
)
def test_text_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_text(text)


def test_the_empty_fingerprint_is_read() -> None:
    algorithm, items = parse_text("AQAAAA")
    assert (algorithm, len(items)) == (1, 0)


# Bits that are rarely set make long gaps, which take the exceptions' path.
items_strategy = st.lists(
    st.one_of(
        st.integers(0, 2**32 - 1),
        st.integers(0, 31).map(lambda bit: 1 << bit),
        st.sampled_from([0, 2**32 - 1, 627964279]),
    ),
    max_size=60,
)


@given(items=items_strategy, algorithm=st.integers(0, 255))
def test_what_is_written_is_read_back(items: list[int], algorithm: int) -> None:
    vector = np.array(items, np.uint32)
    read_algorithm, read = parse_text(format_text(algorithm, vector))
    assert read_algorithm == algorithm
    assert read.tolist() == items
    assert items_from_bytes(items_to_bytes(vector)).tolist() == items


@given(data=st.binary(max_size=200))
def test_any_bytes_are_canonical_or_refused(data: bytes) -> None:
    try:
        algorithm, items = parse_compressed(data)
    except Malformed:
        return
    assert format_compressed(algorithm, items) == data


@given(items=items_strategy.filter(len), data=st.data())
def test_a_flipped_bit_never_reads_as_the_same_items(items: list[int], data: st.DataObject) -> None:
    raw = bytearray(format_compressed(1, np.array(items, np.uint32)))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    try:
        algorithm, read = parse_compressed(bytes(raw))
    except Malformed:
        return
    assert (algorithm, read.tolist()) != (1, items)


@given(items=items_strategy.filter(len), algorithm=st.integers(0, 4))
def test_the_library_writes_the_same_bytes(items: list[int], algorithm: int) -> None:
    chromaprint = pytest.importorskip(
        "chromaprint", reason="libchromaprint is not installed", exc_type=ImportError
    )
    signed = np.array(items, np.uint32).view(np.int32).tolist()
    theirs = bytes(chromaprint.encode_fingerprint(signed, algorithm, base64=False))
    assert format_compressed(algorithm, np.array(items, np.uint32)) == theirs


def test_the_producer_is_not_part_of_the_digest() -> None:
    ones = [
        Fingerprint(1, b"\1\0\0\0", sample_count=9, sample_rate=8, channels=1, producer=name)
        for name in ("libchromaprint 1.5.1", "ffmpeg 9.0 chromaprint")
    ]
    assert fingerprint_digest(ones[0]) == fingerprint_digest(ones[1])


def test_half_an_item_has_no_digest() -> None:
    with pytest.raises(Malformed):
        fingerprint_digest(
            Fingerprint(1, b"\1\0", sample_count=9, sample_rate=8, channels=1, producer="x")
        )
