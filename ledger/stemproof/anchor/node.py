"""The nodes of one chain: the first that works is asked, and none is believed.

A busy node is asked again, ever later; one that fails, lies about its chain or answers with what
is none is left for the next of the list. Calls may be repeated: reading changes nothing, and
sending the same transaction twice is sending it once. What a member of an answer must be is
demanded where it is read. Every failure is one of `problems`. Logs are asked for only to find
where a head was brought in; what counts is in the receipts of one block, which hash to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from stemproof.anchor.endpoint import BoundedProvider, Endpoint
from stemproof.anchor.problems import (
    NodeBusy,
    NodeDown,
    NodeRefuses,
    Unsupported,
    UntrustedNode,
    WrongChain,
)
from stemproof.errors import Malformed, Unavailable
from stemproof.evidence.quantity import parse_data, parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stemproof.anchor.chains import ChainInfo
    from stemproof.anchor.jsonrpc import Json

# All receipts of a full block have about 5 MB.
MAX_ANSWER_BYTES = 64 * 2**20
# How long a busy node is left alone before each further try.
_PAUSES_S = (0.2, 0.8)
# More addresses than a table has use for.
_MAX_NODES = 16
_Read = TypeVar("_Read")


class Node:
    """A node at a URL, with others that are asked where it fails."""

    def __init__(
        self,
        url: str,
        *spares: str,
        serves: ChainInfo | None = None,
        timeout_s: float = 10.0,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._endpoints = [
            Endpoint(each, timeout_s=timeout_s, max_answer_bytes=max_answer_bytes)
            for each in (url, *spares)[:_MAX_NODES]
        ]
        #: Whoever opens a chain asks this one for its first block, and remembers (acts.chains).
        self._first = self._endpoints[0]
        self._serves = serves
        self._admitted: set[int] = set()
        self._at = 0

    @property
    def where(self) -> str:
        """How messages name the node that is asked now."""
        return self._endpoints[self._at].where

    @property
    def provider(self) -> BoundedProvider:
        """What web3 takes as the node that is asked now."""
        return self._endpoints[self._at].provider

    def each(self) -> Iterator[Node]:
        """Give each node alone, the one that is asked now first."""
        for number in range(len(self._endpoints)):
            alone = object.__new__(Node)
            at = (self._at + number) % len(self._endpoints)
            alone._endpoints = [self._endpoints[at]]
            alone._first, alone._serves = self._first, self._serves
            alone._admitted = {0} if at in self._admitted else set()
            alone._at = 0
            yield alone

    def skip(self) -> bool:
        """Leave the node that is asked now for the next of the list; False after the last."""
        if self._at + 1 >= len(self._endpoints):
            return False
        self._at += 1
        return True

    def call(self, method: str, *params: Json) -> Json:
        """Call a method; NodeDown, NodeRefuses, Unsupported or UntrustedNode when it fails."""
        return self._ask(method, params, lambda result: result)

    def read_object(
        self, method: str, *params: Json, check: Callable[[Mapping[str, object]], object] = bool
    ) -> Mapping[str, object] | None:
        """Call a method that answers with an object or null; `check` raises Malformed."""

        def read(result: Json) -> Mapping[str, object] | None:
            if result is None:
                return None
            if not isinstance(result, dict):
                raise Malformed(f"answer to {method}", result, "an object")
            check(result)
            return result

        return self._ask(method, params, read)

    def read_quantity(self, method: str, *params: Json, below: int = 2**256) -> int:
        """Call a method that answers with a number."""

        def read(result: Json) -> int:
            number = parse_quantity(result, f"answer to {method}")
            if number >= below:
                raise Malformed(f"answer to {method}", number, f"less than {below}")
            return number

        return self._ask(method, params, read)

    def read_data(self, method: str, *params: Json) -> bytes:
        """Call a method that answers with bytes."""
        return self._ask(method, params, lambda result: parse_data(result, f"answer to {method}"))

    def _ask(self, method: str, params: tuple[Json, ...], read: Callable[[Json], _Read]) -> _Read:
        """Ask the node, then the others; a refusal is an answer and goes to no other."""
        problems: list[Unavailable] = []
        for turn in range(len(self._endpoints)):
            at = (self._at + turn) % len(self._endpoints)
            try:
                self._admit(at)
                found = read(_patiently(self._endpoints[at], method, params))
            except Malformed as error:
                where = self._endpoints[at].where
                problem: Unavailable = UntrustedNode(f"{where} is not to be believed: {error}")
                problem.__cause__ = error
                problems.append(problem)
            except (NodeDown, Unsupported, UntrustedNode, WrongChain) as error:
                problems.append(error)
            else:
                self._at = at
                return found
        first, *others = problems
        if others:
            told = "; ".join(str(other) for other in others)
            first.hint = f"the other nodes were tried too: {told}"
        raise first

    def _admit(self, at: int) -> None:
        """Demand, once, that a node serves the chain that it is listed for."""
        want = self._serves
        if want is None or at in self._admitted:
            return
        endpoint = self._endpoints[at]
        found = parse_quantity(_patiently(endpoint, "eth_chainId", ()), "answer to eth_chainId")
        if found != want.id:
            raise WrongChain(
                f"{endpoint.where} serves chain {found}, want {want.name} ({want.id})",
                hint="choose another node or another chain",
            )
        if endpoint is not self._first and want.genesis is not None:
            _check_first_block(endpoint, want)
        self._admitted.add(at)


def _check_first_block(endpoint: Endpoint, want: ChainInfo) -> None:
    """Refuse a node of another chain with the same id, if it tells its block 0."""
    try:
        block = _patiently(endpoint, "eth_getBlockByNumber", ("0x0", False))
    except (NodeRefuses, Unsupported):
        # Many nodes drop the oldest blocks.
        return
    found = None if not isinstance(block, dict) else block.get("hash")
    if want.genesis is not None and found not in (None, "0x" + want.genesis.hex()):
        raise WrongChain(
            f"{endpoint.where} serves another chain of the id {want.id}: its block 0 is "
            f"{found!r:.20}, that of {want.name} is {want.genesis.hex()[:12]}",
            hint="choose another node",
        )


def _patiently(endpoint: Endpoint, method: str, params: tuple[Json, ...]) -> Json:
    for pause_s in _PAUSES_S:
        try:
            return endpoint.call_once(method, *params)
        except NodeBusy:
            time.sleep(pause_s)
    return endpoint.call_once(method, *params)
