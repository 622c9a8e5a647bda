"""start, init, status: the first things and the first look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof.errors import BadInput
from stemproof_cli import context, say

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.record.canonical import Json as JsonValue

Title = Annotated[str | None, typer.Option(help="The title; by default the folder's name.")]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(start)
    app.command()(init)
    app.command()(status)


def init() -> None:
    """Make a ledger: keys, and a log bound to them."""
    home = context.home()
    if home.exists:
        raise BadInput(
            f"there is a ledger at {home.path} already",
            hint="add a song with `stemproof work add DIR`, or choose another folder with --home",
        )
    _make(home)


def start(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The song's project folder.")],
    title: Title = None,
    once: Annotated[
        bool, typer.Option("--once", help="Look once and stop, instead of watching.")
    ] = False,
) -> None:
    """Begin to record the making of the piece in DIR, and go on recording while you work."""
    from stemproof.acts.begin import add_work
    from stemproof.acts.home import now
    from stemproof.acts.unread import unread_sessions
    from stemproof.acts.watching import is_watched
    from stemproof_cli.works import watch_works

    home = context.home()
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder", hint="name the folder of one song")
    _make_or_finish(home)
    work = add_work(home, folder, title, now())
    say.talk(say.clean(f"recording {work.title!r} in {work.folder}"))
    for unread in unread_sessions(work.folder):
        if unread.advice:
            say.talk(
                f"note: {unread.program} keeps its sessions closed: a save is recorded by its "
                f"digest and size; {unread.advice}"
            )
        else:
            say.talk(
                f"note: sessions of {unread.program} are not read; "
                "only audio in this folder is recorded"
            )
    if is_watched(home):
        say.talk("the watch that is running takes it up")
        return
    watch_works(home, once=once, works={work.id} if once else None)
    if not once:
        say.talk("stopped; go on with `stemproof watch`")


def status(json: Json = False) -> None:
    """Say how things stand: works, what is not anchored, what needs a person."""
    from stemproof.acts.asking import wordless
    from stemproof.acts.home import opened
    from stemproof.acts.standing import look_at
    from stemproof.acts.tooling import tools_told
    from stemproof_cli import services

    home = context.ledger()
    standing, service = look_at(home), services.standing(home)
    with opened(home) as log:
        silent = wordless(log)
        tools = {one.work.id: tools_told(log, one.work.id) for one in standing.works}
    if json:
        bounces = {work.hex(): count for work, count in sorted(silent.items())}
        more: dict[str, JsonValue] = {"service": service, "bounces_without_a_word": {**bounces}}
        more["tools"] = {
            work.hex(): [one.as_json() for one in told] for work, told in tools.items()
        }
        say.answer_json({**standing.as_json(), **more})
        return
    say.table(("work", "events", "anchored", "state", "folder"), standing.rows())
    for line in standing.lines():
        say.answer(line)
    if service != "not installed":
        say.answer(f"service: {service}")
    for one in standing.works:
        count = silent.get(one.work.id, 0)
        if count:
            noun = "bounce" if count == 1 else "bounces"
            word = "without a word; `stemproof note TEXT --about EVENT` says why"
            say.answer(say.clean(f"{count} {noun} of {one.work.title!r} {word}"))
        for told in tools[one.work.id]:
            say.answer(say.clean(f"in {one.work.title!r}: {told.text}"))


def _make_or_finish(home: Home) -> None:
    """Make a ledger where there is none, and finish one whose making was cut short."""
    from stemproof.acts.home import opened
    from stemproof.acts.keeping import check_place
    from stemproof.keys.keyfile import KEY_FILE

    if not home.exists and not (home.path / KEY_FILE).exists():
        _make(home)
        return
    check_place(home)
    is_whole = False
    if home.exists:
        with opened(home) as log:
            is_whole = bool(log.number)
    if not is_whole:
        say.talk("finishing a ledger whose making was cut short")
        context.unlock(home)


def _make(home: Home) -> None:
    from stemproof.acts.begin import make_ledger
    from stemproof.acts.home import now
    from stemproof.keys.passphrase import choose_passphrase, keep_in_keyring

    say.talk(f"making a ledger at {home.path}")
    passphrase = choose_passphrase(
        descriptor=context.settings.passphrase_fd, prompt=context.prompt()
    )
    created = make_ledger(home, passphrase, now())
    kept = context.settings.passphrase_fd is None and keep_in_keyring(
        created.keys.account_address, passphrase
    )
    if kept:
        say.talk("the passphrase is in your system's keyring: you will not be asked again")
    say.talk("your keys are made; write their words down soon: `stemproof key backup`")
