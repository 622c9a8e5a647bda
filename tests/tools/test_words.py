"""Names are compared by whole words: nothing inside a word, nothing across its bounds."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.sessions.model import Device
from stemproof.capture.tools.catalogue import shipped_catalogue
from stemproof.capture.tools.words import contains, matches, name_words, split_words

LETTERS = st.text(string.ascii_letters, min_size=1, max_size=12)
SPACES = st.sampled_from([" ", "-", "_", ":", " / ", ", "])
# Words that people take for AI when they stand inside others.
SUSPECTS = ("AI", "Udio", "Suno", "Moises", "RVC", "YuE")


@pytest.mark.parametrize(
    "name",
    [
        *("Studio One", "Studio Reverb", "Audio Track", "Main", "Aiff", "AIFF Player", "Claire"),
        *("Captain", "Brainworx bx_digital", "Air", "Chain", "Domain", "Gain", "Sunology", "Udiom"),
        *("Ozone", "Ozone 90", "Ozone 91", "Ozonator 9", "Neutronium 3", "Nectarine 3", "RC-20"),
        *("Stable", "Audio", "Retrieval", "Sunosaurus", "Yue-Bass", "Demucsy", "TAL-Chorus"),
        *("Auto Pan", "Vocaloid", "Synth V", "Melody", "Smart Compressor", "smart", "EQ 3"),
    ],
)
def test_a_name_that_only_sounds_alike_is_no_finding(name: str) -> None:
    match = shipped_catalogue().match(Device(name))
    assert match is None or not match.tool.is_ai_capable
    assert not [m for m in shipped_catalogue().match_text(name) if m.tool.is_ai_capable]


def test_studio_one_is_not_udio() -> None:
    catalogue = shipped_catalogue()
    assert [m.tool.id for m in catalogue.match_text("Studio One")] == ["presonus-studio-one"]
    assert [m.tool.id for m in catalogue.match_text("Udio")] == ["udio"]


@given(before=LETTERS, after=LETTERS, inner=st.sampled_from(SUSPECTS))
def test_letters_inside_a_word_are_never_a_match(before: str, after: str, inner: str) -> None:
    words = split_words(f"{before}{inner}{after}")
    assert not matches(inner, words)
    assert not matches(f"{inner} *", words)
    assert not contains(words, split_words(inner))


@given(name=LETTERS, tail=LETTERS, space=SPACES)
def test_a_pattern_takes_whole_words_only(name: str, tail: str, space: str) -> None:
    words = split_words(f"{name}{space}{tail}")
    assert matches(f"{name} *", words)
    assert not matches(name, words)
    assert not matches(f"{name}{tail} *", words)
    assert matches(f"{name} {tail}", words) == 2


@given(st.text(max_size=400))
def test_splitting_takes_any_text_and_is_stable(text: str) -> None:
    words = split_words(text)
    assert split_words(" ".join(words)) == words
    assert all(words)


@given(st.text(max_size=400), st.text(max_size=80))
def test_no_text_breaks_the_search(name: str, vendor: str) -> None:
    catalogue = shipped_catalogue()
    catalogue.match(Device(name, vendor=vendor))
    catalogue.match_text(name)
    catalogue.near(name)


@pytest.mark.parametrize(
    ("name", "vendor", "words"),
    [
        ("iZotope Ozone 9", "iZotope", ("ozone", "9")),
        ("Ozone9", "", ("ozone", "9")),
        ("Ozone 9 (x64)", "iZotope, Inc.", ("ozone", "9")),
        ("Vocal Rider Mono", "Waves", ("vocal", "rider")),
        ("ReaEQ 'Suno'", "Cockos", ("reaeq",)),
        ("Mono", "", ("mono",)),
        ("\uff2fzone 9", "", ("ozone", "9")),
    ],
)
def test_what_a_host_adds_to_a_name_is_left_out(
    name: str, vendor: str, words: tuple[str, ...]
) -> None:
    assert name_words(name, vendor) == words
