"""What coins are worth, at the rate that the user gave: nobody is asked for prices.

2500EUR      one coin of the chain costs 2500 euros
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final

from stemproof.anchor.fees import format_wei, round_up
from stemproof.errors import Usage

if TYPE_CHECKING:
    from stemproof.anchor.chains import ChainInfo

_RATE: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([A-Za-z]{3})")
# Coins of a rehearsal are told as if they were those that they stand for.
_TEST: Final = "test "
_WEI: Final = Decimal(10) ** 18


@dataclass(frozen=True, slots=True)
class Price:
    """What one coin costs, in a currency of three letters."""

    rate: Decimal
    currency: str

    def worth(self, wei: int) -> str:
        """Say what an amount is worth, with two digits that count where it is small."""
        amount = Decimal(wei) / _WEI * self.rate
        cent = Decimal("0.01")
        if amount >= cent or not amount:
            return f"{amount.quantize(cent, ROUND_HALF_UP)} {self.currency}"
        return f"less than 0.01 {self.currency}"


def parse_price(text: str) -> Price:
    """Read a rate such as 2500EUR."""
    match = _RATE.fullmatch(text.strip())
    if match is None or not Decimal(match[1]):
        raise Usage(
            f"--price is {text!r:.40}, want what one coin costs, such as 2500EUR",
            hint="it is remembered; nobody is asked for prices",
        )
    return Price(Decimal(match[1]), match[2].upper())


def format_price(price: Price) -> str:
    """Write a rate as parse_price reads it."""
    return f"{price.rate:f}{price.currency}"


def coin_of(info: ChainInfo) -> str:
    """Name the coin that a rate is for: that of a test chain stands for the real one."""
    return info.currency.removeprefix(_TEST)


def tell_cost(wei: int, info: ChainInfo, price: Price | None) -> str:
    """Say an amount in coins, and in money where a rate was given."""
    coins = f"{format_wei(round_up(wei))} {info.currency}"
    if price is None:
        return coins
    if info.currency.startswith(_TEST):
        return f"{coins} (free; {price.worth(wei)} if it were {coin_of(info)}, at your rate)"
    return f"{coins} ({price.worth(wei)} at the rate you gave)"
