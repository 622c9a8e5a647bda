"""Vectors that other people published: RFC 6962 proofs, C2SP notes, checkpoints and proofs."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from stemproof.errors import Malformed, Refuted
from stemproof.seal.checkpoint import open_checkpoint, parse_checkpoint
from stemproof.seal.merkle import check_consistency, check_inclusion, leaf_hash
from stemproof.seal.note import (
    Signer,
    Verifier,
    check_note,
    format_note,
    format_verifier,
    parse_note,
    parse_verifier,
    sign_note,
)
from stemproof.seal.strict import format_base64
from stemproof.seal.tlogproof import format_tlog_proof, parse_tlog_proof

Case = dict[str, Any]  # JSON, as read

CORPUS = Path(
    os.environ.get("STEMPROOF_CORPUS", Path(__file__).parents[2].parent / "shared" / "corpus")
)
VECTORS = CORPUS / "vectors"

pytestmark = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="no corpus: set STEMPROOF_CORPUS to its folder"
)


def lines(name: str) -> list[Case]:
    return [
        json.loads(line)
        for line in (VECTORS / "rfc6962-merkle" / name).read_text().split("\n")
        if line
    ]


def tlog(name: str) -> Case:
    case: Case = json.loads((VECTORS / "c2sp-tlog" / name).read_text(encoding="utf-8"))
    return case


def plain(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def hashes(nodes: list[str] | None) -> list[bytes]:
    return [plain(node) for node in nodes or []]


def is_refused(check: Any, *args: Any) -> bool:  # any check of the room, with its arguments
    try:
        check(*args)
    except Refuted:
        return True
    return False


def test_all_inclusion_vectors_are_answered_as_upstream_does() -> None:
    cases = lines("inclusion.jsonl")
    assert len(cases) == 98
    for case in cases:
        leaf, root = plain(case["leafHash"]), plain(case["root"])
        proof = hashes(case["proof"])
        got = is_refused(check_inclusion, leaf, case["leafIdx"], case["treeSize"], proof, root)
        assert got == case["wantErr"], case["path"]


# Upstream compares these two roots of 12 bytes and is content; every hash of ours has 32 bytes.
ROOTS_THAT_ARE_NO_HASHES = (
    "testdata/consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"
)


def test_all_consistency_vectors_are_answered_as_upstream_does() -> None:
    cases = lines("consistency.jsonl")
    assert len(cases) == 98
    for case in cases:
        if case["path"] == ROOTS_THAT_ARE_NO_HASHES:
            with pytest.raises(Malformed, match="a hash of 32 bytes"):
                check_consistency(1, 1, [], plain(case["root1"]), plain(case["root2"]))
            check_consistency(1, 1, [], leaf_hash(b""), leaf_hash(b""))
            continue
        roots = plain(case["root1"]), plain(case["root2"])
        proof = hashes(case["proof"])
        got = is_refused(check_consistency, case["size1"], case["size2"], proof, *roots)
        assert got == case["wantErr"], case["path"]


def test_inclusion_in_a_subtree_is_inclusion_in_a_tree_of_its_own() -> None:
    checked = 0
    for case in lines("subtreeinclusion.jsonl"):
        start, size = case["start"], case["end"] - case["start"]
        if size < 1 or start % (1 << (size - 1).bit_length()):
            # Not a subtree by IETF merkle-tree-certs section 4.1: nothing of ours to ask.
            assert case["wantErr"], case["path"]
            continue
        leaf, root = plain(case["leafHash"]), plain(case["root"])
        proof, index = hashes(case["proof"]), case["leafIdx"] - start
        assert is_refused(check_inclusion, leaf, index, size, proof, root) == case["wantErr"]
        checked += 1
    assert checked > 150


SIGNED_NOTE = "signed-note.json"


def test_the_signed_note_of_golang_is_written_byte_for_byte() -> None:
    case = tlog(SIGNED_NOTE)
    secret = case["test_signing_key_published_by_upstream"].split("+", 4)
    signer = Signer(secret[2], plain(secret[4])[1:])
    assert sign_note(case["sign"]["text"], signer).decode() == case["sign"]["want"]
    assert format_verifier(signer.verifier) == case["vkeys_valid"][0]


def test_the_notes_of_golang_open_for_the_keys_that_signed_them() -> None:
    for case in tlog(SIGNED_NOTE)["open"]:
        # Our check takes one key, so an ambiguous list of keys cannot be given to it.
        for line in case["trusted"] if "duplicate" not in case["desc"] else []:
            verifier, data = parse_verifier(line), case["msg"].encode()
            if "error" in case:
                with pytest.raises(Refuted):
                    check_note(parse_note(data), verifier)
                continue
            note = parse_note(data)
            check_note(note, verifier)
            assert verifier.name in case["verified"]
            assert [each.name for each in note.signatures] == case["verified"] + case["unverified"]
            assert format_note(note) == data


def test_every_damaged_verifier_line_is_malformed() -> None:
    case = tlog(SIGNED_NOTE)
    for line in case["vkeys_valid"]:
        assert format_verifier(parse_verifier(line)) == line
    good = case["vkeys_valid"][0]
    damaged = set(case["vkeys_invalid"])
    damaged |= {good[i:j] for i in range(len(good) + 1) for j in range(i, len(good) + 1)} - {good}
    damaged |= {good[:i] + chr(ord(good[i]) + 1) + good[i + 1 :] for i in range(len(good))}
    for line in damaged:
        with pytest.raises(Malformed):
            parse_verifier(line)


def test_a_real_checkpoint_of_the_go_sum_database_opens() -> None:
    case = tlog("real-checkpoint-sum.golang.org.json")
    note = parse_note(case["checkpoint"].encode())
    check_note(note, parse_verifier(case["vkey"]))
    checkpoint = parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 35225469)


def test_the_checkpoints_of_c2sp_issue_99_are_told_apart() -> None:
    case = tlog("checkpoint-c2sp-issue-99.json")
    public = bytes.fromhex(case["ed25519_public_key_hex"])
    for each in case["cases"]:
        data = each["checkpoint"].encode()
        got = is_refused(open_checkpoint, data, public, each["checkpoint"].split("\n")[0])
        assert got != each["valid"], each["comment"]


def test_the_checkpoints_sent_to_a_witness_have_the_signatures_that_upstream_says() -> None:
    case = tlog("witness-add-checkpoint.json")
    verifier = parse_verifier(case["log_vkey"])
    assert verifier == Verifier(
        case["log_origin"], bytes.fromhex(case["log_ed25519_public_key_hex"])
    )
    for exchange in case["exchanges"]:
        data = exchange["request_body"].partition("\n\n")[2].encode()
        got = is_refused(open_checkpoint, data, verifier.public, verifier.name)
        assert got != exchange["log_signature_valid"]


def test_the_examples_of_the_specifications_are_read_and_written_back() -> None:
    for text in tlog("spec-examples-parse-only.json")["notes"]:
        assert format_note(parse_note(text.encode())).decode() == text


def test_checkpoint_bodies_are_read_as_upstream_does_but_with_roots_of_32_bytes() -> None:
    root = format_base64(bytes(32))
    for case in tlog("checkpoint-body-parse.json")["cases"]:
        body = case["body"]
        # Upstream takes roots of any length; the specification wants 32 bytes.
        with pytest.raises(Malformed):
            parse_checkpoint(body)
        for short in ("YmFuYW5hcw==", "dGhlIHZpZXcgZnJvbSB0aGUgdHJlZSB0b3BzIGlzIGdyZWF0IQ=="):
            body = body.replace(short, root)
        if case.get("error") or "NOT allowed" in case["desc"]:
            with pytest.raises(Malformed):
                parse_checkpoint(body)
            continue
        checkpoint = parse_checkpoint(body)
        assert "".join(f"{line}\n" for line in checkpoint.extensions) == case["rest"]
        assert checkpoint.origin == case.get("origin", "Log")
        assert checkpoint.size == case.get("size", 9944)


def test_tree_bodies_of_golang_are_read() -> None:
    case = tlog("tree-body-golang.json")
    checkpoint = parse_checkpoint(case["good"])
    assert (checkpoint.size, checkpoint.root) == (123456789012, leaf_hash(b"hello world"))
    # The first of the bad ones is a checkpoint all right, of a log that golang does not expect.
    assert parse_checkpoint(case["bad"][0]).origin == "not-go.sum database tree"
    for body in case["bad"][1:]:
        with pytest.raises(Malformed):
            parse_checkpoint(body)


def test_tlog_proofs_are_written_and_read_as_upstream_does() -> None:
    cases = tlog("tlog-proof-parse.json")
    for case in cases["marshal"]:
        nodes = tuple(hashes(case["hashes"]))
        data = case["want"].encode()
        proof = parse_tlog_proof(data)
        extra = case.get("extra", "").encode()
        assert (proof.index, proof.proof, proof.extra) == (case["index"], nodes, extra)
        assert proof.checkpoint.decode() == case["checkpoint"]
        assert format_tlog_proof(proof) == data
    for case in cases["invalid"]:
        with pytest.raises(Malformed):
            parse_tlog_proof(case["proof"].encode())
