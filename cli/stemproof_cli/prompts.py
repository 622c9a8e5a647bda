"""ai otlp, ai export: calls of generators in and out as OpenTelemetry spans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

Work = Annotated[str | None, typer.Option(help="The work, by title, folder or start of its id.")]


def otlp(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="OTLP/JSON of traces; - is stdin.")],
    work: Work = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Record what a program's OpenTelemetry spans tell of its calls of generators.

    Each span is recorded once, as declared: it says what another program says.
    """
    from stemproof.acts.generating import choose_work
    from stemproof.acts.home import now, opened
    from stemproof.acts.spans import import_spans

    home = context.writable()
    data = _read(file)
    with opened(home) as log:
        chosen = choose_work(log, work, Path.cwd())
        done = import_spans(log, chosen, data, now())
    for problem in done.unkept:
        say.talk(say.clean(f"an output is not kept in the vault: {problem}"))
    if json:
        say.answer_json(
            {
                "v": 0,
                "work": chosen.id.hex(),
                "requests": done.requests,
                "results": done.results,
                "known": done.known,
                "others": done.others,
            }
        )
        return
    say.answer(
        say.clean(
            f"{chosen.title}: {counted(done.requests, 'request')} and"
            f" {counted(done.results, 'result')} recorded as declared;"
            f" {done.known} known already, {counted(done.others, 'span')} about something else"
        )
    )


def export(
    otlp: Annotated[
        bool, typer.Option("--otlp", help="As OTLP/JSON, the form of OpenTelemetry.")
    ] = False,
    content: Annotated[
        bool, typer.Option("--content", help="Prompts too; without it they stay here.")
    ] = False,
    work: Work = None,
) -> None:
    """Write a work's calls of generators as one document, to stdout."""
    from stemproof.acts.generating import choose_work
    from stemproof.acts.home import opened
    from stemproof.acts.spans import export_spans
    from stemproof.errors import Usage

    if not otlp:
        raise Usage("say in which form to export", hint="--otlp is the one there is")
    with opened(context.ledger()) as log:
        say.answer_json(export_spans(log, choose_work(log, work, Path.cwd()), content=content))


def _read(file: str) -> bytes:
    from stemproof.capture.prompts.otlp import MAX_FILE_BYTES
    from stemproof.errors import BadInput

    if file == "-":
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    try:
        with Path(file).open("rb") as opened_file:
            return opened_file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{file} is unreadable: {error.strerror}") from error
