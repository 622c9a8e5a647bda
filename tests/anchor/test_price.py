"""What a timestamp costs in money: at the user's own rate, with no more digits than it has."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.anchor.chains import load_chains
from stemproof.anchor.fees import round_up
from stemproof.anchor.price import format_price, parse_price, tell_cost
from stemproof.errors import Usage

SEPOLIA = load_chains()[11155111]
MAINNET = dataclasses.replace(SEPOLIA, kind="mainnet", currency="ETH")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("2500EUR", "2500EUR"), ("2500.5 eur", "2500.5EUR"), (" 0.31usd ", "0.31USD")],
)
def test_a_rate_is_read_as_people_write_it(text: str, kept: str) -> None:
    assert format_price(parse_price(text)) == kept
    assert format_price(parse_price(kept)) == kept


@pytest.mark.parametrize(
    "text", ["", "EUR", "2500", "-1EUR", "0EUR", "1e3EUR", "2,500EUR", "2500EURO", "NaNEUR", "²EUR"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="want what one coin costs"):
        parse_price(text)


@pytest.mark.parametrize(
    ("wei", "told"),
    [
        (408_000_000_000_000, "0.00041 ETH (1.02 EUR at the rate you gave)"),
        (1_000_000_000, "0.000000001 ETH (less than 0.01 EUR at the rate you gave)"),
        (10**18, "1 ETH (2500.00 EUR at the rate you gave)"),
    ],
)
def test_a_cost_is_told_in_coins_and_in_money(wei: int, told: str) -> None:
    assert tell_cost(wei, MAINNET, parse_price("2500EUR")) == told


def test_coins_of_a_test_chain_are_told_to_be_free() -> None:
    told = tell_cost(408_000_000_000_000, SEPOLIA, parse_price("2500EUR"))
    assert told == "0.00041 test ETH (free; 1.02 EUR if it were ETH, at your rate)"
    assert tell_cost(10**18, SEPOLIA, None) == "1 test ETH"


@given(st.integers(0, 2**96))
def test_an_amount_is_never_told_lower_than_it_is(wei: int) -> None:
    told = round_up(wei)
    assert wei <= told <= wei + wei // 10 + 1
    assert len(str(told).rstrip("0")) <= 3
    assert Decimal(told) >= 0
