"""What can go wrong between us and a chain, each with its own answer.

All are `StemproofError`; where somebody can act on the difference, they are classes of their own.
"""

from __future__ import annotations

from stemproof.errors import StemproofError, Unavailable


class NodeDown(Unavailable):
    """The node does not answer, or not in time."""


class NodeBusy(NodeDown):
    """The node takes no call at the moment: worth asking again a little later."""


class NodeBehind(Unavailable):
    """The node has not caught up with the chain: it lacks blocks that it or another had."""


class WrongChain(Unavailable):
    """The node serves another chain than the one asked for."""


class UntrustedNode(Unavailable):
    """The node's answers are malformed, or contradict each other or what they hash to."""


class NodeRefuses(Unavailable):
    """The node answers a call with a JSON-RPC error."""

    def __init__(self, where: str, method: str, *, code: int, message: str, data: bytes) -> None:
        super().__init__(f"{where} refuses {method}: {message!r:.200} (code {code})")
        self.code = code
        #: What a contract reverted with; empty where it is something else.
        self.data = data


class Unsupported(Unavailable):
    """The node does not have a call that we cannot do without."""


class ContractMissing(Unavailable):
    """Anchors is not on this chain yet, or something else is at its address."""


class NotAccepted(StemproofError):
    """The contract would refuse this anchor."""


class HeadMoved(NotAccepted):
    """The log has another head on chain than the one built on."""

    def __init__(self, prior: int, stored: int) -> None:
        super().__init__(
            f"the log's head on chain is of size {stored >> 216}, the anchor was built on size "
            f"{prior >> 216}",
            hint="another device or a copy of this ledger anchored it: build on the head on chain",
        )
        self.prior = prior
        self.stored = stored


class InsufficientFunds(StemproofError):
    """The account cannot pay."""

    def __init__(
        self, message: str, *, hint: str | None = None, balance_wei: int = 0, cost_wei: int = 0
    ) -> None:
        super().__init__(message, hint=hint)
        self.balance_wei = balance_wei
        self.cost_wei = cost_wei


class FeeTooHigh(StemproofError):
    """It costs more now than the user allows."""


class NonceTaken(StemproofError):
    """Another transaction of this account stands where ours should be: prepare it anew."""
