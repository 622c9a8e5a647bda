"""Bundles that timestamps date: those of the made-up studio, with real tokens and proofs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from tests.evidence.local_calendar import Calendar
from tests.evidence.local_tsa import Tsa
from tests.verify.altering import judge
from tests.verify.studio import Scene

from stemproof.claim.bundle import Bundle
from stemproof.claim.stamps import OTS, RFC3161, Stamp
from stemproof.evidence.bitcoin import Block, parse_block
from stemproof.evidence.ots import (
    APPEND,
    KECCAK256,
    PREPEND,
    Operation,
    Proof,
    Step,
    Unknown,
    format_proof,
    parse_tree,
)
from stemproof.evidence.rfc3161 import tidy_token
from stemproof.verify.bundle import Verdict
from stemproof.verify.policy import Policy
from stemproof.verify.trust import Trust


@dataclass(frozen=True)
class Witnesses:
    """An authority and a calendar."""

    tsa: Tsa
    calendar: Calendar

    def token(self, size: int, note: bytes) -> Stamp:
        """Have a note stamped by the authority."""
        return Stamp(size, RFC3161, (tidy_token(self.tsa.stamp(note)),))

    def promise(self, size: int, note: bytes) -> Stamp:
        """Send a note's digest to the calendar."""
        digest = hashlib.sha256(note).digest()
        _, raw = self.calendar._answer("/digest", digest)
        return Stamp(size, OTS, (format_proof(Proof(digest, parse_tree(raw, digest))),))

    def proof(self, size: int, note: bytes) -> Stamp:
        """Have the calendar put a note's digest into its block at once."""
        from stemproof.evidence.ots import Pending, attestations, parse_proof, replace_pending

        proof = parse_proof(self.promise(size, note).proofs[0])
        (found,) = attestations(proof)
        assert isinstance(found.attestation, Pending)
        self.calendar.mine()
        _, raw = self.calendar._answer(f"/timestamp/{found.message.hex()}", b"")
        known = parse_tree(raw, found.message)
        tree = replace_pending(
            proof.tree, proof.digest, found.attestation.uri, found.message, known
        )
        return Stamp(size, OTS, (format_proof(Proof(proof.digest, tree)),))

    @property
    def block(self) -> Block:
        """The calendar's newest block."""
        return parse_block(self.calendar.header, self.calendar.height, min_difficulty=0)

    def trust(self, **changes: Any) -> Trust:  # any member of Trust
        """Trust both, and no chain."""
        known = Trust({}, tsa_roots=(self.tsa.root.der,), bitcoin={self.block.height: self.block})
        return replace(known, **changes)


def heavy_proof(size: int, note: bytes, seed: int) -> Stamp:
    """Make a proof of a note that hashes 4 KiB as often as a proof can, and rests on nothing."""
    leaf = Unknown(b"unknown1", b"")
    hashed = (Step(Operation(KECCAK256), (leaf,)),)
    forks = tuple(
        Step(
            Operation(APPEND, bytes([seed, fork]) + bytes(4061)),
            tuple(Step(Operation(PREPEND, bytes([n])), hashed) for n in range(256)),
        )
        for fork in range(7)
    )
    return Stamp(size, OTS, (format_proof(Proof(hashlib.sha256(note).digest(), forks)),))


def notes_of(scene: Scene) -> dict[int, bytes]:
    """Give the notes of a scene's heads by size."""
    return {int(head.note.split(b"\n")[1]): head.note for head in scene.bundle.logs[0].heads}


def without_chain(scene: Scene, sizes: Iterable[int], stamps: Iterable[Stamp]) -> Bundle:
    """Give a scene's bundle with the heads of these sizes, no anchors, and timestamps."""
    part = scene.bundle.logs[0]
    known = dict(zip(notes_of(scene), part.heads, strict=True))
    heads = tuple(replace(known[size], block=None) for size in sorted(sizes))
    changed = replace(
        part, heads=heads, anchorage=None, evidence=None, stamps=tuple(sorted(stamps))
    )
    return replace(scene.bundle, logs=(changed,))


def with_stamps(scene: Scene, *stamps: Stamp) -> Bundle:
    """Give a scene's anchored bundle with timestamps beside its anchors."""
    part = replace(scene.bundle.logs[0], stamps=tuple(sorted(stamps)))
    return replace(scene.bundle, logs=(part,))


def judged(scene: Scene, bundle: Bundle, trust: Trust, policy: Policy | None = None) -> Verdict:
    """Seal a bundle by the artist's key and verify it."""
    trust = trust if policy is None else replace(trust, policy=policy)
    return judge(scene.studio.sealed(bundle), trust)
