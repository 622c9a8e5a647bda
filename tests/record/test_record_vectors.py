"""The vectors of events, commitments and canonical JSON: one case a file, mostly refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.record.make_vectors import VECTORS, write_all

from stemproof.errors import Malformed, Refuted, StemproofError, Undecided
from stemproof.record.canonical import canonical_bytes, parse_canonical
from stemproof.record.commitment import Opening, check_opening
from stemproof.record.event import format_header, leaf_hash, parse_header

Case = dict[str, Any]  # JSON, as read

KINDS = {"malformed": Malformed, "refuted": Refuted, "undecided": Undecided}


def run_event(case: Case) -> None:
    data = case["header"].encode()
    header = parse_header(data)
    assert format_header(header) == data
    assert leaf_hash(data).hex() == case["leaf"]


def run_commitment(case: Case) -> None:
    salt, value = bytes.fromhex(case["salt"]), bytes.fromhex(case["value"])
    check_opening(Opening(case["field"], salt, value), case["commitment"])


def run_canonical(case: Case) -> None:
    data = base64.b64decode(case["data"])
    assert canonical_bytes(parse_canonical(data, what="vector", max_bytes=1 << 20)) == data


RUNNERS: dict[str, Callable[[Case], None]] = {
    "event": run_event,
    "commitment": run_commitment,
    "canonical": run_canonical,
}
FILES = [path for check in RUNNERS for path in sorted((VECTORS / check).glob("*.json"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_vector_is_answered_as_it_wants(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    run = RUNNERS[path.parent.name]
    if case["want"] == "ok":
        run(case)
        return
    with pytest.raises(StemproofError) as caught:
        run(case)
    assert type(caught.value) is KINDS[case["kind"]]


@pytest.mark.parametrize("check", RUNNERS)
def test_most_vectors_of_a_check_are_refusals(check: str) -> None:
    wants = [json.loads(path.read_text())["want"] for path in (VECTORS / check).glob("*.json")]
    assert set(wants) == {"ok", "refused"}
    assert wants.count("refused") >= 3 * wants.count("ok")


def test_the_vectors_are_those_that_the_naive_code_makes(tmp_path: Path) -> None:
    write_all(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert made == {path.relative_to(VECTORS): path.read_bytes() for path in FILES}
