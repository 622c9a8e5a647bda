"""chain: the chains that timestamps can go to, and the contract on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.timestamps import MINED_TIMEOUT_S

if TYPE_CHECKING:
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
    """List the chains that are known, and where the contract is."""
    from stemproof.anchor.chains import load_chains, load_deployments
    from stemproof.evidence.ethsig import format_address

    added = context.home().chains_file
    chains = load_chains(added if added.exists() else None)
    deployments = load_deployments()
    rows: list[dict[str, JsonValue]] = []
    for info in chains.values():
        known = deployments.get(info.id)
        placed = known is not None and known.block is not None
        rows.append(
            {
                "id": info.id,
                "name": info.name,
                "kind": info.kind,
                "contract": None if known is None else format_address(known.contract),
                "deployed": placed,
                "note": info.note if info.unsuited is None else info.unsuited,
                "local": info.kind == "local",
            }
        )
    if json:
        say.answer_json({"v": 0, "chains": list(rows)})
        return
    say.table(
        ("id", "name", "kind", "contract", "note"),
        [
            (
                str(row["id"]),
                str(row["name"]),
                str(row["kind"]),
                _placed(row),
                str(row["note"]),
            )
            for row in rows
        ],
    )


def _placed(row: dict[str, JsonValue]) -> str:
    if row["local"]:
        return "put there by `stemproof testnet up`"
    return str(row["contract"] or "-") + ("" if row["deployed"] else " (not deployed yet)")


@chain_app.command()
def deploy(
    chain: Name = None,
    rpc: Rpc = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before paying.")] = False,
) -> None:
    """Put the contract on a chain, at the address that it has everywhere; once, for everybody."""
    from stemproof.acts import anchoring
    from stemproof.acts.home import opened
    from stemproof.anchor.fees import format_wei
    from stemproof.anchor.follow import wait_until_mined
    from stemproof.anchor.problems import ContractMissing
    from stemproof.anchor.publish import prepare_deployment, send
    from stemproof.evidence.ethsig import format_address

    home = context.ledger()
    with opened(home) as log:
        place = anchoring.connect(home, log, chain=chain, rpc=rpc)
        where = f"{format_address(place.contract)} on {place.info.name}"
        try:
            place.check_contract()
        except ContractMissing:
            keys = context.unlock(home)
            intent = prepare_deployment(place, keys.account_key)
            say.talk(f"this costs up to {format_wei(intent.cost_wei)} {place.info.currency}")
            if place.info.kind != "local":
                say.confirm("pay for it?", yes=yes)
            send(place, intent.raw)
            wait_until_mined(place, intent.raw, timeout_s=MINED_TIMEOUT_S)
            place.check_contract()
    say.answer(f"the contract Anchors is at {where}")
