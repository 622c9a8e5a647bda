"""UnixFS: the same CIDs as the JavaScript importer, and as IPIP-499 prints."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.content.recipe import corpus, counter_stream, load_vectors

from stemproof.content.cid import Cid
from stemproof.content.dagpb import Kind, Link, PbNode, UnixFs, format_node, parse_node
from stemproof.content.unixfs import (
    DEFAULT_PROFILE,
    PROFILES,
    Node,
    Profile,
    build_directory,
    build_file,
    check_name,
    profile_named,
)
from stemproof.content.walk import read_file
from stemproof.errors import BadInput, Malformed, Undecided, Usage

IMPORTER = load_vectors("cid", "importer-*.json")
FILE_NAMES = load_vectors("filename", "*.json")


def profile_of(case: dict[str, Any]) -> Profile:
    return Profile(**case["profile"])


@pytest.mark.parametrize("case", IMPORTER, ids=lambda case: case["name"])
def test_files_of_every_size_get_the_cid_of_the_javascript_importer(case: dict[str, Any]) -> None:
    content = counter_stream(case["seed"], max(file["size"] for file in case["files"]))
    for file in case["files"]:
        source = io.BytesIO(content[: file["size"]])
        node = build_file(source, profile=profile_of(case))
        assert (file["size"], str(node.cid)) == (file["size"], file["cid"])
        assert node.size == file["size"]


@pytest.mark.parametrize("case", IMPORTER, ids=lambda case: case["name"])
def test_a_tree_gets_the_cid_of_the_javascript_importer(case: dict[str, Any]) -> None:
    profile = profile_of(case)
    top: dict[str, Node] = {}
    below: dict[str, Node] = {}
    for path, size in case["tree"]["entries"].items():
        node = build_file(io.BytesIO(counter_stream(path, size)), profile=profile)
        folder, _, name = path.rpartition("/")
        (below if folder else top)[name] = node
    top["vox"] = build_directory(below, profile=profile)
    assert str(build_directory(top, profile=profile).cid) == case["tree"]["cid"]


@pytest.mark.parametrize("name", ["unixfs-v1-2025", "unixfs-v0-2015", "kubo-v1-legacy"])
def test_the_profiles_that_vectors_were_made_for_are_the_profiles_we_use(name: str) -> None:
    case = next(case for case in IMPORTER if case["profile"]["name"] == name)
    assert profile_of(case) == PROFILES[name]


def test_the_small_files_of_ipip_499_get_the_cids_printed_there() -> None:
    path = corpus() / "vectors" / "ipfs-cid" / "ipip-0499-cids.json"
    if not path.is_file():
        pytest.skip(f"no corpus at {path}")
    document = json.loads(path.read_bytes())
    hello = {case["profile"]: case["cid"] for case in document["cases"] if "hello" in case["desc"]}
    assert hello.keys() == document["profiles"].keys()
    for name, cid in hello.items():
        node = build_file(io.BytesIO(b"hello world"), profile=PROFILES[name])
        assert str(node.cid) == cid
    v1 = document["profiles"]["unixfs-v1-2025"]
    assert (v1["chunk"], v1["dag_width"]) == ("fixed 1 MiB", DEFAULT_PROFILE.width)


class _Dripping(io.BytesIO):
    """Gives fewer bytes than are asked for, as a pipe does."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 7) if size != -1 else -1)


@given(content=st.binary(max_size=300), width=st.integers(2, 5), chunk=st.integers(1, 20))
def test_short_reads_do_not_change_the_cid(content: bytes, width: int, chunk: int) -> None:
    profile = Profile("x", chunk, width, raw_leaves=True, version=1)
    whole = build_file(io.BytesIO(content), profile=profile)
    assert build_file(_Dripping(content), profile=profile) == whole


@given(
    content=st.binary(max_size=300),
    width=st.integers(2, 5),
    chunk=st.integers(1, 20),
    raw=st.booleans(),
    version=st.integers(0, 1),
)
def test_what_is_built_reads_back(
    content: bytes, width: int, chunk: int, raw: bool, version: int
) -> None:
    blocks: dict[Cid, bytes] = {}
    profile = Profile("x", chunk, width, raw_leaves=raw, version=version)
    node = build_file(io.BytesIO(content), blocks.__setitem__, profile)
    assert b"".join(read_file(node.cid, blocks.__getitem__)) == content


def test_a_folder_too_large_for_one_block_is_refused() -> None:
    node = build_file(io.BytesIO(b"x"))
    entries = {f"take {number:06d}.wav": node for number in range(5000)}
    with pytest.raises(BadInput, match="5000 entries"):
        build_directory(entries)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a\0b", "line\nend", "x" * 256, "\udc80", "a\u202eb", "a\u200b"],
)
def test_a_name_that_is_no_file_name_everywhere_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        build_directory({name: build_file(io.BytesIO(b"x"))})


def test_an_unknown_profile_is_a_usage_error_that_names_the_known_ones() -> None:
    with pytest.raises(Usage, match="unixfs-v1-2025"):
        profile_named("unixfs-v2-2031")


def _node(*links: Link, unixfs: UnixFs) -> bytes:
    return format_node(PbNode(links, unixfs))


LEAF = build_file(io.BytesIO(b"x")).cid
FOLDER = _node(Link(LEAF, "a", 1), unixfs=UnixFs(Kind.DIRECTORY))


@given(data=st.data())
def test_a_changed_folder_block_is_refused_or_reads_as_another(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(FOLDER) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda new: new != FOLDER[at]))
    changed = FOLDER[:at] + bytes([byte]) + FOLDER[at + 1 :]
    try:
        assert format_node(parse_node(changed)) == changed
    except (Malformed, Undecided):
        pass


@given(block=st.binary(max_size=120))
def test_any_bytes_are_a_node_or_refused(block: bytes) -> None:
    try:
        assert format_node(parse_node(block)) == block
    except (Malformed, Undecided):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",  # no data
        "0a020801" + "0a020801",  # data twice
        "0a020801" + "120412000000",  # data before links
        "0a0308c100",  # padded number
        "0a0408011a00",  # filesize as bytes
        "0a0448011801",  # unknown field 9
        "0a0208ff",  # cut varint
        "0a7f0801",  # field longer than the block
        "0d00000000",  # wire type 5
    ],
)
def test_a_block_in_another_encoding_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_node(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("unixfs", "what"),
    [("0805", "sharded folder"), ("080412022f78", "symlink"), ("0802180038ed03", "file mode")],
)
def test_kinds_of_node_that_we_do_not_read_are_undecided(unixfs: str, what: str) -> None:
    message = bytes.fromhex(unixfs)
    with pytest.raises(Undecided):
        parse_node(b"\x0a" + bytes([len(message)]) + message)


@pytest.mark.parametrize("case", FILE_NAMES, ids=lambda case: case["name"])
def test_joiners_stand_where_writing_needs_them_and_nowhere_else(case: dict[str, Any]) -> None:
    assert case["name"].startswith("accepted" if case["accepted"] else "refused")
    if case["accepted"]:
        check_name(case["entry"])
    else:
        with pytest.raises(BadInput, match="invisible character"):
            check_name(case["entry"])


@given(st.text(st.characters(exclude_categories=["Cf", "Cs", "Cc"]), min_size=1, max_size=20))
def test_no_name_takes_what_turns_text_around(text: str) -> None:
    for letter in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200b\ufeff":
        with pytest.raises(BadInput):
            check_name(f"{text}{letter}{text}")
