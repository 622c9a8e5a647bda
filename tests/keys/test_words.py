"""Words typed by people: read generously in spacing, never in content, never repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.errors import BadInput
from stemproof.keys.words import format_words, parse_words

VECTORS = Path(__file__).parents[1] / "vectors" / "derivation"
REFUSED = sorted(VECTORS.glob("refused-*.json"))


def test_the_public_bip39_vectors_are_met() -> None:
    for entropy, words in json.loads((VECTORS / "bip39-vectors.json").read_text())["cases"]:
        assert format_words(bytes.fromhex(entropy)) == words
        assert parse_words(words).hex() == entropy


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_words_that_are_not_ours_are_refused(path: Path) -> None:
    with pytest.raises(BadInput):
        parse_words(json.loads(path.read_text())["words"])


@given(entropy=st.binary(min_size=32, max_size=32))
def test_every_entropy_survives_its_words(entropy: bytes) -> None:
    assert parse_words(format_words(entropy)) == entropy


@given(entropy=st.binary(min_size=32, max_size=32), place=st.integers(0, 23))
def test_one_word_left_out_is_refused(entropy: bytes, place: int) -> None:
    words = format_words(entropy).split()
    with pytest.raises(BadInput):
        parse_words(" ".join(words[:place] + words[place + 1 :]))


def test_spacing_and_capitals_do_not_matter() -> None:
    words = format_words(bytes(32))
    assert parse_words("  " + words.upper().replace(" ", "\n ") + "\n") == bytes(32)


def test_a_message_does_not_repeat_a_word() -> None:
    words = format_words(bytes(32)).replace("art", "secrt")
    with pytest.raises(BadInput) as refusal:
        parse_words(words)
    assert "secrt" not in str(refusal.value)
    assert "word 24" in str(refusal.value)


def test_entropy_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput):
        format_words(bytes(16))
