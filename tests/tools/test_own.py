"""A user's own rows: added, changed, never half-read."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.sessions.model import Device
from stemproof.capture.tools.catalogue import Catalogue, shipped_catalogue
from stemproof.capture.tools.own import MAX_OWN_BYTES, with_own
from stemproof.capture.tools.rows import Kind
from stemproof.errors import BadInput

OURS = {
    "id": "our-drummer",
    "vendor": "Us",
    "product": "Our Drummer",
    "form": "plugin",
    "kind": "gen",
    "stage": "composition",
    "role": "Programmer",
    "names": ["Our Drummer"],
    "says": "a model of our own",
}
NO = {"id": "izotope-ozone-8", "kind": "no", "why": "the assistant is never opened here"}


def lay(*rows: Any, **more: Any) -> Catalogue:
    return with_own(shipped_catalogue(), json.dumps({"v": 0, "tools": rows, **more}).encode())


def test_a_row_of_ones_own_is_found_by_name() -> None:
    match = lay(OURS).match(Device("Our Drummer", vendor="Us"))
    assert match is not None
    assert match.tool.is_own
    assert match.tool.kind is Kind.GEN


def test_a_row_that_ships_can_be_marked_as_no_suspect() -> None:
    device = Device("Ozone 8", vendor="iZotope")
    before, after = shipped_catalogue().match(device), lay(NO).match(device)
    assert before is not None
    assert before.tool.is_ai_capable
    assert after is not None
    assert not after.tool.is_ai_capable
    assert "never opened" in after.tool.says
    assert after.tool.sources  # what was read of it stays


def test_ones_own_row_decides_over_a_row_that_ships() -> None:
    own = {**OURS, "vendor": "iZotope", "names": ["Ozone 9"], "ids": {"vst2": ["ZnO9"]}}
    match = lay(own).match(Device("Ozone 9", vendor="iZotope"))
    assert match is not None
    assert match.tool.id == "our-drummer"


def test_the_rows_are_named_by_their_digest() -> None:
    data = json.dumps({"v": 0, "tools": [NO]}).encode()
    assert with_own(shipped_catalogue(), data).own == sha256(data).hexdigest()
    assert shipped_catalogue().own == ""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no JSON"),
        (b"[]", "is no object"),
        (b"{", "no JSON"),
        (b'{"v": 0, "v": 0, "tools": []}', "stands twice"),
        (b'{"v": 0.0, "tools": []}', "has no place"),
        (b'{"v": NaN, "tools": []}', "has no place"),
        (b'{"v": true, "tools": []}', "version True"),
        (b'{"v": 1, "tools": []}', "version 1"),
        (b'{"tools": []}', "version None"),
        (b'{"v": 0}', "no list"),
        (b'{"v": 0, "tools": {}}', "no list"),
        (b'{"v": 0, "tools": [], "more": 1}', "'more' that is not known"),
        (b'{"v": 0, "tools": [[[[[[[]]]]]]]}', "nested deeper"),
        (b'{"v": 0, "tools": [3]}', "is no object"),
        (b"\xff\xfe", "no JSON"),
        (b" " * (MAX_OWN_BYTES + 1), "want at most"),
        (json.dumps({"v": 0, "tools": [NO] * 501}).encode(), "at most 500"),
        (json.dumps({"v": 0, "tools": [NO, NO]}).encode(), "two rows izotope-ozone-8"),
        (json.dumps({"v": 0, "tools": [{**NO, "id": "nobody"}]}).encode(), "no tool 'nobody'"),
        (json.dumps({"v": 0, "tools": [{**NO, "kind": "x"}]}).encode(), "kind is 'x'"),
        (json.dumps({"v": 0, "tools": [{**NO, "names": []}]}).encode(), "not known"),
        (json.dumps({"v": 0, "tools": [{**OURS, "role": "King"}]}).encode(), "role is"),
    ],
)
def test_a_file_of_another_form_is_refused_whole(data: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        with_own(shipped_catalogue(), data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    with pytest.raises(BadInput):
        with_own(shipped_catalogue(), data)
