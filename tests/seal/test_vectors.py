"""The vectors that the web page's verifier shares: one case a file, most of them refusals."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.seal.make_vectors import VECTORS, write_all

from stemproof.errors import Malformed, Refuted
from stemproof.seal.checkpoint import Checkpoint, open_checkpoint
from stemproof.seal.merkle import Digest, check_consistency, check_inclusion
from stemproof.seal.note import Verifier, check_note, parse_note
from stemproof.seal.workmap import check_map_absence, check_map_proof, map_key, parse_map_proof

Case = dict[str, Any]  # JSON, as read


def hashes(nodes: list[str]) -> list[bytes]:
    return [bytes.fromhex(node) for node in nodes]


def run_inclusion(case: Case) -> None:
    leaf, root = hashes([case["leaf"], case["root"]])
    check_inclusion(leaf, case["index"], case["size"], hashes(case["proof"]), root)


def run_consistency(case: Case) -> None:
    roots = hashes([case["root1"], case["root2"]])
    check_consistency(case["size1"], case["size2"], hashes(case["proof"]), *roots)


def run_mapproof(case: Case) -> None:
    key, map_root = map_key(bytes.fromhex(case["work"])), bytes.fromhex(case["map_root"])
    proof = parse_map_proof(bytes.fromhex(case["proof"]))
    if case["size"] is None:
        check_map_absence(key, proof, map_root)
    else:
        check_map_proof(key, case["size"], bytes.fromhex(case["root"]), proof, map_root)


def run_note(case: Case) -> None:
    note = parse_note(base64.b64decode(case["note"]))
    check_note(note, Verifier(case["name"], bytes.fromhex(case["public"])))


def run_checkpoint(case: Case) -> None:
    data, public = base64.b64decode(case["checkpoint"]), bytes.fromhex(case["public"])
    opened = open_checkpoint(data, public, case["origin"])
    root = Digest(bytes.fromhex(case["root"]))
    assert opened == Checkpoint(case["origin"], case["size"], root)


RUNNERS: dict[str, Callable[[Case], None]] = {
    "inclusion": run_inclusion,
    "consistency": run_consistency,
    "mapproof": run_mapproof,
    "note": run_note,
    "checkpoint": run_checkpoint,
}
FILES = [path for check in RUNNERS for path in sorted((VECTORS / check).glob("*.json"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_vector_is_answered_as_it_wants(path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    run = RUNNERS[path.parent.name]
    if case["want"] == "ok":
        run(case)
        return
    with pytest.raises(Refuted) as caught:
        run(case)
    assert type(caught.value) is (Malformed if case["kind"] == "malformed" else Refuted)


@pytest.mark.parametrize("check", RUNNERS)
def test_most_vectors_of_a_check_are_refusals(check: str) -> None:
    wants = [json.loads(path.read_text())["want"] for path in (VECTORS / check).glob("*.json")]
    assert set(wants) == {"ok", "refused"}
    assert wants.count("refused") >= 3 * wants.count("ok")


def test_the_vectors_are_those_that_the_naive_code_makes(tmp_path: Path) -> None:
    write_all(tmp_path)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert made == {path.relative_to(VECTORS): path.read_bytes() for path in FILES}
