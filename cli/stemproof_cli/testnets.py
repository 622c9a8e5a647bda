"""testnet: a chain of one's own to rehearse with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say

if TYPE_CHECKING:
    from stemproof.acts.home import Home

MAX_PORT = 65535

testnet_app = typer.Typer(help="A chain of your own on this computer, to rehearse with.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(testnet_app, name="testnet", no_args_is_help=True)


@testnet_app.command()
def up(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.")] = 8545,
    json: Json = False,
) -> None:
    """Start the local chain, with the contract on it and coins for this ledger's account."""
    from stemproof.acts.rehearsal import start_testnet

    if not 0 <= port <= MAX_PORT:
        from stemproof.errors import Usage

        raise Usage(f"--port is {port}, want 0 to {MAX_PORT}", hint="0 takes a free one")
    home = context.home()
    with say.waiting("starting the local chain"):
        running = start_testnet(home, port=port, search_path=os.environ.get("PATH"))
    _say_lost(home, running.rpc_url)
    if json:
        say.answer_json(
            {
                "v": 0,
                "rpc": running.rpc_url,
                "chain": running.chain_id,
                "contract": running.contract,
                "state": str(home.testnet),
            }
        )
        return
    say.answer(
        f"local chain {running.chain_id} at {running.rpc_url}",
        f"  contract  {running.contract}",
        f"  state     {home.testnet}, kept when it stops",
        "a rehearsal: it proves nothing to others",
    )


@testnet_app.command()
def down() -> None:
    """Stop the local chain; its state is kept."""
    from stemproof.testnet import anvil

    stopped = anvil.stop(context.home().testnet)
    say.answer("the local chain is stopped" if stopped else "no local chain was running")


@testnet_app.command()
def status() -> None:
    """Say whether the local chain runs."""
    from stemproof.testnet import anvil

    running = anvil.status(context.home().testnet)
    if running is None:
        say.answer("no local chain is running")
        raise typer.Exit(3)
    say.answer(f"local chain {running.chain_id} at {running.rpc_url}")
    _say_lost(context.home(), running.rpc_url)


def _say_lost(home: Home, rpc_url: str) -> None:
    from stemproof.acts.vanished import count_lost, tell_lost

    lost = count_lost(home, rpc_url)
    if lost:
        say.talk(tell_lost(lost))
