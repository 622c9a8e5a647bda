"""claim publish: what becomes public, what it costs, and where it is then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted
from stemproof_cli.timestamps import MINED_TIMEOUT_S, parse_cap

if TYPE_CHECKING:
    from stemproof.acts.begin import Work
    from stemproof.acts.pinning import Keeper
    from stemproof.acts.publishing import Prepared, Press, Published
    from stemproof.anchor.publish import Intent
    from stemproof.claim.bundle import SignedClaim
    from stemproof.log.store import Log

WorkName = Annotated[str | None, typer.Argument(metavar="WORK", help="Title, folder or id.")]


def publish(
    work: WorkName = None,
    to: Annotated[str | None, typer.Option(help="The IPFS node's RPC address.")] = None,
    chain: Annotated[str | None, typer.Option(help="The chain, by name or id.")] = None,
    rpc: Annotated[str | None, typer.Option(help="The node to talk to.")] = None,
    cap: Annotated[
        str | None, typer.Option(help="The most it may cost, in the chain's coins.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before publishing.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be public, and its cost.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Publish the newest claim: its bundle for everybody, and its masters in an index on chain."""
    from stemproof.acts import anchoring, publishing
    from stemproof.acts.begin import find_work
    from stemproof.acts.following import refresh
    from stemproof.acts.home import now, opened
    from stemproof.acts.pinning import open_node

    cap_wei = parse_cap(cap)
    home = context.writable()
    with opened(home) as log:
        found = find_work(log, work)
        signed = _newest_claim(log, found)
        with say.waiting("asking the chain"):
            place = anchoring.connect(home, log, chain=chain, rpc=rpc)
            refresh(log, place)
        publishing.check_publishable(log, found, signed, place.info.id)
        kept = publishing.find_publication(log, signed, place)
        is_new = kept is None
        if kept is None:
            press = publishing.Press(home, log, place, context.unlock(home), found, signed)
            kept = _publish(press, open_node(home, log, to), cap_wei, yes=yes, dry_run=dry_run)
            if kept is None:
                return
        with say.waiting("waiting for the chain"):
            done = publishing.follow_publication(log, place, kept, now(), timeout_s=MINED_TIMEOUT_S)
        anchoring.settle_local_chain(home, place)
    if done is None:
        say.complain("the chain refused it, nothing was told to the index", "publish again")
        raise typer.Exit(3)
    _say_published(done, place.info.name, json=json, is_new=is_new)
    if done.block is None:
        raise typer.Exit(3)


def _publish(
    press: Press, keeper: Keeper, cap_wei: int | None, *, yes: bool, dry_run: bool
) -> Published | None:
    """Put the index there where it is missing, say what becomes public, and publish it."""
    from stemproof.acts import publishing

    is_missing = publishing.needs_contract(press.chain)
    if is_missing and not _deploy(press, cap_wei, yes=yes, dry_run=dry_run) and not dry_run:
        return None

    def agree(prepared: Prepared) -> bool:
        _say_public(prepared)
        if is_missing and dry_run:
            say.talk("what telling the index costs is known once it is there: far less")
        else:
            _say_cost(press, prepared.intent, "telling the index")
        if not dry_run:
            say.confirm("publish it, for everybody and for ever?", yes=yes)
        return not dry_run

    return publishing.publish_now(press, keeper, agree, cap_wei=cap_wei)


def _newest_claim(log: Log, found: Work) -> SignedClaim:
    from stemproof.acts.claiming import find_claim
    from stemproof.errors import BadInput

    signed = find_claim(log, found.id)
    if signed is None:
        raise BadInput(
            f"no claim was made about {found.title!r} yet", hint="run `stemproof claim make`"
        )
    return signed


def _deploy(press: Press, cap_wei: int | None, *, yes: bool, dry_run: bool) -> bool:
    from stemproof.acts.publishing import deploy_index

    def agree(intent: Intent) -> bool:
        say.talk(f"the index is not on {press.chain.info.name} yet: once, for everybody,")
        _say_cost(press, intent, "putting it there")
        if not dry_run and press.chain.info.kind != "local":
            say.confirm("pay for it?", yes=yes)
        return not dry_run

    return deploy_index(press, agree, timeout_s=MINED_TIMEOUT_S, cap_wei=cap_wei)


def _say_public(prepared: Prepared) -> None:
    """Say what the very bytes that are to be pinned hold."""
    from stemproof.acts.publishing import opened_path
    from stemproof.claim.bundle import parse_bundle
    from stemproof.claim.claim import parse_claim

    bundle, _ = parse_bundle(prepared.bundle.read_bytes())
    claim = parse_claim(bundle.signed.claim)
    say.talk(f"what becomes public of {claim.title!r}, and stays so:")
    for item in claim.audio:
        path = opened_path(bundle, item)
        say.talk(
            f"  {item.role:<6}  {item.name}: its length, digests and fingerprint, no sound"
            + (f"; its place {path}" if path != item.name else "")
        )
    for credit in claim.credits:
        say.talk(f"  credit  {credit.name}, {credit.role}")
    events = sum(len(log.headers) for log in bundle.logs)
    say.talk(f"  record  when and of what kind {counted(events, 'event')} were, not what they say")


def _say_cost(press: Press, intent: Intent, what: str) -> None:
    from stemproof.anchor.fees import format_wei

    coins = press.chain.info.currency
    say.talk(
        f"{what} costs about {format_wei(intent.expected_wei)} {coins},"
        f" at most {format_wei(intent.cost_wei)}"
    )


def _say_published(done: Published, chain: str, *, json: bool, is_new: bool) -> None:
    if json:
        say.answer_json(
            {
                "v": 0,
                "new": is_new,
                "claim": done.claim,
                "publication": done.publication,
                "bundle": done.bundle,
                "masters": list(done.masters),
                "chain": done.chain,
                "contract": done.contract,
                "tx": "0x" + done.tx,
                "block": done.block,
            }
        )
        return
    block = "not in a block yet" if done.block is None else f"block {done.block}"
    say.answer(
        f"{'published' if is_new else 'published before'}: {block} of {chain}",
        f"  publication  {done.publication}",
        f"  bundle       {done.bundle}",
    )
    for cid in done.masters:
        say.answer(f"  found under  {cid}")
    say.talk("whoever has the master computes that CID with `stemproof cid FILE` and finds this")
