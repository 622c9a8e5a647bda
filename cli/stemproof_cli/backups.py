"""backup and restore: a whole ledger in one encrypted file, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.log.backupfile import Report

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    to: Annotated[
        Path, typer.Argument(metavar="TO", help="The file, best on another disk than the ledger.")
    ],
    json: Json = False,
) -> None:
    """Add what is new in this ledger to one encrypted file; only your words open it."""
    from stemproof.acts.backing import back_up
    from stemproof.acts.home import now

    home = context.ledger()
    with say.waiting("saving"):
        report = back_up(home, to, now())
    if json:
        say.answer_json(
            {
                "v": 0,
                "file": str(to),
                "number": report.number,
                "made": report.made,
                "files": report.files,
                "parts_new": report.parts_new,
                "parts_kept": report.parts_kept,
                "bytes_written": report.bytes_written,
                "bytes_total": report.bytes_total,
            }
        )
        return
    say.answer(
        f"backup {report.number} in {to}",
        f"  new   {counted(report.parts_new, 'part')}, {_size(report.bytes_written)}",
        f"  kept  {counted(report.parts_kept, 'part')} from before",
        f"  file  {_size(report.bytes_total)}, {counted(report.files, 'file')} of the ledger",
    )
    if report.bytes_unfinished:
        say.talk(f"{_size(report.bytes_unfinished)} of an unfinished backup were dropped")
    say.talk("the words restore your keys, the backup restores your history: keep both")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="The file of a backup.")],
    words_fd: Annotated[
        int | None,
        typer.Option(help="Read the 24 words from this file descriptor, on one line or more."),
    ] = None,
    json: Json = False,
) -> None:
    """Bring a ledger back from a backup into an empty folder, and go on as a new device."""
    from stemproof.acts.backing import check_source, restore_backup
    from stemproof.acts.home import now
    from stemproof.keys.passphrase import choose_passphrase
    from stemproof_cli.keys import keep_passphrase, read_words

    home = context.home()
    check_source(home, source)
    words = read_words("the 24 words", words_fd)
    passphrase = choose_passphrase(
        descriptor=context.settings.passphrase_fd, prompt=context.prompt()
    )
    with say.waiting("restoring"):
        restored = restore_backup(home, source, words, passphrase, now())
    keep_passphrase(restored.keys.account_address, passphrase)
    _say_restored(home.path, restored.report, restored.keys.origin, json)


def _say_restored(home: Path, report: Report, origin: str, json: bool) -> None:
    if json:
        say.answer_json(
            {
                "v": 0,
                "home": str(home),
                "number": report.number,
                "made": report.made,
                "files": report.files,
                "origin": origin,
            }
        )
        return
    say.answer(
        f"restored backup {report.number} of {report.made} into {home}",
        f"  {counted(report.files, 'file')}; this folder goes on as a new device",
        f"  new log {origin}",
    )
    say.talk("the words restore your keys, the backup restores your history")
    say.talk("what was recorded after that backup is not here")


def _size(count: int) -> str:
    if count < 1 << 20:
        return f"{count / 1024:.1f} KiB"
    return f"{count / (1 << 20):.1f} MiB"
