"""verify_bundle: every check, in the order in which they rest on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from stemproof.claim.bundle import Bundle, parse_bundle
from stemproof.claim.claim import Audio, Claim
from stemproof.claim.logpart import LogPart
from stemproof.errors import Refuted, StemproofError
from stemproof.evidence.otswork import Budget
from stemproof.record.event import parse_time
from stemproof.verify import anchors, slots, statement
from stemproof.verify.anchors import Anchored
from stemproof.verify.bounds import Bracketed, SessionBracket, bracket_sessions
from stemproof.verify.levels import LevelCount, LeveledLog, count_levels
from stemproof.verify.logs import CheckedLog, check_log_part, rotations_in
from stemproof.verify.policy import EVM, KINDS, settle
from stemproof.verify.statement import Covered
from stemproof.verify.succession import party_of
from stemproof.verify.timestamps import Dated, check_stamps, earliest, say_moment
from stemproof.verify.trust import REHEARSAL_CHAINS, Trust
from stemproof.verify.verdict import Checks, State
from stemproof.verify.words import quote


@dataclass(frozen=True, slots=True)
class Bracket:
    """The block that should date a log; a time only where the chain does date it."""

    origin: str
    not_after: int | None
    block: int
    block_hash: bytes
    chain_id: int
    contract: bytes

    @property
    def is_confirmed(self) -> bool:
        """Whether the chain dates what the claim covers."""
        return self.not_after is not None


@dataclass(slots=True)
class Verdict:
    """What a verification came to; `claim` is None where there is none to speak of.

    `not_after` is the time by which all that the claim covers was on record, where as many
    witnesses as the policy needs say so for every log.
    """

    checks: Checks
    claim: Claim | None = None
    logs: tuple[CheckedLog, ...] = ()
    brackets: tuple[Bracket, ...] = ()
    sessions: tuple[SessionBracket, ...] = ()
    levels: tuple[LevelCount, ...] = ()
    warnings: tuple[str, ...] = ()
    dated: tuple[Dated, ...] = ()
    not_after: int | None = None

    @property
    def state(self) -> State:
        """Give the one answer."""
        return self.checks.state


def verify_bundle(data: bytes, trust: Trust) -> Verdict:
    """Check a bundle against what the verifier trusts; audio files are checked beside it."""
    checks = Checks()
    verdict = Verdict(checks)
    try:
        bundle, sealing = parse_bundle(data)
        claim = statement.read_claim(bundle)
    except StemproofError as error:
        state = State.REFUTED if isinstance(error, Refuted) else State.UNDECIDED
        checks.add("bundle", state, str(error), error.hint or "")
        return verdict
    checks.add("bundle", State.VERIFIED, "well formed; every byte is accounted for")
    for name in bundle.unknown:
        checks.add("unknown part", State.NOTE, f"{name} is of a kind that this version cannot read")
    logs = _check_logs(checks, bundle, claim)
    if logs is None:
        return verdict
    verdict.claim, verdict.logs = claim, logs
    _note_holders(checks, logs)
    checks.run(
        "bundle signature",
        lambda: statement.check_sealing(sealing, logs),
        lambda _: "the identity key signed the bundle as it stands",
    )
    covered = _check_claim(checks, bundle, claim, logs)
    inside = _check_dates(verdict, bundle, trust, covered)
    _check_made(verdict, claim)
    if covered is not None:
        verdict.levels = count_levels(
            # A log without its binding does not come this far.
            LeveledLog(log.work.headers[: head.head.work_size], True, inside.get(log.origin, ()))
            for log, head in zip(logs, covered.heads, strict=True)
        )
    _check_identity(checks, claim, trust)
    return verdict


def _check_logs(checks: Checks, bundle: Bundle, claim: Claim) -> tuple[CheckedLog, ...] | None:
    logs: list[CheckedLog] = []
    for part in bundle.logs:
        log = checks.run("log", partial(_check_log, part, claim, tuple(logs)), _say_log)
        if log is not None:
            logs.append(log)
    return tuple(logs) if len(logs) == len(bundle.logs) else None


def _check_log(part: LogPart, claim: Claim, before: Sequence[CheckedLog]) -> CheckedLog:
    log = check_log_part(part, bytes.fromhex(claim.work))
    if log.origin in {known.origin for known in before}:
        raise Refuted(f"log {log.origin} is shown twice")
    return log


def _say_log(log: CheckedLog) -> str:
    count = len(log.work.headers)
    return (
        f"{count} events of this work, none left out or changed, in {len(log.heads)}"
        f" signed checkpoint{'s' if len(log.heads) > 1 else ''} of log {_short(log.origin)}"
    )


def _short(origin: str) -> str:
    return "…" + origin[-12:]


def _note_holders(checks: Checks, logs: Sequence[CheckedLog]) -> None:
    """Say where keys were replaced, and what of that a bundle cannot show."""
    replaced = {
        party_of(before): after.origin for log in logs for before, after in pairwise(log.holders)
    }
    for log in logs:
        name, last = f"log {_short(log.origin)}", party_of(log.holders[-1])
        for seq, after in zip(rotations_in(log), log.holders[1:], strict=True):
            says = f"{name}: keys were replaced in event {seq} of its own record"
            if after.account != log.holders[after.number - 1].account:
                says += "; what the former account anchored is not shown here"
            checks.add("keys", State.NOTE, says)
        if last in replaced:
            checks.add(
                "keys",
                State.NOTE,
                f"{name} is held by keys that log {_short(replaced[last])} replaced; rotations"
                " in logs that are not in the bundle are not known here",
            )


def _check_claim(
    checks: Checks, bundle: Bundle, claim: Claim, logs: Sequence[CheckedLog]
) -> Covered | None:
    covered = checks.run(
        "claim cover",
        lambda: Covered(claim, statement.check_covers(claim, logs)),
        lambda _: "the claim rests on the checkpoints in the bundle",
    )
    if covered is None:
        return None
    checks.run(
        "claim signatures",
        lambda: statement.check_claim_signatures(bundle.signed, covered, logs),
        lambda _: (
            f"signed by identity key {claim.identity[:12]} and account 0x{claim.account[:12]}"
        ),
    )
    checks.run(
        "claim counts",
        lambda: statement.check_report(covered, logs),
        lambda _: "stages and coverage are exactly those of the events",
    )
    for item in claim.audio:
        checks.run(
            item.role,
            partial(statement.check_audio, covered, logs, item),
            partial(_say_audio, item),
        )
    return covered


def _say_audio(item: Audio, _: None) -> str:
    return f"{quote(item.name)}: recorded in event {item.work_seq}, digests as claimed"


def _check_dates(
    verdict: Verdict, bundle: Bundle, trust: Trust, covered: Covered | None
) -> dict[str, frozenset[int]]:
    """Check what dates every log; give by log the events inside two confirmed bounds."""
    inside: dict[str, frozenset[int]] = {}
    times: list[int | None] = []
    budget = Budget()
    for place, (part, log) in enumerate(zip(bundle.logs, verdict.logs, strict=True)):
        head = None if covered is None else covered.heads[place]
        # Without a claim to cover, what must be dated is all that is shown.
        size = (log.heads[-1] if head is None else head).checkpoint.size
        lines = {kind: Checks() for kind in KINDS}
        chain = lines[EVM]
        dated: dict[str, int] = {}
        is_dated = False
        anchored = chain.run(
            "chain evidence", partial(anchors.check_anchors, part, log), _say_evidence
        )
        if anchored is not None:
            is_dated = _check_chain(verdict, chain, log, anchored, trust)
            if head is not None:
                work_size = head.head.work_size
                bracketed = _check_bounds(chain, log, anchored, work_size, trust)
                if bracketed is not None and is_dated:
                    inside[log.origin] = bracketed.events
                    verdict.sessions += bracketed.sessions
            if is_dated and _check_reach(chain, log, size):
                dated[EVM] = anchored.proved.time
            verdict.brackets += (_bracket(log, anchored, dated.get(EVM)),)
        for kind in KINDS[1:]:
            found = check_stamps(lines[kind], part, log, trust, kind=kind, budget=budget)
            verdict.dated += found
            time = earliest(found, size)
            if time is not None:
                dated[kind] = time
        times.append(settle(verdict.checks, trust.policy, dated, lines, is_canonical=is_dated))
        if anchored is not None and EVM in dated:
            # Who holds the log is no question of its date.
            slots.check_former(verdict.checks, log, anchored, trust)
    if None not in times:
        verdict.not_after = max((each for each in times if each is not None), default=None)
    if trust.is_bitcoin_rehearsed:
        verdict.warnings += ("rehearsal: Bitcoin headers of little work count for you",)
    return inside


def _check_chain(
    verdict: Verdict, checks: Checks, log: CheckedLog, anchored: Anchored, trust: Trust
) -> bool:
    """Check contract, block and slot of a log's newest anchor; whether all hold."""
    verdict.warnings = tuple(dict.fromkeys([*verdict.warnings, *_warn(anchored, trust)]))
    return _check_anchor(checks, anchored, trust) and slots.check_now(checks, log, anchored, trust)


def _check_reach(checks: Checks, log: CheckedLog, size: int) -> bool:
    """Check that the newest anchor is of a checkpoint that holds what the claim covers."""
    newest = log.anchored[-1].checkpoint.size
    if newest < size:
        says = f"the newest anchor is of checkpoint {newest}, the claim rests on {size}"
        checks.add("chain evidence", State.UNDECIDED, says)
    return newest >= size


def _check_made(verdict: Verdict, claim: Claim) -> None:
    """Refute a claim that says it was made before a session that it covers began.

    `made` is otherwise the artist's own word: without a clock nobody can say it is too late.
    """
    rehearsed = {each.origin for each in verdict.brackets if each.chain_id in REHEARSAL_CHAINS}
    # A private chain's clock runs as it is told to, often ahead of the day.
    counted = [each for each in verdict.sessions if each.origin not in rehearsed]
    newest = max(counted, key=lambda each: each.not_before or 0, default=None)
    made = parse_time(claim.made).timestamp()
    if newest is not None and newest.not_before is not None and made < newest.not_before:
        verdict.checks.add(
            "time bounds",
            State.REFUTED,
            f"the claim says that it was made at {claim.made}, yet it covers event"
            f" {newest.work_seq}, which was entered after {say_moment(newest.not_before)}",
        )


def _bracket(log: CheckedLog, anchored: Anchored, not_after: int | None) -> Bracket:
    proved = anchored.proved
    return Bracket(
        origin=log.origin,
        not_after=not_after,
        block=proved.number,
        block_hash=proved.block_hash,
        chain_id=anchored.chain_id,
        contract=anchored.contract,
    )


def _check_bounds(
    checks: Checks, log: CheckedLog, anchored: Anchored, size: int, trust: Trust
) -> Bracketed | None:
    try:
        bracketed = bracket_sessions(log, anchored, size, trust)
    except Refuted as error:
        checks.add("time bounds", State.REFUTED, str(error))
        return None
    count = len(bracketed.sessions)
    state = State.VERIFIED if count else State.NOTE
    says = f"{count} of {bracketed.opened} working sessions began after a block that is shown"
    checks.add("time bounds", state, says)
    return bracketed


def _check_anchor(checks: Checks, anchored: Anchored, trust: Trust) -> bool:
    """Check contract and block; whether both hold, so that the anchor's time counts."""
    is_known = checks.run(
        "contract",
        lambda: anchors.check_contract(anchored, trust),
        lambda _: (
            f"0x{anchored.contract.hex()[:12]} is a contract that counts for you on chain"
            f" {anchored.chain_id} (shipped table or your options)"
        ),
    )
    is_canonical = checks.run(
        "canonical block", lambda: anchors.check_canonical(anchored, trust), lambda says: says
    )
    return is_known is not None and is_canonical is not None


def _warn(anchored: Anchored, trust: Trust) -> list[str]:
    if anchored.chain_id in REHEARSAL_CHAINS:
        return ["rehearsal on a private chain, proves nothing to others"]
    if anchored.chain_id in trust.testnets:
        return [f"chain {anchored.chain_id} is a testnet: it may vanish, and its blocks with it"]
    return []


def _say_evidence(anchored: Anchored) -> str:
    return (
        f"block {anchored.proved.number} of chain {anchored.chain_id} holds this log's head:"
        f" it existed by {say_moment(anchored.proved.time)}, if that block is canonical"
    )


def _check_identity(checks: Checks, claim: Claim, trust: Trust) -> None:
    if trust.origins:
        strangers = sorted({cover.origin for cover in claim.logs} - trust.origins)
        state = State.REFUTED if strangers else State.VERIFIED
        says = ", ".join(strangers) + " is not one that you named"
        checks.add("origin", state, says if strangers else "the logs are the ones that you named")
    name = (trust.identities or {}).get(bytes.fromhex(claim.identity))
    if name is not None:
        checks.add(
            "identity", State.VERIFIED, f"key {claim.identity[:12]} is {quote(name)}'s, you say"
        )
    else:
        checks.add(
            "identity",
            State.NOTE,
            f"all this is for key {claim.identity[:12]}; who holds that key: not checked",
        )
