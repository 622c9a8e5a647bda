"""Which witnesses of time must agree: k of {evm, rfc3161, ots}, as the verifier says.

By default the chain alone counts. A witness counts for a log if it dates a checkpoint that
holds all that the claim covers. A wrong proof is refuted whatever the policy; one that
nobody could check is undecided only where it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from stemproof.errors import Usage
from stemproof.verify.verdict import Check, Checks, State

EVM: Final = "evm"
KINDS: Final = (EVM, "rfc3161", "ots")


@dataclass(frozen=True, slots=True)
class Policy:
    """How many kinds of witness must date a log, and which kinds count."""

    need: int = 1
    of: tuple[str, ...] = (EVM,)

    def __post_init__(self) -> None:
        if not self.of or len(set(self.of)) != len(self.of) or not set(self.of) <= set(KINDS):
            raise Usage(f"a policy names some of {', '.join(KINDS)}, each once")
        if not 1 <= self.need <= len(self.of):
            raise Usage(f"{self.need} of {len(self.of)} kinds of timestamp cannot agree")

    def __str__(self) -> str:
        """Write it as it is typed."""
        return f"{self.need} of {','.join(self.of)}"


CHAIN_ALONE: Final = Policy()


def parse_policy(text: str) -> Policy:
    """Read a policy: `ots`, `evm,ots` (one of them), `2 of evm,rfc3161,ots`."""
    need, has_need, kinds = text.partition(" of ")
    if not has_need:
        need, kinds = "1", text
    if not (need.isascii() and need.isdigit() and len(need) == 1):
        raise Usage(f"{text!r:.60} is no policy", hint='such as: --policy "2 of evm,rfc3161,ots"')
    return Policy(int(need), tuple(each.strip() for each in kinds.split(",")))


def settle(
    checks: Checks,
    policy: Policy,
    dated: Mapping[str, int],
    found: Mapping[str, Checks],
    *,
    is_canonical: bool = True,
) -> int | None:
    """Add the lines of one log's witnesses; give the time by which enough of them date it.

    `dated` gives by kind when what the claim covers existed, `found` the lines of its checks.
    Without `is_canonical` the chain's lines rest on a block that does not count.
    """
    times = sorted(dated[kind] for kind in policy.of if kind in dated)
    is_met = len(times) >= policy.need
    for kind, lines in found.items():
        if kind in policy.of and not is_met:
            checks.lines += lines.lines
            continue
        is_sound = is_canonical or kind != EVM
        checks.lines += [_softened(line, is_sound=is_sound) for line in lines.lines]
    if policy != CHAIN_ALONE:
        they = ", ".join(kind for kind in policy.of if kind in dated) or "none"
        state = State.VERIFIED if is_met else State.UNDECIDED
        checks.add("policy", state, f"{policy} must date what the claim covers; they do: {they}")
    if is_met and EVM not in dated:
        says = "no chain shows that no other history of this log was timestamped"
        checks.add("policy", State.NOTE, says)
    return times[policy.need - 1] if is_met else None


def _softened(line: Check, *, is_sound: bool) -> Check:
    """Make a note of what was not decided and is not needed, and of what rests on it."""
    if line.state is State.UNDECIDED:
        return replace(line, state=State.NOTE, hint="")
    if is_sound or line.state is State.REFUTED:
        return line
    # Anybody can make up a chain that holds together.
    return replace(line, state=State.NOTE, says=f"not confirmed, shows nothing: {line.says}")
