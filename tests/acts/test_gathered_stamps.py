"""Which timestamps a bundle takes along: no more work than a verifier does."""

from __future__ import annotations

from tests.verify.stamped import heavy_proof

from stemproof.acts.gather import _affordable, _Dated
from stemproof.acts.stamps import Record
from stemproof.claim.bundle import MAX_LOGS
from stemproof.claim.stamps import MAX_STAMPS, OTS, RFC3161
from stemproof.evidence.ots import SHA256, Bitcoin, Operation, Proof, Step, Tree, format_proof
from stemproof.evidence.otswork import MAX_OPERATIONS


def _record(number: int, proof: bytes, kind: str = OTS) -> Record:
    return Record(number, 0, number, kind, ("x",), (proof,), "2027-01-15T08:00:00.000Z")


def _long_proof(operations: int) -> bytes:
    tree: Tree = (Bitcoin(1),)
    for _ in range(operations):
        tree = (Step(Operation(SHA256), tree),)
    return format_proof(Proof(bytes(32), tree))


def test_as_many_proofs_are_taken_as_every_log_may_have_and_the_newest_of_them() -> None:
    share = MAX_OPERATIONS // MAX_LOGS
    records = [_record(number, _long_proof(128)) for number in range(MAX_STAMPS)]
    assert _affordable(_Dated((), tuple(records))).stamps == tuple(records[-share // 128 :])
    shorter = tuple(_record(number, _long_proof(64)) for number in range(MAX_STAMPS))
    assert _affordable(_Dated((), shorter)).stamps == shorter


def test_a_heavy_proof_is_left_out_and_what_is_none_or_the_newest_stays() -> None:
    heavy = heavy_proof(1, b"note", 0).proofs[0]
    token, light = _record(1, b"token", RFC3161), _record(3, _long_proof(9))
    dated = _Dated((), (token, _record(2, heavy), light))
    assert _affordable(dated).stamps == (token, light)
    alone = _Dated((), (_record(2, heavy),))
    assert _affordable(alone) == alone
