"""Who speaks for several logs of one person, when keys were replaced in some of them.

A log on a lost device stays with the keys that it was begun with: nobody can write a
rotation into it. It still counts for whoever succeeds those keys by the rotations of the
other logs: each is signed by the key that it replaces, or by that key's recovery key, and
by its successor, so nobody is made a successor by others, and nobody makes themselves one.

What this cannot tell: a thief of a key that was never replaced in the logs shown can sign
a rotation to keys of their own. It shows where both rotations are in one bundle. No I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from stemproof.errors import Refuted
from stemproof.evidence.ethsig import Address
from stemproof.keys.rotation import Holder


@dataclass(frozen=True, slots=True)
class Party:
    """An identity and its account, whatever the log."""

    identity_key: bytes
    account: Address


def party_of(holder: Holder) -> Party:
    """Say who holds a log, without saying which log."""
    return Party(holder.identity_key, holder.account)


def last_party(lines: Sequence[Sequence[Holder]]) -> Party:
    """Find the party that succeeds all others, given each log's holders in their order.

    Refused where an identity has two successors, holds a log after it was replaced, or
    where the logs lead to more than one party.
    """
    replaced: dict[bytes, Party] = {}
    # By identity and account: an account that was not there is not handed on.
    after: dict[Party, Party] = {}
    for line in lines:
        for before, holder in pairwise(line):
            party = party_of(holder)
            known = replaced.setdefault(before.identity_key, party)
            if known != party:
                raise Refuted(
                    f"{_name(before.identity_key)} was replaced by {_name(known.identity_key)} in"
                    f" one log and by {_name(party.identity_key)} in another: who holds the"
                    " record cannot be told"
                )
            after[party_of(before)] = party
    ends = [_follow(party_of(line[-1]), after) for line in lines]
    for line, end in zip(lines, ends, strict=True):
        if end.identity_key in replaced:
            by = replaced[end.identity_key].identity_key
            raise Refuted(
                f"{_name(end.identity_key)} was replaced by {_name(by)}, and yet holds log"
                f" {_short(line)}"
            )
        if end != ends[0]:
            raise Refuted(
                f"log {_short(line)} is held by {_name(end.identity_key)} and account"
                f" 0x{end.account.hex()[:12]}, log {_short(lines[0])} by"
                f" {_name(ends[0].identity_key)} and account 0x{ends[0].account.hex()[:12]}:"
                " neither replaced the other"
            )
    return ends[0]


def _follow(party: Party, after: Mapping[Party, Party]) -> Party:
    seen = {party}
    while party in after:
        party = after[party]
        if party in seen:
            break
        seen.add(party)
    return party


def _name(identity_key: bytes) -> str:
    return f"identity key {identity_key.hex()[:12]}"


def _short(line: Sequence[Holder]) -> str:
    return "…" + line[-1].origin[-12:]
