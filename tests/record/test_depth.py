"""Nesting is told before a parser sees it, whatever limit a library set for the process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.record.depth import is_deeper

DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


@given(value=DOCUMENTS, ascii_only=st.booleans())
def test_the_depth_is_that_of_the_document(value: object, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    depth = depth_of(value)
    assert not is_deeper(data, depth)
    assert depth == 0 or is_deeper(data, depth - 1)


@pytest.mark.parametrize(
    ("data", "deeper"),
    [
        (b"[[[]]]", True),
        (b"[[][][]]", False),
        (b'["[[[["]', False),
        (rb'["\"[[[["]', False),
        (b'[[["never ends', True),
        (b'["never ends [[[[', False),
        (b"]]]][[[", False),
        (b"", False),
    ],
)
def test_brackets_in_text_do_not_count(data: bytes, deeper: bool) -> None:
    assert is_deeper(data, 2) is deeper


def test_a_million_brackets_do_not_end_a_process_whose_limit_web3_has_raised() -> None:
    program = (
        "import py_ecc, sys\n"
        "from stemproof.anchor.jsonrpc import decode_answer\n"
        "from stemproof.capture.states.decode import decode_state\n"
        "from stemproof.record.canonical import parse_canonical\n"
        "from stemproof.errors import StemproofError\n"
        "assert sys.getrecursionlimit() >= 100_000\n"
        "deep = b'[' * 1_000_000\n"
        "parameters, state = decode_state(deep)\n"
        "assert not parameters and state\n"
        "for parse in (decode_answer, lambda d: parse_canonical(d, what='x', max_bytes=2**21)):\n"
        "    try:\n"
        "        parse(deep)\n"
        "        sys.exit('taken')\n"
        "    except (ValueError, StemproofError):\n"
        "        pass\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
