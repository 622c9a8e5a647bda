"""Publications and what an index is told of them: one form each, anything else refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.claim.publication import (
    format_commit_data,
    format_publication,
    parse_commit_data,
    parse_publication,
)
from stemproof.errors import Malformed, StemproofError, Undecided

VECTORS = {
    path.stem: path
    for path in sorted((Path(__file__).parents[1] / "vectors/publication").glob("*"))
}
REFUSED = [name for name in VECTORS if name.startswith("refused")]


def _vector(name: str) -> dict[str, Any]:  # Any: as JSON gives it
    found: dict[str, Any] = json.loads(VECTORS[name].read_text(encoding="utf-8"))
    return found


def test_a_publication_is_read_and_written_the_same() -> None:
    vector = _vector("song")
    data = vector["publication"].encode()
    publication = parse_publication(data)
    assert format_publication(publication) == data
    assert (publication.bundle.cid, publication.bundle.size) == (
        vector["cid"],
        vector["bundle_bytes"],
    )
    assert hashlib.sha256(publication.signed.claim).hexdigest() == vector["claim_sha256"]
    assert format_commit_data(data, vector["cid"]) == vector["commit"]
    said = parse_commit_data(vector["commit"])
    assert (said.claim.hex(), said.publication) == (vector["claim_sha256"], vector["cid"])


@pytest.mark.parametrize("name", REFUSED)
def test_another_form_is_refused(name: str) -> None:
    vector = _vector(name)
    with pytest.raises(Malformed) as refusal:
        if "commit" in vector:
            parse_commit_data(vector["commit"])
        else:
            parse_publication(vector["publication"].encode())
    assert vector["why"] in str(refusal.value)


def test_a_newer_format_is_undecided() -> None:
    with pytest.raises(Undecided, match="format version 1"):
        parse_publication(_vector("newer-format")["publication"].encode())


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_an_altered_byte_is_refused_or_read_as_what_it_says(place: int, value: int) -> None:
    data = bytearray(_vector("song")["publication"].encode())
    data[place % len(data)] = value
    try:
        assert format_publication(parse_publication(bytes(data))) == bytes(data)
    except StemproofError:
        pass
