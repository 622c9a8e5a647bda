"""stamp: timestamps that need no coins, by an authority or by Bitcoin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.stamps import Record
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json as JsonValue

stamp_app = typer.Typer(help="Timestamps without coins: by an authority, or by Bitcoin.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Tsa = Annotated[str | None, typer.Option(help="The authority to ask (RFC 3161), its address.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(stamp_app, name="stamp", no_args_is_help=True)


@stamp_app.command()
def add(
    tsa: Tsa = None,
    ots: Annotated[bool, typer.Option("--ots", help="By Bitcoin (OpenTimestamps), free.")] = False,
    calendar: Annotated[
        list[str] | None, typer.Option(help="A calendar to send to; several may be.")
    ] = None,
    anchored: Annotated[
        bool, typer.Option("--anchored", help="What the newest anchor holds, and nothing newer.")
    ] = False,
    json: Json = False,
) -> None:
    """Timestamp everything recorded so far, without a chain; a digest is all that is sent."""
    from stemproof.acts import stamping
    from stemproof.acts.home import now, opened
    from stemproof.errors import Usage

    home = context.writable()
    made: list[Record] = []
    with opened(home) as log:
        url = tsa or (None if ots or calendar else stamping.kept_tsa(log))
        if url is None and not (ots or calendar):
            raise Usage(
                "nobody is named who would timestamp",
                hint="say --ots, which is free, or --tsa with an authority's address",
            )
        if anchored:
            sealed = stamping.newest_anchored(log)
        else:
            sealed = stamping.seal_newest(log, lambda: context.unlock(home))
        with say.waiting("asking for a timestamp"):
            if url is not None:
                made.append(stamping.stamp_by_tsa(log, sealed, url, now()))
            if ots or calendar:
                urls = calendar or stamping.kept_calendars(log)
                record, problems = stamping.stamp_by_calendars(log, sealed, urls, now())
                made.append(record)
                for problem in problems:
                    say.talk(f"note: {say.clean(problem)}")
        _answer(log, made, json)
    if any(record.is_pending for record in made) and not json:
        say.talk("Bitcoin takes it in within hours: then run `stemproof stamp upgrade`")


@stamp_app.command()
def upgrade(json: Json = False) -> None:
    """Ask the calendars whether Bitcoin has taken in what they promised."""
    from stemproof.acts.home import opened
    from stemproof.acts.stamping import upgrade_pending

    with opened(context.writable()) as log:
        with say.waiting("asking the calendars"):
            found = upgrade_pending(log)
        for each in found:
            for problem in each.problems:
                say.talk(f"note: {say.clean(problem)}")
        if not found and not json:
            say.answer("no timestamp is pending")
            return
        _answer(log, [each.record for each in found], json)


@stamp_app.command("list")
def list_all(json: Json = False) -> None:
    """List the timestamps of this ledger, and until when they hold."""
    from stemproof.acts.home import opened
    from stemproof.acts.stamps import list_stamps

    with opened(context.ledger()) as log:
        found = list_stamps(log)
        if not found and not json:
            say.answer("no timestamps yet; `stemproof stamp add --ots` is free")
            return
        _answer(log, found, json)


@stamp_app.command()
def renew(
    tsa: Tsa = None,
    within: Annotated[int, typer.Option(help="Renew what ends within so many days.")] = 90,
    json: Json = False,
) -> None:
    """Timestamp anew what an authority's ending certificate would leave without proof."""
    renew_now(tsa=tsa, within=within, json=json)


@stamp_app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write the files.")],
) -> None:
    """Write checkpoints and timestamps as files that `openssl ts` and `ots` read."""
    from stemproof.acts.home import opened
    from stemproof.acts.stamping import export_stamp
    from stemproof.acts.stamps import list_stamps

    with opened(context.ledger()) as log:
        written = [path for each in list_stamps(log) for path in export_stamp(log, each, folder)]
    # Two timestamps of one checkpoint share its file.
    for path in dict.fromkeys(written):
        say.answer(str(path))


def renew_now(*, tsa: str | None, within: int, json: bool) -> None:
    """Renew the tokens that end soon, and say which."""
    from stemproof.acts.home import now, opened
    from stemproof.acts.stamping import renew_tokens
    from stemproof.errors import Usage

    if not 0 <= within <= 36_500:
        raise Usage(f"--within is {within}, want a number of days from 0")
    with opened(context.writable()) as log:
        with say.waiting("asking for a timestamp"):
            found = renew_tokens(log, now(), within=timedelta(days=within), url=tsa)
        if not found and not json:
            say.answer(f"no timestamp ends within {counted(within, 'day')}")
            return
        _answer(log, found, json)


def _answer(log: Log, records: list[Record], json: bool) -> None:
    """Say of each timestamp where it stands."""
    documents = [_document(log, record) for record in records]
    if json:
        listed: list[JsonValue] = [*documents]
        say.answer_json({"v": 0, "timestamps": listed})
        return
    for record, document in zip(records, documents, strict=True):
        say.answer(f"{document['state']}: {counted(record.size, 'event')}, {document['says']}")


def _document(log: Log, record: Record) -> dict[str, JsonValue]:
    from stemproof.acts.stamping import inspect_token
    from stemproof.acts.stamps import bitcoin_heights
    from stemproof.claim.stamps import OTS

    facts: dict[str, JsonValue] = {
        "number": record.number,
        "log": record.log,
        "size": record.size,
        "kind": record.kind,
        "made": record.made,
        "source": list(record.source),
        "ends": None,
        "heights": [],
    }
    if record.kind == OTS:
        heights = bitcoin_heights(record.proofs[0])
        state = "stamped" if heights else "pending"
        says = f"sent to {counted(len(record.source), 'calendar')} {record.made}"
        if heights:
            says = f"in Bitcoin block {heights[0]}"
        listed: list[JsonValue] = [*heights]
        return {**facts, "heights": listed, "state": state, "says": says}
    newest = inspect_token(log, record)
    ends = datetime.fromtimestamp(newest.authority.ends, UTC).date().isoformat()
    at = datetime.fromtimestamp(newest.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    says = f"by {say.clean(newest.authority.name)} {at}, holds until {ends}"
    if len(record.proofs) > 1:
        says += f", renewed {counted(len(record.proofs) - 1, 'time')}"
    state = "ended" if newest.authority.ends < datetime.now(UTC).timestamp() else "stamped"
    return {**facts, "ends": newest.authority.ends, "state": state, "says": says}
