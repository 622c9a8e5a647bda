"""Timestamps beside the chain's: RFC 3161 tokens and OpenTimestamps proofs of checkpoints.

Each is over the bytes of a signed checkpoint's note. Which authorities and which Bitcoin
blocks count is the verifier's to say; without a word of theirs a timestamp is undecided.
It dates one history that was shown; that no other was stamped, only the chain's slot shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from stemproof.claim.logpart import LogPart
from stemproof.claim.stamps import OTS, Stamp
from stemproof.errors import Refuted, StemproofError, Undecided
from stemproof.evidence.ots import Bitcoin, Pending, attestations, parse_proof, stamped_digest
from stemproof.evidence.otswork import Budget
from stemproof.verify.logs import CheckedLog
from stemproof.verify.trust import Trust
from stemproof.verify.verdict import Checks, State
from stemproof.verify.words import quote

# A line each beyond this would hide the others.
MAX_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Dated:
    """A checkpoint that existed by `not_after`, according to `by`."""

    origin: str
    kind: str
    size: int
    not_after: int
    by: str


def check_stamps(
    checks: Checks, part: LogPart, log: CheckedLog, trust: Trust, *, kind: str, budget: Budget
) -> tuple[Dated, ...]:
    """Check every timestamp of one kind of a log; a line for each outcome that differs.

    `budget` is for the OpenTimestamps proofs of all logs of a bundle.
    """
    notes = {head.checkpoint.size: head.head.note for head in log.heads}
    found: list[Dated] = []
    open_: dict[str, str] = {}
    for stamp in part.stamps:
        if stamp.kind != kind:
            continue
        try:
            not_after, by = _check(stamp, notes, trust, budget)
            found.append(Dated(log.origin, kind, stamp.size, not_after, by))
        except Refuted as error:
            checks.add("timestamp", State.REFUTED, f"checkpoint {stamp.size}: {error}")
        except StemproofError as error:
            open_.setdefault(str(error), error.hint or "")
    for says, hint in list(open_.items())[-MAX_LINES:]:
        checks.add("timestamp", State.UNDECIDED, says, hint)
    _say_found(checks, found)
    return tuple(found)


def earliest(found: Iterable[Dated], size: int) -> int | None:
    """Say by when a checkpoint of at least this size existed, by these timestamps."""
    times = [each.not_after for each in found if each.size >= size]
    return min(times, default=None)


def _check(stamp: Stamp, notes: dict[int, bytes], trust: Trust, budget: Budget) -> tuple[int, str]:
    if stamp.size not in notes:
        raise Refuted(f"a timestamp is of the size {stamp.size}, which the bundle does not show")
    note = notes[stamp.size]
    if stamp.kind == OTS:
        return check_ots(stamp.proofs[0], note, trust, budget)
    return check_tokens(stamp.proofs, note, trust)


def check_ots(data: bytes, note: bytes, trust: Trust, budget: Budget) -> tuple[int, str]:
    """Check an OpenTimestamps proof against the Bitcoin blocks that the verifier named."""
    digest = stamped_digest(data)
    # Before its operations are run: any proof of anything else could be copied here.
    if digest != hashlib.sha256(note).digest():
        raise Refuted(f"the OpenTimestamps proof is of the digest {digest.hex()[:12]}")
    proof = parse_proof(data, budget)
    heights: list[int] = []
    calendars: list[str] = []
    blocks = []
    for found in attestations(proof):
        if isinstance(found.attestation, Pending):
            calendars.append(found.attestation.uri)
        elif isinstance(found.attestation, Bitcoin):
            height = found.attestation.height
            block = trust.bitcoin.get(height)
            heights.append(height)
            if block is not None and block.merkle_root != found.message:
                raise Refuted(
                    f"the OpenTimestamps proof leads to the root {found.message[::-1].hex()[:12]},"
                    f" that of Bitcoin block {height} is {block.merkle_root[::-1].hex()[:12]}"
                )
            blocks += [block] if block is not None else []
    if blocks:
        first = min(blocks, key=lambda each: each.time)
        return first.not_after, f"Bitcoin block {first.height}, whose header you named"
    if heights:
        raise Undecided(
            f"the OpenTimestamps proof leads to Bitcoin block {min(heights)}, which you have not"
            " named",
            hint=f"take the header of block {min(heights)} from where you trust it and name it:"
            f" --bitcoin {min(heights)}:HEADER",
        )
    if calendars:
        raise Undecided(
            f"the OpenTimestamps proof is pending: {quote(calendars[0])} promised it",
            hint="ask the artist for a newer bundle; Bitcoin takes the promise in within hours",
        )
    raise Undecided("the OpenTimestamps proof rests on nothing that is known here")


def check_tokens(tokens: tuple[bytes, ...], note: bytes, trust: Trust) -> tuple[int, str]:
    """Check a token and its renewals; the date is that of the first from which all hold.

    A token holds as long as its authority's certificates do. Each renewal is over the note
    too, so that one which came too late, or whose predecessor does not count, dates anew.
    """
    from stemproof.evidence.tokencheck import NotTrusted, check_token

    oldest = None
    until = trust.now
    for place in range(len(tokens) - 1, -1, -1):
        message = note + (tokens[place - 1] if place else b"")
        try:
            stamped = check_token(tokens[place], message, trust.tsa_roots)
        except NotTrusted:
            if oldest is None:
                raise
            break
        if until is not None and stamped.authority.ends < until:
            if oldest is None:
                raise Undecided(
                    f"the certificate of {quote(stamped.authority.ends_with)} ended at"
                    f" {say_moment(stamped.authority.ends)} and nothing renewed the timestamp",
                    hint="ask the artist for a bundle with a newer timestamp",
                )
            break
        if oldest is not None and stamped.time > oldest.not_after:
            raise Refuted("a timestamp is younger than the one that renews it")
        oldest, until = stamped, stamped.time
    if oldest is None:
        raise Undecided("there is no token")
    name = quote(oldest.authority.name)
    return oldest.not_after, f"TSA {name} (certificate {oldest.authority.sha256.hex()[:12]})"


def say_moment(time: int) -> str:
    """Write a moment for people."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _say_found(checks: Checks, found: list[Dated]) -> None:
    """Name the newest timestamp by each witness, and count the others."""
    newest: dict[tuple[str, str], Dated] = {}
    for each in sorted(found, key=lambda one: (one.size, -one.not_after)):
        newest[each.kind, "" if each.kind == OTS else each.by] = each
    for each in list(newest.values())[-MAX_LINES:]:
        checks.add(
            "timestamp",
            State.VERIFIED,
            f"checkpoint {each.size} of log …{each.origin[-12:]} existed before"
            f" {say_moment(each.not_after)}, according to {each.by}",
        )
    more = len(found) - min(len(newest), MAX_LINES)
    if more:
        checks.add("timestamp", State.NOTE, f"{more} more timestamps of this log hold")
