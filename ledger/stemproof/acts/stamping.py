"""Timestamps without a chain: by an authority (RFC 3161), or by Bitcoin (OpenTimestamps).

What is stamped is the signed note of a checkpoint, the very bytes that a bundle shows, so
that `openssl ts` and `ots` check it too. A digest is all that leaves this computer.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.address import check_address
from stemproof.acts.anchoring import check_holder
from stemproof.acts.anchors import LOST, list_anchors
from stemproof.acts.stamps import (
    RENEW_WITHIN,
    Record,
    add_stamp,
    better_stamp,
    bitcoin_heights,
    list_stamps,
)
from stemproof.anchor.calendars import CALENDARS, ask_calendar, is_known, submit_digest
from stemproof.anchor.tsa import ask_tsa
from stemproof.claim.stamps import MAX_TOKENS, OTS, RFC3161
from stemproof.errors import BadInput, Malformed, Refuted, StemproofError, Unavailable
from stemproof.evidence.ots import (
    APPEND,
    SHA256,
    Operation,
    Pending,
    Proof,
    Step,
    Tree,
    attestations,
    format_proof,
    merge_trees,
    parse_proof,
    replace_pending,
    run_operation,
)
from stemproof.evidence.rfc3161 import format_answer
from stemproof.evidence.tokencheck import Stamped, check_inside
from stemproof.keys.durable import write_whole
from stemproof.log.sealing import Sealed, checkpoint_at, newest_checkpoint, seal
from stemproof.log.store import Log
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.keys.ring import Keys

TSA_SETTING: Final = "tsa"
CALENDARS_SETTING: Final = "calendars"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What became of a promise: the record as it is now, and why a calendar said nothing."""

    record: Record
    problems: tuple[str, ...]


def seal_newest(log: Log, unlock: Callable[[], Keys]) -> Sealed:
    """Give the checkpoint of all that is recorded; keys are unlocked only if it is a new one."""
    newest = newest_checkpoint(log)
    if newest is not None and newest.size == log.size and newest.note:
        return newest
    keys = unlock()
    with log.writing():
        check_holder(log, keys)
        sealed = seal(log, keys.sign_checkpoint)
    if not sealed.note:
        raise BadInput("the newest checkpoint is not signed yet", hint="run the command again")
    return sealed


def newest_anchored(log: Log) -> Sealed:
    """Give the checkpoint that claims rest on: the newest that a chain has taken in."""
    mined = [each for each in list_anchors(log) if each.block_hash is not None]
    sizes = [each.size for each in mined if each.state != LOST]
    sealed = checkpoint_at(log, log.number, max(sizes)) if sizes else None
    if sealed is None:
        raise BadInput("nothing is anchored yet", hint="leave --anchored out")
    if not sealed.note:
        raise BadInput("the newest anchor is not signed yet", hint="run `stemproof anchor` once")
    return sealed


def stamp_by_tsa(log: Log, sealed: Sealed, url: str, moment: datetime) -> Record:
    """Have an authority stamp a checkpoint; what it gave before for the same one is kept."""
    check_address(url, "a timestamping authority")
    for record in list_stamps(log, log.number):
        if (record.size, record.kind, record.source) == (sealed.size, RFC3161, (url,)):
            return record
    token, ends = _ask(url, sealed.note)
    made = format_time(moment)
    record = Record(0, log.number, sealed.size, RFC3161, (url,), (token,), made, ends)
    added = add_stamp(log, record)
    log.put_setting(TSA_SETTING, url)
    return added


def stamp_by_calendars(
    log: Log, sealed: Sealed, urls: Sequence[str], moment: datetime
) -> tuple[Record, list[str]]:
    """Send a checkpoint's digest to calendars; give the promise, and who did not answer."""
    for url in urls:
        check_address(url, "a calendar")
    for record in list_stamps(log, log.number):
        if record.size == sealed.size and record.kind == OTS and set(urls) <= set(record.source):
            return record, []
    digest = hashlib.sha256(sealed.note).digest()
    # Each calendar gets a digest that it cannot tell from another: the nonce stays here.
    tree: Tree = ()
    problems: list[str] = []
    reached: list[str] = []
    for url in urls:
        nonce = Operation(APPEND, secrets.token_bytes(16))
        sent = run_operation(Operation(SHA256), run_operation(nonce, digest))
        try:
            known = submit_digest(url, sent)
        except Unavailable as error:
            problems.append(str(error))
            continue
        tree = merge_trees(tree, (Step(nonce, (Step(Operation(SHA256), known),)),))
        reached.append(url)
    if not reached:
        raise Unavailable(
            f"no calendar took the digest: {'; '.join(problems):.300}",
            hint="try later, or name others with --calendar",
        )
    data = format_proof(Proof(digest, tree))
    made = format_time(moment)
    record = Record(0, log.number, sealed.size, OTS, tuple(reached), (data,), made)
    added = add_stamp(log, record)
    log.put_setting(CALENDARS_SETTING, json.dumps(list(urls)))
    return added, problems


def kept_tsa(log: Log) -> str | None:
    """Give the authority that was used last."""
    return log.setting(TSA_SETTING)


def kept_calendars(log: Log) -> tuple[str, ...]:
    """Give the calendars that were used last, else the public ones."""
    kept = log.setting(CALENDARS_SETTING)
    return CALENDARS if kept is None else tuple(json.loads(kept))


def upgrade_pending(log: Log) -> list[Upgraded]:
    """Ask calendars what became of every promise; each is kept as soon as it is better."""
    return [_upgrade(log, record) for record in list_stamps(log) if record.is_pending]


def inspect_token(log: Log, record: Record) -> Stamped:
    """Read what the newest token of a record says; its authority is not judged here."""
    note = _note(log, record)
    before = record.proofs[-2] if len(record.proofs) > 1 else b""
    return check_inside(record.proofs[-1], note + before)


def renew_tokens(
    log: Log, moment: datetime, *, within: timedelta = RENEW_WITHIN, url: str | None = None
) -> list[Record]:
    """Stamp anew every token whose authority's certificate ends soon: over note and token."""
    renewed = []
    for record in list_stamps(log):
        if record.ends is None or record.ends > (moment + within).timestamp():
            continue
        if len(record.proofs) == MAX_TOKENS:
            raise BadInput(f"timestamp {record.number} was renewed {MAX_TOKENS - 1} times already")
        address = url or record.source[-1]
        check_address(address)
        message = _note(log, record) + record.proofs[-1]
        token, ends = _ask(address, message)
        if ends <= record.ends:
            raise Unavailable(
                f"the certificate of the authority at {address:.100} ends no later than that of"
                f" timestamp {record.number}",
                hint="name another authority with --tsa",
            )
        renewed.append(better_stamp(log, record, (*record.proofs, token), ends))
    return renewed


def export_stamp(log: Log, record: Record, folder: Path) -> list[Path]:
    """Write a checkpoint's note and its timestamp as the usual programs read them."""
    name = f"checkpoint-{record.size}.txt"
    note = _note(log, record)
    files = {name: note}
    if record.kind == OTS:
        files[f"{name}.ots"] = record.proofs[0]
    else:
        files[f"checkpoint-{record.size}-{record.number}.tsr"] = format_answer(record.proofs[0])
    for place, token in enumerate(record.proofs[1:], 1):
        renewed = f"checkpoint-{record.size}-{record.number}-renewed-{place}"
        files[f"{renewed}.data"] = note + record.proofs[place - 1]
        files[f"{renewed}.tsr"] = format_answer(token)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"{folder} cannot be made: {error.strerror}") from error
    for each, data in files.items():
        write_whole(folder / each, data)
    return [folder / each for each in files]


def _ask(url: str, message: bytes) -> tuple[bytes, int]:
    """Have some bytes stamped; give the token, and until when its certificates hold.

    All of it is checked but whether its authority counts.
    """
    token = ask_tsa(url, hashlib.sha256(message).digest())
    try:
        ends = check_inside(token, message).authority.ends
    except Refuted as error:
        raise Unavailable(
            f"the authority at {url:.100} gave a token that would be refused: {error}",
            hint="name another authority with --tsa",
        ) from error
    return token, ends


def _note(log: Log, record: Record) -> bytes:
    sealed = checkpoint_at(log, record.log, record.size)
    if sealed is None or not sealed.note:
        raise BadInput(f"the ledger has lost the checkpoint of size {record.size}")
    return sealed.note


def _upgrade(log: Log, record: Record) -> Upgraded:
    proof = parse_proof(record.proofs[0])
    tree = proof.tree
    problems = []
    for found in attestations(proof):
        promise = found.attestation
        if not isinstance(promise, Pending) or not is_known(promise.uri, record.source):
            continue
        try:
            known = ask_calendar(promise.uri, found.message)
        except StemproofError as error:
            problems.append(str(error))
            continue
        if known is not None:
            # The promise stays until a block is shown.
            kept = merge_trees((promise,), known)
            tree = replace_pending(tree, proof.digest, promise.uri, found.message, kept)
    data = format_proof(Proof(proof.digest, tree))
    try:
        is_better = bool(bitcoin_heights(data))
    except Malformed as error:
        # Each answer is within bounds, together they are not.
        return Upgraded(record, (*problems, f"what the calendars answer cannot be kept: {error}"))
    if not is_better:
        return Upgraded(record, tuple(problems))
    return Upgraded(better_stamp(log, record, (data,)), tuple(problems))
