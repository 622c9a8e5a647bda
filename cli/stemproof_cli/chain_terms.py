"""What people say of a chain and what is told them: terms, findings, prices, addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.acts.chains import Met, Placed
    from stemproof.anchor.chains import ChainInfo, FeeHint
    from stemproof.anchor.deployments import Price
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.probe import Finding
    from stemproof.record.canonical import Json


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person says of a chain and is more than a word."""

    genesis: bytes | None
    sunset: date | None
    fee_hint: FeeHint | None


def read_terms(*, genesis: str | None, sunset: str | None, fee_hint: str | None) -> Terms:
    """Read what was typed."""
    return Terms(_read_genesis(genesis), _read_day(sunset), _read_hint(fee_hint))


def _read_genesis(text: str | None) -> bytes | None:
    from stemproof.errors import Malformed, Usage
    from stemproof.evidence.quantity import parse_data

    if text is None:
        return None
    try:
        found = parse_data(text, "--genesis")
    except Malformed as error:
        raise Usage(str(error)) from error
    if len(found) != 32:
        raise Usage(f"--genesis has {len(found)} bytes, want the 32 of a block hash")
    return found


def _read_day(text: str | None) -> date | None:
    from stemproof.errors import Usage

    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Usage(f"--sunset is {text!r:.40}, want a day such as 2028-09-30") from error
    return day


def _read_hint(text: str | None) -> FeeHint | None:
    from stemproof.anchor.chains import FeeHint
    from stemproof.errors import Usage

    if text is None:
        return None
    parts = text.split(":")
    if len(parts) != 2 or not all(
        part.isascii() and part.isdigit() and len(part) < 10 for part in parts
    ):
        raise Usage(f"--fee-hint is {text!r:.40}, want two amounts in gwei, such as 25:30")
    return FeeHint(tip_gwei=int(parts[0]), base_fee_gwei=int(parts[1]))


def say_met(info: ChainInfo, node: Met) -> None:
    """Say what came of asking a node of a chain that was added."""
    if node.problem is not None:
        say.answer(f"  not asked: {node.problem}")
    elif node.genesis is None:
        say.answer(f"  chain {info.id} is served there; block 0 is not told")
    else:
        say.answer(f"  chain {info.id} is served there, with block 0 {node.genesis.hex()[:12]}")


def say_findings(looked: Sequence[tuple[ChainInfo, Sequence[Finding]]], *, json: bool) -> int:
    """Say what was found on chains; give the exit code: 0 all good, 1 wrong, 3 unknown, missing."""
    from stemproof.anchor.probe import Found

    if json:
        chains: list[Json] = [
            {
                "id": info.id,
                "name": info.name,
                "findings": [
                    {"what": one.what, "found": str(one.found), "detail": one.detail}
                    for one in findings
                ],
            }
            for info, findings in looked
        ]
        say.answer_json({"v": 0, "chains": chains})
    else:
        say.table(
            ("chain", "what", "found", "detail"),
            [
                (info.name, one.what, str(one.found), one.detail)
                for info, findings in looked
                for one in findings
            ],
        )
    found = {one.found for _, findings in looked for one in findings}
    if Found.WRONG in found:
        return 1
    return 3 if found - {Found.GOOD} else 0


def say_price(place: Chain, missing: Sequence[str], price: Price) -> None:
    """Say what is missing on a chain, and what it costs to put it there."""
    from stemproof.anchor.price import tell_cost

    say.talk(
        f"{', '.join(missing)} on {place.info.name}: about"
        f" {tell_cost(price.expected_wei, place.info, None)}, at most"
        f" {tell_cost(price.most_wei, place.info, None)} ({price.gas:,} gas)"
    )


def say_placed(
    place: Chain, placed: Sequence[Placed], missing: Sequence[str], *, json: bool
) -> None:
    """Say where each contract stands on a chain, and what put it there."""
    from stemproof.anchor.contract import address_of
    from stemproof.anchor.deployments import CONTRACTS
    from stemproof.evidence.ethsig import format_address

    new = {one.contract: one for one in placed}
    rows: list[Json] = []
    for name in CONTRACTS:
        made = new.get(name)
        where = format_address(address_of(name))
        rows.append(
            {
                "contract": name,
                "address": where,
                "there": name not in missing,
                "block": None if made is None else made.block,
                "transaction": None if made is None else "0x" + made.transaction.hex(),
            }
        )
        if not json and name in missing:
            say.answer(f"{name} is not on {place.info.name} yet; it will be at {where}")
        elif not json:
            since = "" if made is None else f", since block {made.block}"
            say.answer(f"the contract {name} is at {where} on {place.info.name}{since}")
    if json:
        say.answer_json({"v": 0, "chain": place.info.id, "contracts": rows})
