"""Which stretches of a text came out of a generator, by vectors, properties and the clock."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.blame.spans import MIN_LENGTH, find_spans

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "spans").glob("*.json"))
TEXTS = st.text(alphabet="ab \n'é", max_size=120)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_vector_reads_as_it_says(path: Path) -> None:
    vector = json.loads(path.read_text())
    spans = find_spans(vector["text"], vector["outputs"])
    assert [[vector["text"][s.start : s.end], s.output] for s in spans] == vector["spans"]


@given(TEXTS, st.lists(TEXTS, max_size=3))
def test_spans_lie_in_order_and_apart_and_stand_in_their_output(
    text: str, outputs: list[str]
) -> None:
    at = 0
    for span in find_spans(text, outputs):
        assert at <= span.start < span.end <= len(text)
        at = span.end
        words = " ".join(text[span.start : span.end].split())
        assert words in " ".join(outputs[span.output].split())


@given(st.text(alphabet="abcdefg ", min_size=MIN_LENGTH + 4, max_size=200))
def test_a_text_of_four_words_is_found_in_itself(text: str) -> None:
    spans = find_spans(text, [text])
    bare = " ".join(text.split())
    if len(bare) >= MIN_LENGTH and len(bare.split()) >= 4 and text == bare:
        assert [(span.start, span.end) for span in spans] == [(0, len(text))]


def test_a_text_that_repeats_itself_takes_no_longer() -> None:
    text = "la la la na " * 20_000
    began = time.perf_counter()
    spans = find_spans(text, [text[6:], text])
    assert spans
    assert time.perf_counter() - began < 5
