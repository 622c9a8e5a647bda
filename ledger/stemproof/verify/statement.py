"""The claim against the evidence: signatures, covers, report, and the files it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stemproof.claim.bundle import Bundle, Sealing, SignedClaim, manifest_message
from stemproof.claim.claim import Audio, Claim, claim_digest, claim_message, parse_claim
from stemproof.claim.report import StageCount, make_report
from stemproof.errors import Malformed, Refuted
from stemproof.evidence import ethsig
from stemproof.keys.fields import check_key_signature
from stemproof.record.event import parse_time
from stemproof.record.fields import Fields
from stemproof.verify.logs import CheckedHead, CheckedLog, holders_at
from stemproof.verify.succession import last_party
from stemproof.verify.words import quote

AUDIO_ACTIONS = ("audio.appeared", "audio.changed")


@dataclass(frozen=True, slots=True)
class Covered:
    """A claim, and for each of its logs the head that it rests on."""

    claim: Claim
    heads: tuple[CheckedHead, ...]


def check_covers(claim: Claim, logs: Sequence[CheckedLog]) -> tuple[CheckedHead, ...]:
    """Check that the claim lists exactly the bundle's logs, each at one of its checkpoints."""
    if len(claim.logs) != len(logs):
        raise Refuted(f"the claim rests on {len(claim.logs)} logs, the bundle shows {len(logs)}")
    heads = []
    for cover, log in zip(claim.logs, logs, strict=True):
        if cover.origin != log.origin:
            raise Refuted(f"the claim rests on log {cover.origin}, the bundle shows {log.origin}")
        found = [head for head in log.heads if head.checkpoint.size == cover.size]
        if not found:
            raise Refuted(f"the bundle has no checkpoint of size {cover.size} of {log.origin}")
        head = found[0]
        if not head.head.work_size:
            raise Refuted(f"checkpoint {cover.size} of {cover.origin} holds nothing of the work")
        work_root = log.work.roots[head.head.work_size]
        if (cover.root, cover.work_size, cover.work_root) != (
            head.checkpoint.root.hex(),
            head.head.work_size,
            work_root.hex(),
        ):
            raise Refuted(f"the claim states another head of {log.origin} than its checkpoint")
        heads.append(head)
    return tuple(heads)


def check_claim_signatures(
    signed: SignedClaim, covered: Covered, logs: Sequence[CheckedLog]
) -> None:
    """Check both signatures, and that their keys spoke for every log when it was covered."""
    claim = covered.claim
    party = last_party(
        [holders_at(log, head) for log, head in zip(logs, covered.heads, strict=True)]
    )
    for name, found, want in (
        ("identity key", claim.identity, party.identity_key.hex()),
        ("account", claim.account, party.account.hex()),
    ):
        if found != want:
            raise Refuted(
                f"the claim is by {name} {found[:12]}, what it covers is held by {want[:12]}"
            )
    identity = bytes.fromhex(claim.identity)
    check_key_signature(identity, claim_message(signed.claim), signed.identity, who="identity key")
    account = ethsig.Address(bytes.fromhex(claim.account))
    ethsig.check_signature(claim_digest(claim, signed.claim), signed.account, account)


def check_sealing(sealing: Sealing, logs: Sequence[CheckedLog]) -> None:
    """Check that the identity in force signed the manifest, and so every byte."""
    party = last_party([holders_at(log, log.heads[-1]) for log in logs])
    check_key_signature(
        party.identity_key,
        manifest_message(sealing.manifest),
        sealing.signature,
        who="identity key",
    )


def check_report(covered: Covered, logs: Sequence[CheckedLog]) -> None:
    """Recompute stages and coverage from the headers; the claim may say neither more nor less."""
    found = make_report(
        log.work.headers[: head.head.work_size]
        for log, head in zip(logs, covered.heads, strict=True)
    )
    stated = covered.claim.report
    if stated.stages != found.stages:
        extra = sorted({*stated.stages} ^ {*found.stages}, key=_say_count)
        rows = (
            _say_count(extra[0])
            if extra
            else f"{len(stated.stages)} rows, want {len(found.stages)} in order"
        )
        raise Refuted(f"the claim's counts are not those of its events: {rows}")
    if stated.coverage != found.coverage:
        raise Refuted(
            f"the claim's coverage is {stated.coverage}, its events give {found.coverage}"
        )


def _say_count(item: StageCount) -> str:
    return f"{item.events} of {item.stage}, {item.class_}, {item.observed}"


def check_audio(covered: Covered, logs: Sequence[CheckedLog], item: Audio) -> None:
    """Check that a file of the claim was recorded, by an event that opens to its digests."""
    if item.log >= len(logs):
        raise Refuted(f"{quote(item.name)} names log {item.log}, the bundle has {len(logs)}")
    tree, limit = logs[item.log].work, covered.heads[item.log].head.work_size
    if item.work_seq >= limit:
        raise Refuted(f"{quote(item.name)} names event {item.work_seq}, beyond the covered {limit}")
    action = tree.headers[item.work_seq].action
    if action not in AUDIO_ACTIONS:
        raise Refuted(f"{quote(item.name)} names event {item.work_seq}, which is {action}")
    for field, value in (("audio", item.sha256), ("fingerprint", item.fingerprint)):
        opening = tree.openings.get((item.work_seq, field))
        if opening is None:
            raise Refuted(f"the {field} of {quote(item.name)} is not opened in the bundle")
        if opening.value.hex() != value:
            raise Refuted(
                f"the claim says {field} {value[:12]} for {quote(item.name)},"
                f" event {item.work_seq} says {opening.value.hex()[:12]}"
            )
    body = recorded_audio(logs, item)
    for name, stated, found in (
        ("name", item.name, body.text("path").rpartition("/")[2]),
        ("sha256", item.sha256, body.text("sha256")),
        ("fingerprint", item.fingerprint, body.inner("fingerprint").text("digest")),
        ("size", item.bytes, body.number("bytes")),
        ("CID", item.cid, body.text("cid")),
        ("profile", item.profile, body.text("profile")),
        ("duration", item.duration_ms, body.number("duration_ms")),
    ):
        if stated != found:
            raise Refuted(
                f"the claim's {name} of {quote(item.name)} is {quote(stated)},"
                f" recorded: {quote(found)}"
            )


def recorded_audio(logs: Sequence[CheckedLog], item: Audio) -> Fields:
    """Read the opened body of the event that recorded a file."""
    from stemproof.claim.logpart import MAX_OPENING_BYTES
    from stemproof.record.canonical import parse_object

    opening = None
    if item.log < len(logs):
        opening = logs[item.log].work.openings.get((item.work_seq, "body"))
    if opening is None:
        raise Refuted(f"the body of event {item.work_seq} ({quote(item.name)}) is not opened")
    return Fields(
        "audio event", parse_object(opening.value, what="body", max_bytes=MAX_OPENING_BYTES)
    )


def read_claim(bundle: Bundle) -> Claim:
    """Read the bundle's claim and check what its form alone shows."""
    claim = parse_claim(bundle.signed.claim)
    parse_time(claim.made)
    if len({(item.log, item.work_seq) for item in claim.audio}) != len(claim.audio):
        raise Malformed("claim audio", "one event twice", "each file once")
    return claim
