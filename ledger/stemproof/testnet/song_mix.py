"""The demo's mix: faders, pans, equalisers and the master chain, as numbers.

The mix session writes them and the renderer applies them, so the saved decisions are those heard.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Equaliser:
    """Three bands in decibels with two borders, as REAPER's JS: loser/3BandEQ has them."""

    low_db: float = 0.0
    low_hz: float = 200.0
    mid_db: float = 0.0
    high_hz: float = 2000.0
    high_db: float = 0.0


@dataclass(frozen=True, slots=True)
class Strip:
    """One channel of the mix; volume as a factor, pan from -1 to 1."""

    stem: str
    volume: float
    pan: float
    equaliser: Equaliser


@dataclass(frozen=True, slots=True)
class Master:
    """The master chain: equaliser, gain, ceiling of the limiter."""

    equaliser: Equaliser
    gain_db: float
    ceiling_db: float


MIX = (
    Strip("drums", 0.71, 0.0, Equaliser(low_db=1.5, mid_db=-2.0, high_db=1.0)),
    Strip("bass", 0.5, -0.06, Equaliser(low_db=1.0, mid_db=-1.5, high_db=-3.0)),
    Strip("lead", 0.63, 0.12, Equaliser(low_db=-4.0, mid_db=0.5, high_db=2.0)),
)
# As first set: the lead lower and sharper.
FIRST_MIX = (
    *MIX[:2],
    Strip("lead", 0.56, 0.12, Equaliser(low_db=-4.0, mid_db=0.5, high_db=3.5)),
)
MASTER = Master(
    Equaliser(low_db=0.5, low_hz=120.0, mid_db=-0.5, high_hz=6000.0, high_db=1.0), 2.0, -1.5
)
