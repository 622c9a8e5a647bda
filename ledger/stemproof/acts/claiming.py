"""Claims: a signed statement about a finished work, and the bundle that proves it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from stemproof.acts.begin import Work
from stemproof.acts.choosing import settle_choices
from stemproof.acts.facts import fact
from stemproof.acts.gather import Gathered, covered_size, gather_logs, nothing_anchored
from stemproof.claim.bundle import Bundle, SignedClaim, format_bundle
from stemproof.claim.claim import (
    Audio,
    Claim,
    Credit,
    LogCover,
    claim_digest,
    claim_message,
    format_claim,
    parse_claim,
)
from stemproof.claim.report import make_report
from stemproof.errors import BadInput, Refuted
from stemproof.log.store import Log
from stemproof.record.canonical import Json
from stemproof.record.event import Header, format_time, parse_header
from stemproof.verify.succession import last_party

if TYPE_CHECKING:
    from stemproof.keys.ring import Keys

AUDIO_ACTIONS = ("audio.appeared", "audio.changed")
MOVED = "audio.moved"
_NEXT = "`stemproof anchor` is the next step, then this command again"


@dataclass(frozen=True, slots=True)
class Recorded:
    """An audio file as an event of the work recorded it."""

    log: int
    work_seq: int
    sha256: str
    body: dict[str, Json]
    # Where it lies now, or lay last: a file that is renamed stays the one that was recorded.
    path: str

    @property
    def recorded_path(self) -> str:
        """Where it lay when it was recorded, which is what a claim names."""
        return str(self.body["path"])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The files that a claim is about."""

    masters: Sequence[Recorded]
    stems: Sequence[Recorded]


def recorded_audio(log: Log, work: bytes, *, stamped: bool = False) -> list[Recorded]:
    """List the audio that anchored events of a work recorded, oldest first.

    Moves count as soon as they are recorded: they say where a file is, and nothing of it.
    """
    return [item for item, is_covered in _all_audio(log, work, stamped=stamped) if is_covered]


def _all_audio(log: Log, work: bytes, *, stamped: bool) -> list[tuple[Recorded, bool]]:
    """List the audio that a work's events recorded, and whether each is anchored."""
    found: dict[int, Recorded] = {}
    covered: set[int] = set()
    by_path: dict[str, int] = {}
    for event, number, header, is_covered in _audio_events(log, work, stamped=stamped):
        openings = log.openings(event)
        if header.action == MOVED and "body" in openings:
            body = json.loads(openings["body"].value)
            moved = by_path.pop(str(body["from"]), None)
            if moved is not None:
                found[moved] = replace(found[moved], path=str(body["path"]))
                by_path[str(body["path"])] = moved
        elif header.action != MOVED and {"body", "audio", "fingerprint"} <= openings.keys():
            body = json.loads(openings["body"].value)
            digest, path = openings["audio"].value.hex(), str(body["path"])
            found[event] = Recorded(number, header.work_seq, digest, body, path)
            by_path[path] = event
            if is_covered:
                covered.add(event)
    return [(item, event in covered) for event, item in found.items()]


def _audio_events(log: Log, work: bytes, *, stamped: bool) -> list[tuple[int, int, Header, bool]]:
    """List a work's events about audio files of all logs in the order of the ledger."""
    found = []
    for tree, number, _ in log.fetch_all("trees_of_work", work):
        anchored = covered_size(log, number, tree, stamped=stamped)
        for event, _, data in log.fetch_each("events", tree, 0, log.tree_size(tree)):
            header = parse_header(data)
            if header.action in (*AUDIO_ACTIONS, MOVED):
                found.append((event, number, header, header.work_seq < anchored))
    return sorted(found, key=lambda item: item[0])


def choose_audio(
    log: Log,
    work: Work,
    masters: Sequence[Path],
    stems: Sequence[Path],
    *,
    stamped: bool = False,
) -> Chosen:
    """Find the named files in the record; without names, go by those of files and folders.

    With `stamped` a timestamp is enough where no anchor is newer.
    """
    if not any(
        covered_size(log, number, tree, stamped=stamped)
        for tree, number, _ in log.fetch_all("trees_of_work", work.id)
    ):
        raise nothing_anchored()
    recorded = _all_audio(log, work.id, stamped=stamped)
    known = [item for item, is_covered in recorded if is_covered]
    waiting = [item for item, is_covered in recorded if not is_covered]
    newest = {item.path: item for item in known}
    if masters:
        chosen = [_find(known, waiting, path) for path in masters]
    else:
        chosen = [item for path, item in newest.items() if _is_master(path)]
    if not chosen and any(_is_master(item.path) for item in waiting):
        raise BadInput(f"the master of {work.title!r} is recorded and not anchored yet", hint=_NEXT)
    if not chosen:
        raise BadInput(
            f"no anchored audio file of {work.title!r} is called a master",
            hint="name it with --master FILE; the file must have been recorded and anchored",
        )
    if stems:
        parts = [_find(known, waiting, path) for path in stems]
    else:
        parts = [item for path, item in newest.items() if _is_stem(path)]
    taken = {(item.log, item.work_seq) for item in chosen}
    return Chosen(chosen, [item for item in parts if (item.log, item.work_seq) not in taken])


def make_claim(
    log: Log, keys: Keys, work: Work, chosen: Chosen, moment: datetime, *, stamped: bool = False
) -> SignedClaim:
    """Sign the claim and record that it was made; `stamped` as in `choose_audio`."""
    gathered = gather_logs(log, work.id, {}, stamped=stamped)
    _check_keys(keys, gathered)
    settle_choices(log, keys, work, moment)
    claim = _state(log, keys, work, chosen, gathered, moment)
    data = format_claim(claim)
    signed = SignedClaim(
        claim=data,
        identity=keys.sign_identity(claim_message(data)),
        account=keys.sign_account(claim_digest(claim, data)),
    )
    body: dict[str, Json] = {
        "claim": json.loads(data),
        "identity": signed.identity.hex(),
        "account": signed.account.hex(),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    log.append(work.id, [fact("claim.made", moment, body)])
    return signed


def make_bundle(log: Log, keys: Keys, signed: SignedClaim) -> bytes:
    """Write the bundle of a claim, with the newest evidence that the ledger has."""
    claim = parse_claim(signed.claim)
    if (claim.identity, claim.account) != _party(keys):
        raise _superseded(f"it is signed by identity key {claim.identity[:12]}, replaced since")
    numbers = {origin: number for number, origin in log.fetch_all("logs")}
    opened: dict[tuple[int, int], tuple[str, ...]] = {
        (numbers[claim.logs[item.log].origin], item.work_seq): ("audio", "body", "fingerprint")
        for item in claim.audio
    }
    # What is newer than the newest anchor is shown only to a claim that rests on it.
    for stamped in (False, True):
        found = gather_logs(log, bytes.fromhex(claim.work), opened, stamped=stamped)
        gathered = {one.cover.origin: one for one in found}
        hidden = [each for each in claim.logs if not _shows(gathered.get(each.origin), each)]
        if not hidden:
            break
    else:
        raise _superseded(
            f"the newest anchors of log …{hidden[0].origin[-12:]} do not show the checkpoint of"
            f" size {hidden[0].size} that it rests on"
        )
    logs = tuple(gathered[cover.origin].part for cover in claim.logs)
    return format_bundle(Bundle("full", signed, logs), keys.sign_identity)


def _shows(gathered: Gathered | None, cover: LogCover) -> bool:
    return gathered is not None and cover.size in gathered.sizes


def find_claim(log: Log, work: bytes) -> SignedClaim | None:
    """Find the newest claim that was made about a work."""
    from stemproof.record.canonical import canonical_bytes

    newest = None
    for tree, _, _ in log.fetch_all("trees_of_work", work):
        for event_id, _, data in log.fetch_each("events", tree, 0, log.tree_size(tree)):
            if parse_header(data).action == "claim.made":
                opening = log.openings(event_id).get("body")
                newest = None if opening is None else json.loads(opening.value)
    if newest is None:
        return None
    return SignedClaim(
        claim=canonical_bytes(newest["claim"]),
        identity=bytes.fromhex(newest["identity"]),
        account=bytes.fromhex(newest["account"]),
    )


def _check_keys(keys: Keys, gathered: Sequence[Gathered]) -> None:
    """Refuse to sign what would be refuted: these keys must speak for every anchored log."""
    try:
        party = last_party([one.holders for one in gathered])
    except Refuted as error:
        raise BadInput(f"no claim can rest on these logs together: {error}") from error
    if (party.identity_key.hex(), party.account.hex()) != _party(keys):
        raise BadInput(
            f"the anchored record is held by identity key {party.identity_key.hex()[:12]}, and"
            " does not show yet that it was replaced",
            hint="run `stemproof anchor` first: a claim is signed by whom its checkpoints name",
        )


def _party(keys: Keys) -> tuple[str, str]:
    return keys.public.identity_key.hex(), keys.account_address.removeprefix("0x").lower()


def _superseded(why: str) -> BadInput:
    return BadInput(
        f"no bundle of this claim would be verified: {why}",
        hint="make a new claim with `stemproof claim make`",
    )


def _state(
    log: Log,
    keys: Keys,
    work: Work,
    chosen: Chosen,
    gathered: Sequence[Gathered],
    moment: datetime,
) -> Claim:
    places = {one.number: place for place, one in enumerate(gathered)}
    audio = [
        *(_audio(log, "master", item, places) for item in chosen.masters),
        *(_audio(log, "stem", item, places) for item in chosen.stems),
    ]
    report = make_report(
        [parse_header(data) for data in one.part.headers[: one.cover.work_size]] for one in gathered
    )
    identity, account = _party(keys)
    return Claim(
        work=work.id.hex(),
        title=work.title,
        made=format_time(moment),
        identity=identity,
        account=account,
        logs=tuple(one.cover for one in gathered),
        audio=tuple(audio),
        credits=tuple(_credits(log, work.id)),
        identifiers=(),
        report=report,
    )


def _audio(log: Log, role: str, item: Recorded, places: dict[int, int]) -> Audio:
    body = item.body
    fingerprint = body["fingerprint"]
    pin = log.fetch_one("pin_of_digest", bytes.fromhex(item.sha256))
    if not isinstance(fingerprint, dict):
        raise BadInput(f"{item.recorded_path!r} was recorded without a fingerprint")
    return Audio(
        role=role,
        name=Path(item.recorded_path).name,
        bytes=int(str(body["bytes"])),
        sha256=item.sha256,
        cid=str(body["cid"]),
        profile=str(body["profile"]),
        duration_ms=int(str(body["duration_ms"])),
        fingerprint=str(fingerprint["digest"]),
        log=places[item.log],
        work_seq=item.work_seq,
        pin="" if pin is None else pin[0],
        encrypted=pin is not None and bool(pin[1]),
    )


def _credits(log: Log, work: bytes) -> list[Credit]:
    found: dict[Credit, None] = {}
    for tree, _, _ in log.fetch_all("trees_of_work", work):
        for event_id, _, data in log.fetch_each("events", tree, 0, log.tree_size(tree)):
            if parse_header(data).action == "credit.said":
                opening = log.openings(event_id).get("body")
                if opening is not None:
                    body = json.loads(opening.value)
                    found[Credit(str(body["name"]), str(body["role"]))] = None
    return list(found)


def _find(known: Sequence[Recorded], waiting: Sequence[Recorded], path: Path) -> Recorded:
    from stemproof.audio.observe import hash_file

    digest = hash_file(path).hex()
    for item in reversed(known):
        if item.sha256 == digest:
            return item
    if any(item.sha256 == digest for item in waiting):
        raise BadInput(f"{path} is recorded and not anchored yet", hint=_NEXT)
    raise BadInput(
        f"{path} is not in the anchored record of this work (sha256 {digest[:12]})",
        hint="put it into the project folder, look with `stemproof watch --once`, then anchor",
    )


def _is_master(path: str) -> bool:
    return "master" in Path(path).stem.lower()


def _is_stem(path: str) -> bool:
    parts = [part.lower() for part in Path(path).parts]
    return any("stem" in part for part in parts)
