"""Timestamps beside the chain's as the ledger keeps them: one setting each.

They lie in the ledger's database, so that its backup holds them. A record only ever gets
better: a promise becomes a proof, a token gets a renewal behind it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from stemproof.claim.stamps import OTS, RFC3161, Stamp
from stemproof.errors import BadInput
from stemproof.evidence.ots import Bitcoin, attestations, format_proof, parse_proof, path_proof
from stemproof.log.store import Log

COUNT_SETTING: Final = "stamps"
# Long enough to notice, short against the years that a certificate lasts.
RENEW_WITHIN: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Record:
    """One timestamp of one checkpoint; `source` is where it was asked for.

    `proofs` holds an OpenTimestamps proof, or a token and its renewals, of the newest of which
    `ends` says until when its authority's certificates hold; None where nothing ends.
    """

    number: int
    log: int
    size: int
    kind: str
    source: tuple[str, ...]
    proofs: tuple[bytes, ...]
    made: str
    ends: int | None = None

    @property
    def is_pending(self) -> bool:
        """Whether it is a calendar's promise only."""
        return self.kind == OTS and not bitcoin_heights(self.proofs[0])

    def as_stamp(self) -> Stamp:
        """Give what a bundle holds of it: of a finished proof the way to the first block alone."""
        if self.kind == RFC3161 or self.is_pending:
            return Stamp(self.size, self.kind, self.proofs)
        proof = parse_proof(self.proofs[0])
        known = [
            (each.attestation.height, each)
            for each in attestations(proof)
            if isinstance(each.attestation, Bitcoin)
        ]
        _, first = min(known, key=lambda each: each[0])
        return Stamp(self.size, OTS, (format_proof(path_proof(proof.digest, first)),))


def bitcoin_heights(proof: bytes) -> list[int]:
    """List the Bitcoin blocks that a proof leads to."""
    found = [each.attestation for each in attestations(parse_proof(proof))]
    return sorted({each.height for each in found if isinstance(each, Bitcoin)})


def list_stamps(log: Log, number: int | None = None) -> list[Record]:
    """List the timestamps of one log of the ledger, or of all, oldest first."""
    count = int(log.setting(COUNT_SETTING) or 0)
    records = [_read(log, each) for each in range(1, count + 1)]
    return [each for each in records if number is None or each.log == number]


def add_stamp(log: Log, record: Record) -> Record:
    """Keep a new timestamp, under the next number."""
    with log.writing():
        number = int(log.setting(COUNT_SETTING) or 0) + 1
        added = replace(record, number=number)
        _write(log, added)
        log.put_setting(COUNT_SETTING, str(number))
    return added


def better_stamp(
    log: Log, record: Record, proofs: tuple[bytes, ...], ends: int | None = None
) -> Record:
    """Keep a better proof in the place of a timestamp's own, unless another process did."""
    with log.writing():
        kept = _read(log, record.number)
        if kept.proofs != record.proofs:
            return kept
        changed = replace(record, proofs=proofs, ends=ends)
        _write(log, changed)
    return changed


def _name(number: int) -> str:
    return f"stamp/{number:06d}"


def _write(log: Log, record: Record) -> None:
    value = {
        "ends": record.ends,
        "kind": record.kind,
        "log": record.log,
        "made": record.made,
        "proofs": [each.hex() for each in record.proofs],
        "size": record.size,
        "source": list(record.source),
    }
    log.put_setting(_name(record.number), json.dumps(value, sort_keys=True))


def _read(log: Log, number: int) -> Record:
    text = log.setting(_name(number))
    if text is None:
        raise BadInput(f"the ledger has lost timestamp {number}", hint="restore a backup")
    value = json.loads(text)
    return Record(
        number=number,
        log=value["log"],
        size=value["size"],
        kind=value["kind"],
        source=tuple(value["source"]),
        proofs=tuple(bytes.fromhex(each) for each in value["proofs"]),
        made=value["made"],
        ends=value["ends"],
    )
