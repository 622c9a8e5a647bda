"""chain: the chains that timestamps can go to, and the contracts on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.chain_terms import read_terms, say_findings, say_met, say_placed, say_price
from stemproof_cli.timestamps import MINED_TIMEOUT_S

if TYPE_CHECKING:
    from stemproof.acts.chains import Met
    from stemproof.anchor.chains import ChainInfo
    from stemproof.record.canonical import Json as JsonValue

chain_app = typer.Typer(help="The chains that timestamps can go to.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Name = Annotated[str | None, typer.Option(help="The chain, by name or id.")]
Rpc = Annotated[str | None, typer.Option(help="The node to talk to.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(chain_app, name="chain", no_args_is_help=True)


@chain_app.command("list")
def list_chains(json: Json = False) -> None:
    """List the chains that are known: where the contract is, when a block is final, how long."""
    from stemproof.acts.chains import known_chains
    from stemproof.anchor.chains import contract_on, load_deployments
    from stemproof.evidence.ethsig import format_address

    deployments = load_deployments()
    rows: list[dict[str, JsonValue]] = []
    for info in known_chains(context.home()).values():
        known = deployments.get(info.id)
        rows.append(
            {
                "id": info.id,
                "name": info.name,
                "kind": info.kind,
                "contract": None if info.unsuited else format_address(contract_on(info.id)),
                # Of a chain that was added nobody has told us; `check` asks.
                "deployed": None if known is None else known.block is not None,
                "note": info.note if info.unsuited is None else info.unsuited,
                "local": info.kind == "local",
                **_qualities(info),
            }
        )
    if json:
        say.answer_json({"v": 0, "chains": list(rows)})
        return
    names = ("id", "name", "kind", "finality")
    say.table(
        (*names, "ends", "contract"),
        [(*(str(row[name] or "-") for name in names), _ends(row), _placed(row)) for row in rows],
    )
    for address in sorted({str(row["contract"]) for row in rows if row["contract"]}):
        say.answer(f"the contract's address, where it is deployed: {address}")
    for row in rows:
        say.hanging(f"{row['name']}: ", str(row["note"]))


def _qualities(info: ChainInfo) -> dict[str, JsonValue]:
    return {
        "finality": info.finality,
        "explorer": info.explorer,
        "sunset": None if info.sunset is None else info.sunset.isoformat(),
        "genesis": None if info.genesis is None else "0x" + info.genesis.hex(),
        "poa": info.poa,
        "data_fee": info.data_fee,
        "currency": info.currency,
        "rpcs": list(info.rpcs),
    }


def _ends(row: dict[str, JsonValue]) -> str:
    from stemproof.acts.home import now

    if row["sunset"] is None:
        return "-"
    day = str(row["sunset"])
    # Both are written YYYY-MM-DD: they compare as the days do.
    return f"{day}, past" if day < now().date().isoformat() else day


def _placed(row: dict[str, JsonValue]) -> str:
    if row["local"]:
        return "by `stemproof testnet up`"
    if row["contract"] is None:
        return "unsuited"
    if row["deployed"] is None:
        return "`stemproof chain check` asks"
    return "deployed" if row["deployed"] else "not deployed yet"


@chain_app.command()
def add(
    name: Annotated[str, typer.Argument(help="What you will call it: small letters, digits, -.")],
    id: Annotated[int, typer.Option("--id", help="Its chain id (EIP-155).")],
    rpc: Annotated[
        list[str], typer.Option(help="The address of a node; more than one may be given.")
    ],
    finality: Annotated[
        str, typer.Option(help="When a block is final: finalized, or depth:N blocks on top.")
    ] = "finalized",
    kind: Annotated[str, typer.Option(help="testnet, mainnet or local.")] = "testnet",
    currency: Annotated[str, typer.Option(help="What its coins are called.")] = "ETH",
    explorer: Annotated[str | None, typer.Option(help="Where a person can look.")] = None,
    genesis: Annotated[
        str | None, typer.Option(help="The hash of its block 0; by default a node is asked.")
    ] = None,
    sunset: Annotated[
        str | None, typer.Option(help="The day of its announced end, YYYY-MM-DD.")
    ] = None,
    fee_hint: Annotated[
        str | None, typer.Option(help="TIP:BASE, the least tip and the usual base fee, in gwei.")
    ] = None,
    poa: Annotated[
        bool, typer.Option("--poa", help="Its blocks are signed in extra data.")
    ] = False,
    data_fee: Annotated[
        bool, typer.Option("--data-fee", help="An OP-stack chain: a fee for data besides.")
    ] = False,
    json: Json = False,
) -> None:
    """Add a chain of your own to the table, or replace an entry; its nodes are asked first."""
    from stemproof.acts.chains import add_chain, check_terms, meet_nodes
    from stemproof.anchor.chains import ChainInfo

    terms = read_terms(genesis=genesis, sunset=sunset, fee_hint=fee_hint)
    info = ChainInfo(
        id=id,
        name=name,
        kind=kind,
        currency=currency,
        rpcs=tuple(rpc),
        finality=finality,
        explorer=explorer,
        poa=poa,
        data_fee=data_fee,
        note="added by you",
        unsuited=None,
        genesis=terms.genesis,
        sunset=terms.sunset,
        fee_hint=terms.fee_hint,
    )
    check_terms(info)
    info, met = meet_nodes(info)
    add_chain(context.home(), info)
    _say_added(info, met, json)


def _say_added(info: ChainInfo, met: list[Met], json: bool) -> None:
    if json:
        asked: list[JsonValue] = [
            {"rpc": node.url, "asked": node.problem is None, "problem": node.problem}
            for node in met
        ]
        say.answer_json(
            {"v": 0, "id": info.id, "name": info.name, **_qualities(info), "met": asked}
        )
        return
    say.answer(f"{info.name} ({info.id}) is in the table")
    for node in met:
        say_met(info, node)


@chain_app.command()
def check(
    name: Annotated[
        str | None, typer.Argument(help="One chain, by name or id; by default all of the table.")
    ] = None,
    rpc: Rpc = None,
    json: Json = False,
) -> None:
    """Look at chains: the right one, proofs, finality, and our contracts' code byte by byte."""
    from stemproof.acts.chains import known_chains, look_at_chain
    from stemproof.anchor.chains import find_chain
    from stemproof.errors import Usage

    known = known_chains(context.home())
    if rpc is not None and name is None:
        raise Usage("--rpc is the node of one chain", hint="name the chain as well")
    chosen = list(known.values()) if name is None else [find_chain(known, name)]
    looked = [(info, look_at_chain(context.home(), info, rpc)) for info in chosen]
    raise typer.Exit(say_findings(looked, json=json))


@chain_app.command()
def deploy(
    chain: Name = None,
    rpc: Rpc = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before paying.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is missing and what it would cost.")
    ] = False,
    json: Json = False,
) -> None:
    """Put the contracts on a chain, at the addresses they have everywhere; once, for everybody."""
    from stemproof.acts import anchoring
    from stemproof.acts.chains import deploy_contracts, missing_contracts, price_deployment
    from stemproof.acts.home import opened
    from stemproof.keys.public import read_public

    home = context.ledger()
    with opened(home) as log:
        place = anchoring.connect(home, log, chain=chain, rpc=rpc)
        missing = missing_contracts(place)
        placed = []
        if missing:
            price = price_deployment(place, read_public(home.path).account_address, missing)
            say_price(place, missing, price)
            if not dry_run:
                if place.info.kind != "local":
                    say.confirm("pay for it?", yes=yes)
                keys = context.unlock(home)
                placed = deploy_contracts(
                    home, place, keys, missing, told=say.talk, timeout_s=MINED_TIMEOUT_S
                )
    say_placed(place, placed, [] if placed else missing, json=json)
