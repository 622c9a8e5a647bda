"""What may be recorded of a call: nothing secret, nothing unbounded."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemproof.capture.prompts.plain import (
    MAX_ITEMS,
    MAX_PARAMETERS,
    MAX_TEXT,
    is_secret_name,
    plain_endpoint,
    plain_parameters,
    plain_text,
    without_secrets,
)
from stemproof.record.canonical import canonical_bytes


@pytest.mark.parametrize(
    "name",
    "Authorization x-api-key apiKey api_key xi-api-key X-Goog-Api-Key Cookie set-cookie token"
    " accessToken access_token refresh_token id_token client_secret password session_token"
    " private_key proxy-authorization Bearer jwt botToken OpenAI-API-Key".split(),
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    "max_tokens maxTokens max_completion_tokens key key_scale music_key prompt tokens stop"
    " author top_k seed keyword output_tokens session".split(),
)
def test_names_of_settings_are_not_taken_for_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-" + "A1b2" * 8,
        "sk-ant-api03-" + "x_9-" * 8,
        "Bearer abcdefghijklmnop",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.c2lnbmF0dXJl",
        "AIza" + "B" * 35,
        "hf_" + "c" * 30,
    ],
)
def test_texts_lose_what_has_the_form_of_a_key(secret: str) -> None:
    told = without_secrets(f"before {secret} after")
    assert secret not in told
    assert told.startswith("before ")
    assert told.endswith(" after")


def test_texts_lose_what_is_known_to_be_secret() -> None:
    assert "hunter2hunter2" not in without_secrets("xhunter2hunter2y", ["hunter2hunter2"])


def test_a_short_word_is_not_taken_out_of_every_text() -> None:
    assert without_secrets("a song about a key", ["a"]) == "a song about a key"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://me:pw@api.example/v1/x?key=1#f", "api.example/v1/x"),
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080/v1"),
        ("api.example/v1?token=abc", "api.example/v1"),
        ("https://[::1", ""),
        ("https://a:99999/x", ""),
        ("https://api.example/\x00\n\u202e/x", "api.example//x"),
    ],
)
def test_an_endpoint_is_host_and_path(url: str, told: str) -> None:
    assert plain_endpoint(url) == told


def test_a_text_is_cut_after_its_secrets_are_out() -> None:
    key = "sk-" + "a" * 40
    told = plain_text("x" * (MAX_TEXT - 20) + " " + key)
    assert "sk-a" not in told


def test_bounds_hold_for_huge_objects() -> None:
    wide = plain_parameters({f"m{n}": list(range(1000)) for n in range(1000)})
    assert len(wide) == MAX_PARAMETERS
    assert len(wide["m0"] if isinstance(wide["m0"], list) else []) == MAX_ITEMS
    deep: object = "bottom"
    for _ in range(100):
        deep = {"d": deep}
    assert "bottom" not in json.dumps(plain_parameters({"deep": deep}))


def test_a_number_without_end_is_named_by_its_size() -> None:
    assert plain_parameters({"n": 10**5000}) == {"n": "(a number of 16610 bits)"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_whatever_comes_has_a_canonical_form(raw: dict[str, object]) -> None:
    canonical_bytes(plain_parameters(raw))


@given(st.text())
def test_any_address_is_bounded_and_printable(url: str) -> None:
    told = plain_endpoint(url)
    assert len(told) <= 320
    assert "?" not in told
