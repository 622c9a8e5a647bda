"""A relay at work: heads come in, wait for company, go out together, and are followed.

    desk = RelayDesk(chain, signer, store, terms, locks=home / "locks")
    answer = desk.take(body)          on every request, from any thread
    desk.turn()                       again and again, from one thread

One batch is on its way at a time. Its signed transaction is stored before it is sent; whatever
stops the process, the next `turn` sends the same bytes. Spending is bounded by a day's limit, by
a limit for each head and by how many heads one publisher may hand in; what is too dear waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.anchor.fees import suggest_fees
from stemproof.anchor.problems import FeeTooHigh, InsufficientFunds, NodeRefuses
from stemproof.anchor.publish import hold_account, send
from stemproof.anchor.relayanswer import Funds, HeadState, Refusal, RelayAnswer, RelayTerms
from stemproof.anchor.relaybatch import (
    MAX_ASKING,
    choose_party,
    find_objection,
    measure_wallet,
    offered,
    prepare_party,
    takes_all,
)
from stemproof.anchor.relayed import MAX_LIFETIME_S
from stemproof.anchor.relayfollow import follow_batch
from stemproof.anchor.relaystore import DAY_S, Kept, Sending
from stemproof.anchor.signedhead import (
    MAX_GROWTH,
    SignedHead,
    parse_signed_head,
    recover_signer,
    ticket_of,
)
from stemproof.errors import Malformed, StemproofError

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.fees import Fees
    from stemproof.anchor.publish import Intent
    from stemproof.anchor.relaystore import RelayStore
    from stemproof.anchor.signer import Signer

# Requests that ask the chain at a time; the others are told to come again.
_ASKING_AT_ONCE: Final = 8
# A head must be good for the next batch and for a few blocks.
_SPARE_S: Final = 30
# What is not in the next block's reach is not sent.
_BLOCK_S: Final = 15
# How often an idle relay looks at its balance and forgets what is old.
_LOOK_S: Final = 30
# A block of Ethereum; a reorganisation is seen soon enough then.
_LOOK_BACK_S: Final = 12
# Below what so many heads cost the relay says that its funds are low.
_LOW_HEADS: Final = 50
# An anchor of a new log, with its share of the transaction.
_HEAD_GAS: Final = 60_000


_UNTRIED: Final = Refusal.NOT_SIGNED, "the chain's node cannot try it"
_UNSTEADY: Final = Refusal.NOT_SIGNED, "its wallet answers now yes, now no"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a relay takes and spends."""

    # Seconds that heads are gathered, and how many go at most.
    batch_s: int = 30
    most: int = 100
    per_publisher: int = 24
    day_cap_wei: int | None = None
    head_cap_wei: int | None = None
    # Whose heads are taken; None for everybody's.
    allowed: frozenset[bytes] | None = None


class RelayDesk:
    """A relay for one chain, paying from one account."""

    def __init__(
        self,
        chain: Chain,
        signer: Signer,
        store: RelayStore,
        limits: Limits,
        *,
        locks: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._chain = chain
        self._signer = signer
        self._store = store
        self._limits = limits
        self._locks = locks
        self._clock = clock
        self._asking = threading.BoundedSemaphore(_ASKING_AT_ONCE)
        self._funds = Funds.ENOUGH
        self._looked = 0
        self._looked_back = 0
        # What wallets take, by ticket: measured once.
        self._gas_of: dict[str, int] = {}
        #: Why nothing is sent although heads wait; empty while all is well.
        self.delay = ""

    @property
    def round_s(self) -> float:
        """How often a turn is wanted."""
        return min(2.0, max(0.1, self._limits.batch_s / 5))

    @property
    def terms(self) -> RelayTerms:
        """Say on which terms it works."""
        return RelayTerms(
            chain_id=self._chain.info.id,
            contract=bytes(self._chain.contract),
            account=bytes(self._signer.address),
            batch_s=self._limits.batch_s,
            most=self._limits.most,
            per_publisher=self._limits.per_publisher,
            head_cap_wei=self._limits.head_cap_wei,
            is_open=self._limits.allowed is None,
            funds=self._funds,
        )

    def answer(self, ticket: str) -> RelayAnswer:
        """Say what became of a head."""
        found = self._store.answer(ticket)
        return found or refusal(ticket, Refusal.UNKNOWN, "this relay knows no such head")

    def take(self, body: bytes) -> RelayAnswer:
        """Take a signed head in, durable when this returns; refuse what would not be anchored."""
        try:
            head = parse_signed_head(body)
        except Malformed as error:
            return refusal("", Refusal.MALFORMED, str(error))
        ticket = ticket_of(body)
        known = self._store.answer(ticket)
        if known is not None:
            return known
        objection = self._find_objection(head)
        if objection is None:
            objection = self._ask_chain(head)
        if objection is None:
            objection = self._store.take(
                body,
                head,
                asks=recover_signer(head) != head.publisher,
                now=int(self._clock()),
                per_publisher=self._limits.per_publisher,
            )
        # Two requests with the same bytes at once: the store has it from the other one.
        known = self._store.answer(ticket)
        if known is not None:
            return known
        code, reason = objection or (Refusal.UNAVAILABLE, "it was not kept")
        return refusal(ticket, code, reason)

    def turn(self) -> list[str]:
        """Follow what is on its way, and send what is due; give what there is to tell."""
        told: list[str] = []
        now = int(self._clock())
        looks_back = self._chain.info.kind == "local" or now - self._looked_back >= _LOOK_BACK_S
        for batch in self._store.open_batches():
            # What is in a block is looked at now and then, until it is final.
            if batch.state == "stored" or looks_back:
                told += follow_batch(
                    self._chain, self._signer, self._store, batch, cap=self._replace_cap, now=now
                )
                self._looked_back = now if looks_back else self._looked_back
        if any(batch.state == "stored" for batch in self._store.open_batches()):
            return told
        self._store.refuse_late(now + _BLOCK_S)
        oldest, count = self._store.waiting()
        if count and (count >= self._limits.most or now - oldest >= self._limits.batch_s):
            told += self._send_next(now)
        elif now - self._looked >= _LOOK_S or not self._looked:
            self._look_at_funds()
            self._store.prune(now)
            self._looked = now
        return told

    def _find_objection(self, head: SignedHead) -> tuple[Refusal, str] | None:
        """Find what needs no chain: whose, for where, how large, until when."""
        chain, limits, now = self._chain, self._limits, int(self._clock())
        lead = limits.batch_s + _SPARE_S
        growth = head.size - head.prior_size
        if head.chain_id != chain.info.id:
            said = f"it is for chain {head.chain_id}, this relay serves {chain.info.id}"
            return Refusal.WRONG_CHAIN, said
        if head.contract != chain.contract:
            return Refusal.WRONG_CONTRACT, "it is for another contract than this relay calls"
        if limits.allowed is not None and head.publisher not in limits.allowed:
            return Refusal.NOT_ALLOWED, "this relay does not list its publisher"
        if head.deadline < now + lead:
            said = f"its deadline is in less than the {lead} s that this relay needs"
            return Refusal.TOO_LATE, said
        if head.deadline > now + MAX_LIFETIME_S:
            return Refusal.TOO_FAR, f"its deadline is more than {MAX_LIFETIME_S // 3600} h ahead"
        if growth <= 0:
            return Refusal.NO_GROWTH, f"the log does not grow beyond {head.prior_size} entries"
        if growth > MAX_GROWTH:
            return Refusal.TOO_MUCH_GROWTH, f"the log grows by {growth}, at most {MAX_GROWTH}"
        return None

    def _ask_chain(self, head: SignedHead) -> tuple[Refusal, str] | None:
        if self._funds is Funds.NONE:
            return Refusal.NO_FUNDS, "this relay has no funds at the moment"
        if not self._asking.acquire(blocking=False):
            return Refusal.UNAVAILABLE, "this relay is busy: hand it in again in a moment"
        try:
            # The code of a wallet can read whether a price is paid.
            asks = recover_signer(head) != head.publisher
            fees = suggest_fees(self._chain) if asks else None
            return find_objection(self._chain, self._signer.address, head, fees=fees)
        except StemproofError:
            # What its node said is the operator's to know, not a stranger's.
            return Refusal.UNAVAILABLE, "this relay cannot ask its chain at the moment"
        finally:
            self._asking.release()

    def _send_next(self, now: int) -> list[str]:
        """Send the heads that are due, those that the chain would not take left out."""
        with hold_account(self._locks, self._chain, self._signer.address):
            told = self._refuse_dear()
            queued = self._store.queued(self._limits.most, most_asking=MAX_ASKING)
            if self._limits.head_cap_wei is not None:  # The next of a wallet is measured first.
                queued = [kept for kept in queued if not kept.asks or kept.ticket in self._gas_of]
            if not queued:
                return told
            try:
                chosen = choose_party(queued, most=self._limits.most)
                party, intent = self._prepare(chosen, now)
                if not takes_all(self._chain, [kept.head for kept in party], intent):
                    return told + self._leave_out(party, offered(intent))
            except FeeTooHigh as error:
                return told + self._put_off(f"heads wait: {error}")
            except InsufficientFunds as error:
                self._funds = Funds.NONE
                return told + self._put_off(f"heads wait: {error}")
            sending = Sending(intent.tx_hash, intent.raw, now)
            tickets = [kept.ticket for kept in party]
            number = self._store.put_batch(tickets, sending, cost_wei=intent.cost_wei, now=now)
            self.delay = ""
            self._funds = Funds.ENOUGH
            send(self._chain, intent.raw)
        return [*told, f"batch {number}: {len(party)} heads sent"]

    def _prepare(self, party: list[Kept], now: int) -> tuple[list[Kept], Intent]:
        """Sign for a party; where it is too dear, for those of it who ask no wallet."""
        cap_wei = self._cap_for(len(party), now)
        try:
            return party, prepare_party(self._chain, self._signer, party, cap_wei=cap_wei)
        except (FeeTooHigh, InsufficientFunds):
            plain = [kept for kept in party if not kept.asks]
            if len(plain) in (0, len(party)):
                raise
        return self._prepare(plain, now)

    def _refuse_dear(self) -> list[str]:
        """Refuse the heads whose wallets take more gas than is paid for one head."""
        cap_wei = self._limits.head_cap_wei
        asking = [kept for kept in self._store.queued(0, most_asking=MAX_ASKING) if kept.asks]
        if cap_wei is None or not asking:
            return []
        fees = suggest_fees(self._chain)
        price = -(-fees.base_fee * 9 // 8) + fees.tip
        if _HEAD_GAS * price > cap_wei:
            # It is the chain that is dear: all wait.
            return []
        told, known = [], self._gas_of
        self._gas_of = {}
        for kept in asking:
            gas = known.get(kept.ticket)
            gas = gas or measure_wallet(self._chain, self._signer.address, kept.head, fees) or 0
            self._gas_of[kept.ticket] = gas
            if gas * price > cap_wei:
                said = f"its wallet may take {gas} gas, more than is paid for one head"
                self._store.refuse(kept.ticket, Refusal.UNAVAILABLE, said)
                told.append(f"head {kept.ticket[:12]} left out: {said}")
        return told

    def _leave_out(self, party: list[Kept], fees: Fees) -> list[str]:
        """Refuse those of a party that the chain would not take; the others go at the next turn."""
        bad: dict[str, tuple[Refusal, str]] = {}
        untried: list[Kept] = []
        problem: NodeRefuses | None = None
        for kept in party:
            try:
                objection = find_objection(
                    self._chain, self._signer.address, kept.head, fees=fees if kept.asks else None
                )
            except NodeRefuses as error:
                untried.append(kept)
                problem = error
                continue
            if objection is not None:
                bad[kept.ticket] = objection
        if problem is not None and len(untried) == len(party):
            raise problem
        # The node tries others: it is the head that it cannot try.
        bad.update((kept.ticket, _UNTRIED) for kept in untried)
        if not bad:
            # Alone each is good: one answers otherwise in company, and only wallets can.
            bad.update((kept.ticket, _UNSTEADY) for kept in party if kept.asks)
        for ticket, objection in bad.items():
            self._store.refuse(ticket, *objection)
        return [f"head {ticket[:12]} left out: {said}" for ticket, (_, said) in bad.items()]

    def _cap_for(self, count: int, now: int, *, but: int = 0) -> int | None:
        """Say what the next transaction may cost, in the place of a batch where one is named."""
        caps = []
        if self._limits.head_cap_wei is not None:
            caps.append(count * self._limits.head_cap_wei)
        if self._limits.day_cap_wei is not None:
            spent = self._store.spent_since(now - DAY_S, but=but)
            caps.append(max(0, self._limits.day_cap_wei - spent))
        return min(caps, default=None)

    def _replace_cap(self, count: int, batch: int) -> int | None:
        return self._cap_for(count, int(self._clock()), but=batch)

    def _put_off(self, why: str) -> list[str]:
        told = [] if self.delay == why else [why]
        self.delay = why
        return told

    def _look_at_funds(self) -> None:
        balance = self._chain.balance(self._signer.address)
        price = self._chain.latest_block().base_fee
        cost = _HEAD_GAS * price
        if balance <= 2 * cost:
            self._funds = Funds.NONE
        else:
            self._funds = Funds.LOW if balance < _LOW_HEADS * cost else Funds.ENOUGH


def refusal(ticket: str, code: Refusal, reason: str) -> RelayAnswer:
    """Refuse a head."""
    clean = "".join(char if char.isprintable() else " " for char in reason)
    return RelayAnswer(ticket, HeadState.REFUSED, code=code, reason=clean[:300])
