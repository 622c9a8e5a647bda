"""The backup file's format: whatever was not written by its owner is refused."""

from __future__ import annotations

import io
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.errors import Malformed, Undecided
from stemproof.log import container
from stemproof.log.container import FOOTER_BYTES, Footer, Member, Part
from stemproof.record.canonical import canonical_bytes

KEY = bytes(range(32))
NAMES = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8)


def footer_at(offset: int, *, number: int = 1) -> Footer:
    table = sha256(b"").digest()
    return Footer(number, 1_700_000_000_000, 0, offset, 0, bytes(32), table)


def placed(*pieces: bytes) -> io.BytesIO:
    return io.BytesIO(b"".join(pieces))


def test_the_last_good_footer_is_found_behind_any_tail() -> None:
    first = container.format_footer(footer_at(100), KEY)
    second = container.format_footer(footer_at(300 + FOOTER_BYTES, number=2), KEY)
    file = placed(bytes(100), first, bytes(200), second, b"stemproof-end/v0", bytes(2_000_000))
    found = container.find_footer(file, KEY)
    assert found is not None
    assert (found.number, found.end) == (2, 300 + 2 * FOOTER_BYTES)


@given(gap=st.integers(0, 200))
def test_a_footer_across_two_windows_is_found(gap: int) -> None:
    sealed = container.format_footer(footer_at(50), KEY)
    tail = bytes(1024 * 1024 - FOOTER_BYTES - 100 + gap)
    assert container.find_footer(placed(bytes(50), sealed, tail), KEY) == footer_at(50)


@given(place=st.integers(0, FOOTER_BYTES - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_of_a_footer_unseals_it(place: int, bit: int) -> None:
    sealed = bytearray(container.format_footer(footer_at(50), KEY))
    sealed[place] ^= 1 << bit
    assert container.find_footer(placed(bytes(50), bytes(sealed)), KEY) is None


def test_a_footer_of_other_keys_or_from_another_place_is_none() -> None:
    sealed = container.format_footer(footer_at(50), KEY)
    assert container.find_footer(placed(bytes(50), sealed), bytes(32)) is None
    assert container.find_footer(placed(bytes(51), sealed), KEY) is None
    assert container.find_footer(placed(bytes(50), sealed[:-1]), KEY) is None
    assert container.find_footer(placed(), KEY) is None


def test_a_file_full_of_marks_is_read_in_one_pass() -> None:
    assert container.find_footer(placed(b"stemproof-end/v0" * 20_000), KEY) is None


def table_file(parts: list[Part], *, manifest_offset: int) -> tuple[io.BytesIO, Footer]:
    table = container.format_table(parts)
    footer = Footer(1, 0, manifest_offset, 0, len(parts), bytes(32), sha256(table).digest())
    return placed(bytes(manifest_offset), table), footer


@given(ids=st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=8))
def test_a_table_is_read_as_it_was_written(ids: list[bytes]) -> None:
    parts = [Part(name, bytes(32), place, 1) for place, name in enumerate(sorted(ids))]
    file, footer = table_file(parts, manifest_offset=10)
    assert container.read_table(file, footer) == parts


@pytest.mark.parametrize(
    "parts",
    [
        [Part(b"b" * 32, bytes(32), 0, 1), Part(b"a" * 32, bytes(32), 1, 1)],
        [Part(b"a" * 32, bytes(32), 0, 1), Part(b"a" * 32, bytes(32), 0, 1)],
        [Part(b"a" * 32, bytes(32), 9, 2)],
        [Part(b"a" * 32, bytes(32), 2**64 - 1, 1)],
        [Part(b"a" * 32, bytes(32), 0, container.MAX_SEALED_PART + 1)],
    ],
)
def test_a_table_that_we_would_not_write_is_refused(parts: list[Part]) -> None:
    file, footer = table_file(parts, manifest_offset=10)
    with pytest.raises(Malformed):
        container.read_table(file, footer)


def test_a_table_of_too_many_parts_is_refused_before_it_is_read() -> None:
    footer = replace(footer_at(0), parts=container.MAX_PARTS + 1)
    with pytest.raises(Malformed, match="at most"):
        container.read_table(placed(), footer)


def test_an_altered_table_is_refused() -> None:
    file, footer = table_file([Part(b"a" * 32, bytes(32), 0, 1)], manifest_offset=10)
    file.getbuffer()[12] ^= 1
    with pytest.raises(Malformed, match="table"):
        container.read_table(file, footer)


@given(
    files=st.dictionaries(
        NAMES, st.tuples(st.integers(0, 2**40), st.lists(st.integers(0, 4), max_size=4)), max_size=5
    )
)
def test_a_manifest_is_read_as_it_was_written(files: dict[str, tuple[int, list[int]]]) -> None:
    members = [Member(f"vault/{name}", size, tuple(parts)) for name, (size, parts) in files.items()]
    assert container.parse_manifest(container.format_manifest(members), 5) == members


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../x", "a/../b", "a/./b", "a//b", "a/", "./a", "..", ".", "a\\b",
        "C:/x", "c:x", "a\x00b", "a\nb", "x" * 1025, "a/.. /b", "a /b", "con./x", "a*b", "a?b",
    ],
)  # fmt: skip
def test_a_path_that_could_leave_the_folder_is_refused(path: str) -> None:
    with pytest.raises(Malformed, match="path"):
        container.parse_manifest(container.format_manifest([Member(path, 0, ())]), 0)


@pytest.mark.parametrize(
    "paths", [["a", "a"], ["a", "A"], ["a", "a/b"], ["b/c/d", "B"], ["ß", "ss"]]
)
def test_paths_that_meet_each_other_are_refused(paths: list[str]) -> None:
    with pytest.raises(Malformed, match="path"):
        container.check_paths(paths)


@pytest.mark.parametrize(
    "manifest",
    [
        {"files": []},
        {"files": {}, "v": 0},
        {"files": [], "v": 0, "x": 1},
        {"files": [], "v": True},
        {"files": [7], "v": 0},
        {"files": [{"parts": [], "path": "a"}], "v": 0},
        {"files": [{"parts": [], "path": 7, "size": 0}], "v": 0},
        {"files": [{"parts": [], "path": "a", "size": -1}], "v": 0},
        {"files": [{"parts": [], "path": "a", "size": True}], "v": 0},
        {"files": [{"parts": 0, "path": "a", "size": 0}], "v": 0},
        {"files": [{"parts": [2], "path": "a", "size": 0}], "v": 0},
        {"files": [{"parts": [-1], "path": "a", "size": 0}], "v": 0},
        {"files": [{"parts": [True], "path": "a", "size": 0}], "v": 0},
        {"files": [{"parts": ["0"], "path": "a", "size": 0}], "v": 0},
    ],
)
# Any JSON may stand in a hostile manifest.
def test_a_manifest_that_we_would_not_write_is_refused(manifest: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        container.parse_manifest(canonical_bytes(manifest), 2)  # type: ignore[arg-type] # hostile


def test_a_newer_manifest_is_undecided() -> None:
    with pytest.raises(Undecided):
        container.parse_manifest(b'{"v":1}', 0)
