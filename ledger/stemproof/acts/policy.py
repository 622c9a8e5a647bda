"""When timestamps are made by themselves, and what they may cost: the artist's own rule.

    {"cap_month_wei": "10000000000000000", "cap_wei": null, "events": 500, "every_s": 86400}

It is a setting of the ledger, so that whoever runs next (a watch, a service, cron) keeps to it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from stemproof.errors import BadInput, Usage

if TYPE_CHECKING:
    from stemproof.log.store import Log

POLICY_SETTING: Final = "anchor_auto"
PROBLEM_SETTING: Final = "anchor_auto_problem"
PRICE_SETTING: Final = "price"
#: What `--auto` alone means.
DAILY: Final = timedelta(days=1)
#: Over how long `--cap-month` counts.
MONTH: Final = timedelta(days=30)
_UNITS: Final = {"m": 60, "h": 3600, "d": 86400}
_EVERY: Final = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_MOST_S: Final = 366 * 86400
_MOST_EVENTS: Final = 10**9
_MEMBERS: Final = {"cap_month_wei", "cap_wei", "events", "every_s"}


@dataclass(frozen=True, slots=True)
class Policy:
    """When a timestamp is due: after a time, after so many events, whichever comes first."""

    every: timedelta | None
    events: int | None
    #: The most that timestamps may cost in a month, and each.
    cap_month_wei: int | None = None
    cap_wei: int | None = None

    def told(self) -> str:
        """Say it in words, without what it may cost."""
        when = [f"every {format_every(self.every)}"] if self.every is not None else []
        if self.events is not None:
            when.append("after each event" if self.events == 1 else f"after {self.events} events")
        return " or ".join(when)


def read_policy(log: Log) -> Policy | None:
    """Read the ledger's rule; None where timestamps are made by hand only."""
    text = log.setting(POLICY_SETTING)
    if not text:
        return None
    try:
        kept = json.loads(text)
        if set(kept) != _MEMBERS:
            raise ValueError("other members")
        return Policy(
            every=None if kept["every_s"] is None else timedelta(seconds=int(kept["every_s"])),
            events=None if kept["events"] is None else int(kept["events"]),
            cap_month_wei=_as_wei(kept["cap_month_wei"]),
            cap_wei=_as_wei(kept["cap_wei"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise BadInput(
            "the ledger's rule for automatic timestamps is unreadable",
            hint="set it anew with `stemproof anchor --auto`",
        ) from error


def put_policy(log: Log, policy: Policy | None) -> None:
    """Keep a rule, or none; what went wrong under the one before is forgotten."""
    kept = ""
    if policy is not None:
        every = policy.every
        kept = json.dumps(
            {
                "cap_month_wei": None
                if policy.cap_month_wei is None
                else str(policy.cap_month_wei),
                "cap_wei": None if policy.cap_wei is None else str(policy.cap_wei),
                "events": policy.events,
                "every_s": None if every is None else int(every.total_seconds()),
            },
            sort_keys=True,
        )
    with log.writing():
        log.put_setting(POLICY_SETTING, kept)
        log.put_setting(PROBLEM_SETTING, "")


def parse_every(text: str) -> timedelta:
    """Read a time such as 30m, 24h or 7d."""
    match = _EVERY.fullmatch(text)
    seconds = 0 if match is None else int(match[1]) * _UNITS[match[2]]
    if not 60 <= seconds <= _MOST_S:
        raise Usage(f"--every is {text!r:.40}, want a time such as 30m, 24h or 7d")
    return timedelta(seconds=seconds)


def format_every(every: timedelta) -> str:
    """Write a time in the largest unit that fits."""
    seconds = int(every.total_seconds())
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0 and seconds:
            count = seconds // unit
            return name if count == 1 else f"{count} {name}s"
    return f"{seconds} seconds"


def check_events(count: int | None) -> int | None:
    """Demand a number of events that can mean something."""
    if count is not None and not 0 < count <= _MOST_EVENTS:
        raise Usage(f"--events is {count}, want a number above 0")
    return count


def _as_wei(value: object) -> int | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("no text")
    return int(value)
