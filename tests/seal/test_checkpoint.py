"""Checkpoints and `.tlog-proof` files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.seal import naive

from stemproof.errors import Malformed, Refuted
from stemproof.seal.checkpoint import (
    MAX_CHECKPOINT_SIZE,
    Checkpoint,
    format_checkpoint,
    open_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
)
from stemproof.seal.ed25519 import public_of
from stemproof.seal.merkle import Digest, leaf_hash
from stemproof.seal.note import Signer, sign_note
from stemproof.seal.tlogproof import (
    TlogProof,
    check_tlog_proof,
    format_tlog_proof,
    parse_tlog_proof,
)

SEED = bytes(range(32))
PUBLIC = public_of(SEED)
ORIGIN = "stemproof/0123456789ab/ba9876543210"
ENTRIES = [b"entry %d" % n for n in range(7)]
CHECKPOINT = Checkpoint(ORIGIN, 7, Digest(naive.root(ENTRIES)))
SIGNED = sign_checkpoint(CHECKPOINT, SEED)

origins = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="+"), min_size=1
)
checkpoints = st.builds(
    Checkpoint, origins, st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32)
)


@given(checkpoint=checkpoints)
def test_a_checkpoint_is_read_back(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint
    signed = sign_checkpoint(checkpoint, SEED)
    assert open_checkpoint(signed, PUBLIC, checkpoint.origin) == checkpoint


@given(bit=st.integers(0, len(SIGNED) * 8 - 1))
def test_every_flipped_bit_of_a_signed_checkpoint_is_refused(bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refuted):
        open_checkpoint(bytes(changed), PUBLIC, ORIGIN)


@given(cut=st.integers(0, len(SIGNED) - 1))
def test_a_cut_checkpoint_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        open_checkpoint(SIGNED[:cut], PUBLIC, ORIGIN)


def test_the_key_or_origin_of_another_log_is_refuted() -> None:
    with pytest.raises(Refuted, match="no signature by"):
        open_checkpoint(SIGNED, public_of(bytes(32)), ORIGIN)
    with pytest.raises(Refuted, match="no signature by"):
        open_checkpoint(SIGNED, PUBLIC, ORIGIN + "0")


def test_a_checkpoint_of_another_log_under_this_name_is_refuted() -> None:
    text = format_checkpoint(replace(CHECKPOINT, origin="another"))
    with pytest.raises(Refuted, match="checkpoint is of log 'another'"):
        open_checkpoint(sign_note(text, Signer(ORIGIN, SEED)), PUBLIC, ORIGIN)


def test_a_second_signature_is_unsigned_bytes() -> None:
    text = format_checkpoint(CHECKPOINT)
    other = sign_note(text, Signer("witness", bytes(32))).split(b"\n\n")[1]
    with pytest.raises(Malformed, match="number of signatures"):
        open_checkpoint(SIGNED + other, PUBLIC, ORIGIN)


def test_extension_lines_are_kept_but_not_ours() -> None:
    extended = replace(CHECKPOINT, extensions=("more", "lines"))
    text = format_checkpoint(extended)
    assert parse_checkpoint(text) == extended
    with pytest.raises(Malformed, match="extension lines"):
        sign_checkpoint(extended, SEED)
    with pytest.raises(Malformed, match="extension lines"):
        open_checkpoint(sign_note(text, Signer(ORIGIN, SEED)), PUBLIC, ORIGIN)


ROOT = format_checkpoint(CHECKPOINT).split("\n")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"log\n7\n{ROOT}",
        "log\n7\n",
        f"\n7\n{ROOT}\n",
        f"log\n07\n{ROOT}\n",
        f"log\n-7\n{ROOT}\n",
        f"log\n 7\n{ROOT}\n",
        f"log\n{2**64}\n{ROOT}\n",
        f"log\n7\n{ROOT[:-1]}\n",
        f"log\n7\n{ROOT} \n",
        f"log\n7\n{'A' * 40}\n",
        f"log\n7\n{ROOT}\n\n",
        f"log\r\n7\n{ROOT}\n",
    ],
)
def test_a_text_that_we_would_not_write_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "checkpoint",
    [
        replace(CHECKPOINT, size=-1),
        replace(CHECKPOINT, size=2**64),
        replace(CHECKPOINT, root=Digest(b"short")),
        replace(CHECKPOINT, origin=""),
        replace(CHECKPOINT, origin="two\nlines"),
        replace(CHECKPOINT, origin="two words"),
        replace(CHECKPOINT, origin="a+b"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_back_is_not_signed(checkpoint: Checkpoint) -> None:
    with pytest.raises(Malformed):
        sign_checkpoint(checkpoint, SEED)


def test_an_overlong_checkpoint_is_malformed() -> None:
    long = Checkpoint("o" * MAX_CHECKPOINT_SIZE, 1, Digest(bytes(32)))
    with pytest.raises(Malformed, match="size of the checkpoint"):
        open_checkpoint(sign_checkpoint(long, SEED), PUBLIC, long.origin)


@given(index=st.integers(0, 6), extra=st.binary(max_size=9))
def test_a_tlog_proof_is_read_back_and_checks(index: int, extra: bytes) -> None:
    path = tuple(Digest(node) for node in naive.path(index, ENTRIES))
    proof = TlogProof(index, path, SIGNED, extra)
    assert parse_tlog_proof(format_tlog_proof(proof)) == proof
    opened = check_tlog_proof(proof, leaf_hash(ENTRIES[index]), PUBLIC, ORIGIN)
    assert opened == CHECKPOINT


PROOF = format_tlog_proof(
    TlogProof(3, tuple(Digest(node) for node in naive.path(3, ENTRIES)), SIGNED)
)


@given(bit=st.integers(0, len(PROOF) * 8 - 1))
def test_every_flipped_bit_of_a_tlog_proof_is_refused(bit: int) -> None:
    changed = bytearray(PROOF)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refuted):
        check_tlog_proof(parse_tlog_proof(bytes(changed)), leaf_hash(ENTRIES[3]), PUBLIC, ORIGIN)


def test_a_tlog_proof_of_another_entry_is_refuted() -> None:
    with pytest.raises(Refuted, match="inclusion proof of leaf 3"):
        check_tlog_proof(parse_tlog_proof(PROOF), leaf_hash(ENTRIES[4]), PUBLIC, ORIGIN)


NODE = "A" * 43 + "="


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\nindex 0\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n",
        "c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 00\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex  0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0 \n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\r\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra \nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra AB==\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\nextra AA==\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra AA==\nextra AA==\nindex 0\n\ncheckpoint\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{NODE} \n\ncheckpoint\n",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{NODE[4:]}\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n" + f"{NODE}\n" * 65 + "\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra " + "AAAA" * 22_000 + "\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nextra " + "AAAA" * 40_000 + "\nindex 0\n\ncheckpoint\n",
        "c2sp.org/tlog-proof@v1\nindex 0\n\n" + "a" * 1_000_001,
        "c2sp.org/tlog-proof@v1\nindex 0\n\n" + "a" * 2_000_000,
        "c2sp.org/tlog-proof@v1\nindex \N{ARABIC-INDIC DIGIT ONE}\n\ncheckpoint\n",
    ],
)
def test_a_tlog_proof_that_we_would_not_write_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_tlog_proof(text.encode())


@pytest.mark.parametrize(
    "proof",
    [
        TlogProof(-1, (), b"c\n"),
        TlogProof(2**64, (), b"c\n"),
        TlogProof(0, (Digest(b"short"),), b"c\n"),
        TlogProof(0, (Digest(bytes(32)),) * 65, b"c\n"),
        TlogProof(0, (), b""),
        TlogProof(0, (), b"c\n", b"e" * 65_537),
    ],
)
def test_a_tlog_proof_that_cannot_be_read_back_is_not_written(proof: TlogProof) -> None:
    with pytest.raises(Malformed):
        format_tlog_proof(proof)
