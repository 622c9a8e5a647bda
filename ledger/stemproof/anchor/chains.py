"""The table of chains: which there are, how to reach them, when a block there is final.

The shipped table is `chains.json`; a user's file of the same form adds chains and replaces
entries of the same id. Where the contract stands is in `deployments.json`: its address is the
same everywhere, the block of its deployment is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from stemproof.anchor.contract import anchors_address
from stemproof.anchor.jsonrpc import decode_answer
from stemproof.errors import BadInput, Usage
from stemproof.evidence.ethsig import Address, parse_address

#: The chain id of a private chain; a verifier calls anything on it a rehearsal.
LOCAL_CHAIN_ID = 31337
#: The rule by which the node says which block is final.
FINALIZED = "finalized"
# A hand-written table of a hundred chains has 40 kB.
_MAX_TABLE_BYTES = 1024 * 1024
_KINDS = ("local", "testnet", "mainnet")
_TEXT = ("name", "kind", "currency", "finality", "note")
_NULLABLE = ("explorer", "unsuited")
_FLAGS = ("poa", "data_fee")
_MEMBERS = {"id", "rpcs", *_TEXT, *_NULLABLE, *_FLAGS}
# Tables from before these were known do not have them.
_LATER = {"genesis": None, "sunset": None, "fee_hint": None}
_HINTS = {"tip_gwei", "base_fee_gwei"}
# Half a coin for one unit of gas.
_MOST_GWEI = 500_000_000
_MOST_TEXT = 200
_WANT = {
    "id": "an integer above 0 and below 2**53",
    "rpcs": "addresses that begin with http:// or https://",
    "explorer": "an address that begins with http:// or https://",
    "kind": f"one of {', '.join(_KINDS)}",
    "name": "small letters, digits and -, at most 32",
    "finality": "finalized or depth:N",
    "genesis": "0x and 64 hex digits",
    "sunset": "a day, YYYY-MM-DD",
    "fee_hint": "tip_gwei and base_fee_gwei, whole numbers",
}
_GENESIS = re.compile(r"0x[0-9a-f]{64}\Z")
_DEPTH = re.compile(r"depth:([1-9][0-9]{0,4})\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")


@dataclass(frozen=True, slots=True)
class FeeHint:
    """What a unit of gas costs as a rule, where nodes say too little or do not answer."""

    #: The least tip that the chain's nodes take.
    tip_gwei: int
    #: The base fee of a quiet hour.
    base_fee_gwei: int


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """One chain of the table."""

    id: int
    name: str
    kind: str
    currency: str
    rpcs: tuple[str, ...]
    #: `finalized` asks the node for that block; `depth:N` counts N blocks on top.
    finality: str
    explorer: str | None
    #: Signatures stand in the headers' extra data, which is then longer than 32 bytes.
    poa: bool
    #: An OP-stack chain takes a fee for the data on top of the gas.
    data_fee: bool
    #: What a verdict says beside the chain's name.
    note: str
    #: Why anchors there cannot be proved; None where they can.
    unsuited: str | None
    #: The hash of block 0: two chains may have one id. None where it is not known.
    genesis: bytes | None = None
    #: The day from which nobody promises that the chain goes on.
    sunset: date | None = None
    fee_hint: FeeHint | None = None

    @property
    def finality_depth(self) -> int | None:
        """Blocks on top that make a block final; None where the node says which is final."""
        match = _DEPTH.match(self.finality)
        return None if match is None else int(match[1])


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where Anchors stands on one chain; `block` is None where nobody has put it there yet."""

    chain_id: int
    contract: Address
    block: int | None
    transaction: str | None


def load_chains(user_file: Path | None = None) -> dict[int, ChainInfo]:
    """Read the shipped table, extended by a user's file."""
    shipped = (resources.files(__package__) / "chains.json").read_bytes()
    chains = {chain.id: chain for chain in parse_chains(shipped, "the shipped table")}
    if user_file is not None:
        try:
            raw = user_file.read_bytes()
        except OSError as error:
            raise BadInput(
                f"the table of chains {user_file} is unreadable: {error.strerror}"
            ) from error
        chains.update((chain.id, chain) for chain in parse_chains(raw, str(user_file)))
    names = [chain.name for chain in chains.values()]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"two chains of the table have the name {name}")
    return chains


def find_chain(chains: dict[int, ChainInfo], name_or_id: str) -> ChainInfo:
    """Find a chain by its name or its id in decimal digits."""
    for chain in chains.values():
        if name_or_id in (chain.name, str(chain.id)):
            return chain
    known = ", ".join(f"{chain.name} ({chain.id})" for chain in chains.values())
    raise Usage(f"there is no chain {name_or_id!r:.60} in the table", hint=f"known: {known}")


def parse_chains(raw: bytes, where: str) -> list[ChainInfo]:
    """Read a table: a JSON list of objects with exactly the members of ChainInfo."""
    if len(raw) > _MAX_TABLE_BYTES:
        raise BadInput(f"{where} has {len(raw)} bytes, at most {_MAX_TABLE_BYTES} are read")
    try:
        entries = decode_answer(raw)
    except ValueError as error:
        raise BadInput(f"{where} is not JSON") from error
    if not isinstance(entries, list):
        raise BadInput(f"{where} is not a list of chains")
    return [_parse_chain(entry, where) for entry in entries]


def format_chains(chains: Sequence[ChainInfo]) -> bytes:
    """Write a table: what `parse_chains` reads."""
    return (json.dumps([_format_chain(chain) for chain in chains], indent=2) + "\n").encode()


def load_deployments() -> dict[int, Deployment]:
    """Read where Anchors is deployed, as this release ships it."""
    raw = (resources.files(__package__) / "deployments.json").read_text(encoding="utf-8")
    return {
        entry["chain_id"]: Deployment(
            chain_id=entry["chain_id"],
            contract=parse_address(entry["contract"]),
            block=entry["block"],
            transaction=entry["transaction"],
        )
        for entry in json.loads(raw)
    }


def contract_on(chain_id: int) -> Address:
    """Say where Anchors is, or will be, on a chain: the same address unless a table differs."""
    deployment = load_deployments().get(chain_id)
    return anchors_address() if deployment is None else deployment.contract


def _parse_chain(entry: object, where: str) -> ChainInfo:
    if not isinstance(entry, dict) or set(entry) - set(_LATER) != _MEMBERS:
        raise BadInput(f"a chain in {where} does not have exactly {', '.join(sorted(_MEMBERS))}")
    entry = {**_LATER, **entry}
    for member, fits in _forms(entry):
        if not fits:
            raise BadInput(
                f"{member} of chain {entry['id']!r:.40} in {where} is {entry[member]!r:.60}, "
                f"want {_WANT.get(member, 'text of one line, true or false')}"
            )
    genesis, sunset, hint = entry["genesis"], entry["sunset"], entry["fee_hint"]
    read = {
        "rpcs": tuple(entry["rpcs"]),
        "genesis": None if genesis is None else bytes.fromhex(genesis[2:]),
        "sunset": None if sunset is None else date.fromisoformat(sunset),
        "fee_hint": None if hint is None else FeeHint(**hint),
    }
    return ChainInfo(**{**entry, **read})


def _forms(entry: dict[str, object]) -> Iterator[tuple[str, bool]]:
    """Say of each member whether it has its form; text is looked at first."""
    number, rpcs, finality = entry["id"], entry["rpcs"], entry["finality"]
    yield "id", type(number) is int and 0 < number < 2**53
    yield from ((name, _is_text(entry[name])) for name in _TEXT)
    yield from ((name, entry[name] is None or _is_text(entry[name])) for name in _NULLABLE)
    yield from ((name, isinstance(entry[name], bool)) for name in _FLAGS)
    yield "rpcs", isinstance(rpcs, list) and all(is_web_address(url) for url in rpcs)
    yield "kind", entry["kind"] in _KINDS
    yield "name", _NAME.match(str(entry["name"])) is not None
    yield "finality", finality == FINALIZED or _DEPTH.match(str(finality)) is not None
    yield "explorer", entry["explorer"] is None or is_web_address(entry["explorer"])
    yield "genesis", entry["genesis"] is None or _is_genesis(entry["genesis"])
    yield "sunset", entry["sunset"] is None or _is_day(entry["sunset"])
    yield "fee_hint", entry["fee_hint"] is None or _is_fee_hint(entry["fee_hint"])


def is_web_address(url: object) -> bool:
    """Say whether this can be the address of a node or of an explorer."""
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        fits = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return fits and len(url) < 2048 and url.isprintable() and " " not in url


def _format_chain(chain: ChainInfo) -> dict[str, object]:
    hint = chain.fee_hint
    return {
        "id": chain.id,
        **{name: getattr(chain, name) for name in (*_TEXT, *_NULLABLE, *_FLAGS)},
        "rpcs": list(chain.rpcs),
        "genesis": None if chain.genesis is None else "0x" + chain.genesis.hex(),
        "sunset": None if chain.sunset is None else chain.sunset.isoformat(),
        "fee_hint": None if hint is None else asdict(hint),
    }


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= _MOST_TEXT


def _is_genesis(value: object) -> bool:
    return isinstance(value, str) and _GENESIS.match(value) is not None


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_fee_hint(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == _HINTS
        and all(type(value[name]) is int and 0 <= value[name] <= _MOST_GWEI for name in _HINTS)
    )
