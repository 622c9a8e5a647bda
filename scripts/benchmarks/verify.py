"""Verifying a bundle with ten thousand events, offline, as a stranger does.

The bundle is a real one: events appended to a ledger, anchored on a local chain, claimed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from benchmarks import log as filling
from benchmarks.figures import Row, best_of, run_quietly, workshop
from benchmarks.rehearsal import Rehearsal, rehearse
from stemproof.acts.claiming import choose_audio, make_bundle, make_claim
from stemproof.acts.home import now
from stemproof.acts.observe import Look, observe
from stemproof.claim.bundle import Bundle, parse_bundle
from stemproof.evidence.chain import check_evidence, parse_evidence
from stemproof.evidence.ethsig import Address, format_address
from stemproof.testnet.song_sound import RATE, Stereo, encode_wav
from stemproof.verify.bundle import verify_bundle
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import State

EVENTS = 10_000
ANCHORS = 10


def measure(quick: bool) -> Iterator[Row]:
    """Verify in this process, as a command, and the parts that it is made of."""
    turns = 3 if quick else 11
    with workshop() as folder, rehearse(folder) as ledger:
        data, trust = make_evidence(ledger)
        path = folder / "Figures.stemproof"
        path.write_bytes(data)
        yield from _measure_whole(data, trust, turns)
        yield _measure_command(path, trust, turns)
        yield from _measure_parts(parse_bundle(data)[0], turns)


def make_evidence(ledger: Rehearsal) -> tuple[bytes, Trust]:
    """Record, anchor and claim; give the bundle, and trust in its contract and newest block."""
    (ledger.work.folder / "master.wav").write_bytes(_noise())
    observe(ledger.log, ledger.work, Look(moment=now, live=True, bound=lambda: None))
    begun = ledger.log.size
    newest = None
    for turn in range(ANCHORS):
        upto = EVENTS * (turn + 1) // ANCHORS
        drafts = (filling.draft(n) for n in range(ledger.log.size - begun, upto))
        ledger.log.append(ledger.work.id, drafts)
        newest = ledger.anchor()
    if newest is None or newest.block_hash is None:
        raise LookupError("the newest anchor is in no block")
    chosen = choose_audio(ledger.log, ledger.work, [], [])
    signed = make_claim(ledger.log, ledger.keys, ledger.work, chosen, now())
    trust = Trust(
        {newest.chain: frozenset({newest.contract})}, blocks=frozenset({newest.block_hash})
    )
    return make_bundle(ledger.log, ledger.keys, signed), trust


def _noise() -> bytes:
    """Ten seconds of noise, since silence has no fingerprint."""
    import numpy as np

    sound: Stereo = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 10 * RATE))
    return encode_wav(sound, bits=24)


def _measure_whole(data: bytes, trust: Trust, turns: int) -> Iterator[Row]:
    def verify() -> None:
        verdict = verify_bundle(data, trust)
        if verdict.state is not State.VERIFIED:
            raise ValueError(f"the bundle is {verdict.state}")

    ours, bare = best_of(turns, verify, lambda: sha256(data).digest())
    name = f"verify: bundle of {EVENTS:,} events"
    yield Row(name, ours, "s", 1, "limit", "<= 1")
    yield Row(name, ours, "s", bare, "bare SHA-256 of the bundle")


def _measure_command(path: Path, trust: Trust, turns: int) -> Row:
    stemproof = str(Path(sys.executable).with_name("stemproof"))
    [block], [contracts] = trust.blocks, trust.contracts.values()
    [contract] = contracts
    command = [stemproof, "verify", str(path), "--block", block.hex()]
    command += ["--contract", format_address(Address(contract)), "--json"]
    [ours] = best_of(turns, lambda: run_quietly(command))
    return Row(f"verify: the command, {EVENTS:,} events", ours, "s", 1, "limit", "<= 1")


def _measure_parts(bundle: Bundle, turns: int) -> Iterator[Row]:
    from stemproof.record.event import leaf_hash, parse_header

    [part] = bundle.logs
    headers = part.headers

    def ours() -> None:
        for header in headers:
            parse_header(header)
            leaf_hash(header)

    def bare() -> None:
        for header in headers:
            json.loads(header)
            sha256(header).digest()

    strict, loose = (len(headers) / taken for taken in best_of(turns, ours, bare))
    yield Row("verify: headers parsed and hashed", strict, "/s", loose, "json.loads, SHA-256")
    evidence = part.evidence
    if evidence is None:
        raise LookupError("the bundle has no chain evidence")
    [taken] = best_of(10 * turns, lambda: check_evidence(parse_evidence(evidence)))
    yield Row("verify: header, account, slot, receipt", taken * 1000, "ms", 10, "limit", "<= 1")
