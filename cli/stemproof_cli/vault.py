"""vault and replay: what is kept of your saves, and the record once more from them."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted, spans

if TYPE_CHECKING:
    from stemproof.acts.disclosed import Source
    from stemproof.acts.replay import Verdict
    from stemproof.acts.vault import Retention
    from stemproof.log.store import Log
    from stemproof.record.canonical import Json as JsonValue

vault_app = typer.Typer(help="The saves that are kept, encrypted, as originals of what is told.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Named = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME...",
        help="A work by title, folder or start of its id; or numbers of `stemproof log show`.",
    ),
]
# A gigabyte, as disks are sold.
_GB: Final = 1e9
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(vault_app, name="vault")
    app.command()(replay)


@vault_app.callback(invoke_without_command=True)
def vault(run: typer.Context) -> None:
    """Keep saves, encrypted, as originals of what is told; alone it does what `show` does."""
    if run.invoked_subcommand is None:
        show(json=False)


@vault_app.command()
def show(json: Json = False) -> None:
    """Show what is kept of each song, how much room it takes, and for how long."""
    from stemproof.acts.begin import list_works
    from stemproof.acts.home import opened
    from stemproof.acts.vault import read_retention, tell_size, vault_bytes, vault_sizes

    with opened(context.ledger()) as log:
        titles = {work.id: work.title for work in list_works(log)}
        sizes, taken, retention = vault_sizes(log), vault_bytes(log), read_retention(log)
    if json:
        kept: list[JsonValue] = [
            {
                "work": size.work.hex(),
                "kind": size.kind,
                "files": size.files,
                "bytes": size.bytes,
                "stored": size.stored,
                "first": size.first,
                "last": size.last,
            }
            for size in sizes
        ]
        say.answer_json({"v": 0, "keep": retention.text, "bytes": taken, "kept": kept})
        return
    if sizes:
        rows = [
            (
                titles.get(size.work, size.work.hex()[:12]),
                size.kind,
                str(size.files),
                tell_size(size.bytes),
                tell_size(size.stored),
                f"{size.first[:10]} to {size.last[:10]}",
            )
            for size in sizes
        ]
        say.table(("work", "kind", "files", "as saved", "as kept", "kept"), rows)
    say.answer(f"{tell_size(taken)} on the disk; {retention.told()}")


@vault_app.command()
def keep(
    what: Annotated[
        str | None, typer.Argument(metavar="[WHAT]", help="`all`, or `none`: nothing from now on.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Keep saves for so many days.")] = None,
    size: Annotated[
        float | None, typer.Option(min=0.001, help="Keep the newest, up to so many gigabytes.")
    ] = None,
) -> None:
    """Say what is kept from now on; what is older or beyond it is dropped at once."""
    from stemproof.acts.home import now, opened
    from stemproof.acts.vault import set_retention

    retention = _retention(what, days, size)
    with opened(context.writable()) as log:
        dropped = set_retention(log, retention, now())
    say.answer(retention.told() + (f"; {counted(dropped, 'file')} dropped" if dropped else ""))


@vault_app.command()
def take(
    named: Named,
    to: Annotated[Path, typer.Option(metavar="DIR", help="An empty or new folder.")],
) -> None:
    """Take saves out of the vault, to hand them to somebody who replays the record."""
    from stemproof.acts.disclosed import from_vault, hand_over
    from stemproof.acts.home import opened
    from stemproof.acts.replay import saves_of

    home = context.ledger()
    with opened(home) as log:
        wanted = _wanted(log, named)
        saves = {
            key: path
            for work, events in wanted.items()
            for key, path in saves_of(log, work, events).items()
        }
        with from_vault(log, context.unlock(home)) as source:
            missing = hand_over(source, saves, to)
    say.answer(f"{counted(len(saves) - missing, 'save')} in {to}")
    if missing:
        is_not = "save is not" if missing == 1 else "saves are not"
        say.talk(f"{missing} {is_not} kept: seen before the vault, dropped or erased")


def replay(
    named: Named,
    from_: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Saves handed over; else those of the vault."),
    ] = None,
    json: Json = False,
) -> None:
    """Read saves again and compare what they tell with what was recorded.

    Exit codes: 0 all of it was reproduced; 1 something differs; 3 nothing differs, but saves
    are missing or were erased, or another version read them.
    """
    from stemproof.acts.disclosed import from_folder, from_vault
    from stemproof.acts.home import opened
    from stemproof.acts.replay import replay as replay_work

    home = context.ledger()
    with ExitStack() as stack:
        log = stack.enter_context(opened(home))
        wanted = _wanted(log, named)
        source: Source
        if from_ is None:
            source = stack.enter_context(from_vault(log, context.unlock(home)))
        else:
            source = from_folder(from_)
        with say.waiting("reading saves again"):
            verdicts = [
                verdict
                for work, events in wanted.items()
                for verdict in replay_work(log, work, events, source)
            ]
    counts = Counter(verdict.state.value for verdict in verdicts)
    if json:
        found: dict[str, JsonValue] = {
            "v": 0,
            "events": [verdict.as_json() for verdict in verdicts],
            "counts": dict(sorted(counts.items())),
        }
        say.answer_json(found)
    else:
        _tell(verdicts, counts)
    raise typer.Exit(_code(counts))


def _tell(verdicts: list[Verdict], counts: Counter[str]) -> None:
    from stemproof.acts.replay import State

    # What is missing or erased is so for a whole save at once; what differs is told one by one.
    alike: dict[tuple[str, ...], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.state is not State.REPRODUCED:
            alone = str(verdict.event) if verdict.state is State.DIFFERS else ""
            key = (verdict.state.value, verdict.path, verdict.why, alone)
            alike.setdefault(key, []).append(verdict)
    for (state, path, why, _), found in alike.items():
        if len(found) == 1:
            line = f"{state}: event {found[0].event}: {found[0].text}: {why}"
        else:
            events = spans([verdict.event for verdict in found])
            line = f"{state}: events {events}: {f'{path}: ' if path else ''}{why}"
        say.answer(say.clean(line))
    told = [
        f"{counted(counts[state.value], 'event')} {state.value}"
        for state in State
        if counts[state.value]
    ]
    say.answer(", ".join(told) or "there is no save to replay")


def _code(counts: Counter[str]) -> int:
    from stemproof.acts.replay import State

    if counts[State.DIFFERS.value]:
        return 1
    return 0 if set(counts) <= {State.REPRODUCED.value} else 3


def _wanted(log: Log, named: list[str]) -> dict[bytes, set[int]]:
    """Find what was named: events by number, works by all else; no events are all of a work."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.replay import works_of

    wanted = works_of(log, [int(name) for name in named if _NUMBER.fullmatch(name)])
    for name in named:
        if not _NUMBER.fullmatch(name):
            wanted[find_work(log, name).id] = set()
    return wanted


def _retention(what: str | None, days: int | None, size: float | None) -> Retention:
    from stemproof.acts.vault import Retention
    from stemproof.errors import Usage

    if sum(given is not None for given in (what, days, size)) != 1:
        raise Usage("say one thing: all, none, --days or --size")
    if what not in (None, "all", "none"):
        raise Usage(f"{what!r:.40} is neither all nor none")
    max_bytes = None if size is None else round(size * _GB)
    return Retention(days=days, max_bytes=max_bytes, is_off=what == "none")
