"""Reading files and folders out of blocks that strangers made."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.content.cid import DAG_PB, RAW, Cid, cid_of
from stemproof.content.dagpb import Kind, Link, PbNode, UnixFs, format_node
from stemproof.content.unixfs import Profile, build_directory, build_file
from stemproof.content.walk import (
    Bounds,
    file_size,
    is_folder,
    list_folder,
    read_file,
    read_range,
    walk_blocks,
    walk_tree,
)
from stemproof.errors import BadInput, Malformed, Refuted, Undecided

Blocks = dict[Cid, bytes]
SMALL = Profile("small", 4, 3, raw_leaves=True, version=1)


def add_node(blocks: Blocks, links: list[Link], unixfs: UnixFs) -> Cid:
    block = format_node(PbNode(tuple(links), unixfs))
    cid = cid_of(block, codec=DAG_PB)
    blocks[cid] = block
    return cid


def add_leaf(blocks: Blocks, content: bytes) -> Cid:
    cid = cid_of(content, codec=RAW)
    blocks[cid] = content
    return cid


def file_over(blocks: Blocks, children: list[tuple[Cid, int]], size: int | None = None) -> Cid:
    sizes = tuple(size for _, size in children)
    links = [Link(cid, "", size) for cid, size in children]
    total = sum(sizes) if size is None else size
    return add_node(blocks, links, UnixFs(Kind.FILE, None, total, sizes))


def test_a_block_that_is_not_the_one_named_is_refused() -> None:
    blocks: Blocks = {}
    node = build_file(io.BytesIO(b"0123456789abcdef"), blocks.__setitem__, SMALL)
    leaf = next(cid for cid in blocks if cid.codec == RAW)
    blocks[leaf] = b"lies"
    with pytest.raises(Malformed):
        list(read_file(node.cid, blocks.__getitem__))


@given(content=st.binary(max_size=200), start=st.integers(0, 220), length=st.integers(0, 220))
def test_a_range_is_the_slice(content: bytes, start: int, length: int) -> None:
    blocks: Blocks = {}
    root = build_file(io.BytesIO(content), blocks.__setitem__, SMALL).cid
    parts = read_range(root, blocks.__getitem__, start=start, stop=start + length)
    assert b"".join(parts) == content[start : start + length]
    assert file_size(root, blocks.__getitem__) == len(content)


def test_a_range_fetches_only_the_blocks_it_needs() -> None:
    blocks: Blocks = {}
    root = build_file(io.BytesIO(bytes(range(240))), blocks.__setitem__, SMALL).cid
    asked: list[Cid] = []

    def get(cid: Cid) -> bytes:
        asked.append(cid)
        return blocks[cid]

    assert b"".join(read_range(root, get, start=100, stop=102)) == b"de"
    assert len([cid for cid in asked if cid.codec == RAW]) == 1


@pytest.mark.parametrize("said", [1, 3, 5])
def test_a_child_of_another_size_than_its_parent_says_is_refused(said: int) -> None:
    blocks: Blocks = {}
    root = file_over(blocks, [(add_leaf(blocks, b"four"), said)])
    with pytest.raises(Malformed, match="size"):
        list(read_file(root, blocks.__getitem__))


def test_a_child_without_bytes_is_refused() -> None:
    blocks: Blocks = {}
    root = file_over(blocks, [(add_leaf(blocks, b""), 0)])
    with pytest.raises(Malformed, match="blocksize"):
        list(read_file(root, blocks.__getitem__))


def test_a_filesize_that_is_not_the_sum_is_refused() -> None:
    blocks: Blocks = {}
    root = file_over(blocks, [(add_leaf(blocks, b"four"), 4)], size=5)
    with pytest.raises(Malformed, match="filesize"):
        list(read_file(root, blocks.__getitem__))


def test_fewer_sizes_than_links_are_refused() -> None:
    blocks: Blocks = {}
    leaf = Link(add_leaf(blocks, b"four"), "", 4)
    root = add_node(blocks, [leaf, leaf], UnixFs(Kind.FILE, None, 4, (4,)))
    with pytest.raises(Malformed, match="blocksizes"):
        list(read_file(root, blocks.__getitem__))


def _bomb(blocks: Blocks, levels: int) -> Cid:
    """100 links a level to the same child: 100 ** levels leaves out of `levels` blocks."""
    cid, size = add_leaf(blocks, b"boom"), 4
    for _ in range(levels):
        cid, size = file_over(blocks, [(cid, size)] * 100), size * 100
    return cid


def test_a_bomb_ends_at_the_bound_on_bytes() -> None:
    blocks: Blocks = {}
    root = _bomb(blocks, 6)
    received = 0
    with pytest.raises(Refuted, match="longer"):
        for part in read_file(root, blocks.__getitem__, Bounds(max_bytes=1000)):
            received += len(part)
    assert received <= 1000


def test_a_bomb_ends_at_the_bound_on_blocks() -> None:
    blocks: Blocks = {}
    with pytest.raises(Refuted, match="blocks"):
        list(read_file(_bomb(blocks, 4), blocks.__getitem__, Bounds(max_blocks=50)))


def test_walking_a_bomb_visits_each_of_its_blocks_once() -> None:
    blocks: Blocks = {}
    root = _bomb(blocks, 8)
    assert len(list(walk_blocks(root, blocks.__getitem__))) == 9


def test_a_dag_deeper_than_the_bound_is_refused() -> None:
    blocks: Blocks = {}
    cid = add_leaf(blocks, b"deep")
    for _ in range(40):
        cid = file_over(blocks, [(cid, 4)])
    for walk in (read_file, walk_blocks):
        with pytest.raises(Refuted, match="deeper"):
            list(walk(cid, blocks.__getitem__))


def test_folders_inside_each_other_end_at_the_bound() -> None:
    blocks: Blocks = {}
    cid = add_node(blocks, [], UnixFs(Kind.DIRECTORY))
    for _ in range(40):
        cid = add_node(blocks, [Link(cid, "in", 1)], UnixFs(Kind.DIRECTORY))
    with pytest.raises(Refuted, match="deeper"):
        list(walk_tree(cid, blocks.__getitem__))


def test_a_tree_of_shared_folders_ends_at_the_bound_on_entries() -> None:
    blocks: Blocks = {}
    cid = add_leaf(blocks, b"x")
    for _ in range(8):
        links = [Link(cid, f"{number:03d}", 1) for number in range(100)]
        cid = add_node(blocks, links, UnixFs(Kind.DIRECTORY))
    with pytest.raises(Refuted, match="entries"):
        list(walk_tree(cid, blocks.__getitem__, Bounds(max_entries=5000)))


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../up", "/etc/passwd", "a\\..\\b", "a\0", "\x1b["]
)
def test_an_entry_that_would_leave_its_folder_is_refused(name: str) -> None:
    blocks: Blocks = {}
    leaf = add_leaf(blocks, b"x")
    root = add_node(blocks, [Link(leaf, name, 1)], UnixFs(Kind.DIRECTORY))
    with pytest.raises(Malformed):
        list(walk_tree(root, blocks.__getitem__))


@pytest.mark.parametrize("names", [("a", "a"), ("b", "a"), ("a-b", "a")])
def test_entries_twice_or_out_of_order_are_refused(names: tuple[str, str]) -> None:
    blocks: Blocks = {}
    leaf = add_leaf(blocks, b"x")
    root = add_node(blocks, [Link(leaf, name, 1) for name in names], UnixFs(Kind.DIRECTORY))
    with pytest.raises(Malformed):
        list_folder(root, blocks.__getitem__)


def test_a_tree_is_listed_from_the_top() -> None:
    blocks: Blocks = {}
    put = blocks.__setitem__
    file = build_file(io.BytesIO(b"0123456789"), put, SMALL)
    inner = build_directory({"lead.wav": file}, put)
    root = build_directory({"vox": inner, "bass.wav": file}, put).cid
    listed = [(entry.path, entry.is_folder) for entry in walk_tree(root, blocks.__getitem__)]
    assert listed == [
        ((), True),
        (("bass.wav",), False),
        (("vox",), True),
        (("vox", "lead.wav"), False),
    ]
    assert is_folder(root, blocks.__getitem__)
    assert not is_folder(file.cid, blocks.__getitem__)
    with pytest.raises(BadInput, match="folder"):
        list(read_file(root, blocks.__getitem__))
    with pytest.raises(BadInput, match="file"):
        list_folder(file.cid, blocks.__getitem__)


def test_a_codec_that_is_not_followed_is_undecided() -> None:
    block = b"\xa0"
    cid = cid_of(block, codec=0x71)
    with pytest.raises(Undecided):
        list(walk_blocks(cid, {cid: block}.__getitem__))
