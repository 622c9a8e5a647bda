"""What a relay answers: the terms on which it works, and what became of one signed head.

    {"block":12,"block_hash":"…","code":null,"reason":null,"state":"mined","ticket":"…",
     "tx":"…","v":0}

As bytes both are canonical JSON, hex in lower case without 0x, amounts in wei as decimal
strings; only that spelling is read. Nothing here is evidence: what a relay says is a hint where
to look, and the chain decides. No I/O.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from stemproof.errors import Malformed
from stemproof.evidence.members import parse_hex, parse_number
from stemproof.record.canonical import MAX_INTEGER, canonical_bytes, parse_object

if TYPE_CHECKING:
    from stemproof.record.canonical import Json

#: Terms and answers are short; the longest part is the reason.
MAX_ANSWER_BYTES: Final = 4096
MAX_REASON: Final = 300

_AMOUNT: Final = re.compile(r"0|[1-9][0-9]{0,77}\Z")
_ANSWER: Final = {"block", "block_hash", "code", "reason", "state", "ticket", "tx", "v"}
_TERMS: Final = {
    "account",
    "batch_s",
    "chain_id",
    "contract",
    "funds",
    "head_cap_wei",
    "is_open",
    "most",
    "per_publisher",
    "v",
}


class HeadState(StrEnum):
    """Where a head stands, as its relay says."""

    QUEUED = "queued"
    SENT = "sent"
    MINED = "mined"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why a relay does not bring a head."""

    MALFORMED = "malformed"
    WRONG_CHAIN = "wrong_chain"
    WRONG_CONTRACT = "wrong_contract"
    NOT_ALLOWED = "not_allowed"
    NOT_SIGNED = "not_signed"
    TOO_LATE = "too_late"
    TOO_FAR = "too_far"
    NOT_THE_HEAD = "not_the_head"
    NO_GROWTH = "no_growth"
    TOO_MUCH_GROWTH = "too_much_growth"
    ON_ITS_WAY = "on_its_way"
    REPLACED = "replaced"
    OVER_RATE = "over_rate"
    QUEUE_FULL = "queue_full"
    NO_FUNDS = "no_funds"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"


class Funds(StrEnum):
    """Whether a relay can pay."""

    ENOUGH = "enough"
    LOW = "low"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RelayAnswer:
    """What a relay says of one head; `ticket` is empty where the head could not be read."""

    ticket: str
    state: HeadState
    tx: bytes | None = None
    block: int | None = None
    block_hash: bytes | None = None
    code: Refusal | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RelayTerms:
    """On which terms a relay works."""

    chain_id: int
    contract: bytes
    account: bytes
    # Seconds that heads are gathered before they are sent together.
    batch_s: int
    # Heads in one transaction.
    most: int
    # Heads of one publisher in a day.
    per_publisher: int
    head_cap_wei: int | None
    # Whether anybody may hand heads in, or only those whom it lists.
    is_open: bool
    funds: Funds


def format_answer(answer: RelayAnswer) -> bytes:
    """Write an answer in the one form that is read."""
    return canonical_bytes(
        {
            "block": answer.block,
            "block_hash": None if answer.block_hash is None else answer.block_hash.hex(),
            "code": None if answer.code is None else answer.code.value,
            "reason": answer.reason,
            "state": answer.state.value,
            "ticket": answer.ticket,
            "tx": None if answer.tx is None else answer.tx.hex(),
            "v": 0,
        }
    )


def parse_answer(data: bytes) -> RelayAnswer:
    """Read an answer in the one form it is written; its parts must fit its state."""
    fields = parse_object(data, what="relay's answer", max_bytes=MAX_ANSWER_BYTES)
    if set(fields) != _ANSWER:
        raise Malformed("members of a relay's answer", sorted(fields), f"{sorted(_ANSWER)}")
    parse_number(fields["v"], "v", 0, 0)
    answer = RelayAnswer(
        ticket=_parse_ticket(fields["ticket"]),
        state=HeadState(_parse_word(fields["state"], "state", HeadState)),
        tx=_parse_hash(fields["tx"], "tx"),
        block=None
        if fields["block"] is None
        else parse_number(fields["block"], "block", 0, MAX_INTEGER),
        block_hash=_parse_hash(fields["block_hash"], "block hash"),
        code=None
        if fields["code"] is None
        else Refusal(_parse_word(fields["code"], "code", Refusal)),
        reason=_parse_reason(fields["reason"]),
    )
    _check_parts(answer)
    return answer


def format_terms(terms: RelayTerms) -> bytes:
    """Write terms in the one form that is read."""
    cap = terms.head_cap_wei
    return canonical_bytes(
        {
            "account": terms.account.hex(),
            "batch_s": terms.batch_s,
            "chain_id": terms.chain_id,
            "contract": terms.contract.hex(),
            "funds": terms.funds.value,
            "head_cap_wei": None if cap is None else str(cap),
            "is_open": terms.is_open,
            "most": terms.most,
            "per_publisher": terms.per_publisher,
            "v": 0,
        }
    )


def parse_terms(data: bytes) -> RelayTerms:
    """Read terms in the one form they are written."""
    fields = parse_object(data, what="relay's terms", max_bytes=MAX_ANSWER_BYTES)
    if set(fields) != _TERMS:
        raise Malformed("members of a relay's terms", sorted(fields), f"{sorted(_TERMS)}")
    parse_number(fields["v"], "v", 0, 0)
    cap, is_open = fields["head_cap_wei"], fields["is_open"]
    if cap is not None and (not isinstance(cap, str) or not _AMOUNT.fullmatch(cap)):
        raise Malformed("head_cap_wei", cap, "a decimal number of wei")
    if not isinstance(is_open, bool):
        raise Malformed("is_open", is_open, "true or false")
    return RelayTerms(
        chain_id=parse_number(fields["chain_id"], "chain_id", 1, MAX_INTEGER),
        contract=parse_hex(fields["contract"], "contract", 20),
        account=parse_hex(fields["account"], "account", 20),
        batch_s=parse_number(fields["batch_s"], "batch_s", 0, 86_400),
        most=parse_number(fields["most"], "most", 1, 500),
        per_publisher=parse_number(fields["per_publisher"], "per_publisher", 1, MAX_INTEGER),
        head_cap_wei=None if cap is None else int(cap),
        is_open=is_open,
        funds=Funds(_parse_word(fields["funds"], "funds", Funds)),
    )


def _check_parts(answer: RelayAnswer) -> None:
    """Demand what belongs to the state, and nothing else."""
    in_block = answer.block is not None and answer.block_hash is not None
    has_place = answer.block is not None or answer.block_hash is not None
    said = answer.code is not None and answer.reason is not None
    match answer.state:
        case HeadState.QUEUED:
            fits = answer.tx is None and not has_place
        case HeadState.SENT:
            fits = answer.tx is not None and not has_place
        case HeadState.MINED:
            fits = answer.tx is not None and in_block
        case HeadState.REFUSED:
            fits = said and not has_place
    if answer.state is not HeadState.REFUSED:
        fits = fits and answer.code is None and answer.reason is None and answer.ticket != ""
    if not fits:
        raise Malformed("relay's answer", answer.state.value, "the members of its state, no others")


def _parse_ticket(value: Json) -> str:
    if value == "":
        return ""
    return parse_hex(value, "ticket", 32).hex()


def _parse_hash(value: Json, what: str) -> bytes | None:
    return None if value is None else parse_hex(value, what, 32)


def _parse_word(value: Json, what: str, known: type[StrEnum]) -> str:
    words = [member.value for member in known]
    if not isinstance(value, str) or value not in words:
        raise Malformed(what, value, f"one of {', '.join(words)}")
    return value


def _parse_reason(value: Json) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_REASON or not value.isprintable():
        raise Malformed("reason", value, f"one line of at most {MAX_REASON} characters")
    return value
