"""mcp: what assistants do through the Model Context Protocol is seen, or said by them."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.teeing import Counts, Place, TeeRecorder

mcp_app = typer.Typer(
    help="Assistants that work on the music: see what they call, let them say what they did.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(mcp_app, name="mcp")


_WORK = Annotated[str | None, typer.Option(help="The work that it is for, by title, folder or id.")]


@mcp_app.command()
def tee(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- COMMAND...", help="The MCP server to start, with its arguments."
        ),
    ] = None,
    http: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The address of a server that is reached by HTTP."),
    ] = None,
    port: Annotated[
        int, typer.Option(help="With --http: the port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    work: _WORK = None,
    stage: Annotated[
        str, typer.Option(help="The stage of the work that its tools are for.")
    ] = "none",
    generates: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOOL",
            help="A tool whose audio and images are generated; * for all of them; repeatable.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End the traffic when it cannot be recorded.")
    ] = False,
) -> None:
    """Stand between an assistant and an MCP server, and record the tools that it calls.

    What passes is not changed. The exit code is the server's own.
    """
    from stemproof.acts.agents import Rules
    from stemproof.acts.teeing import TeeRecorder
    from stemproof.capture.mcp.contents import secrets_in_words
    from stemproof.capture.prompts.plain import MIN_SECRET, is_secret_name
    from stemproof.errors import Usage

    if bool(command) == bool(http):
        raise Usage("give a command after --, or --http URL", hint="stemproof mcp tee -- COMMAND")
    # Keys are handed to servers in their environment and arguments: they may come back in results.
    environment = (v for k, v in os.environ.items() if len(v) >= MIN_SECRET and is_secret_name(k))
    rules = Rules(
        transport="stdio" if command else "http",
        stage=stage,
        generates=frozenset(generates or ()),
        secrets=frozenset([*environment, *secrets_in_words(command or ())]),
    )
    recorder = TeeRecorder(_place(work, strict=strict), rules, _whisper)
    if command:
        code = _tee_stdio(command, recorder, strict=strict)
    else:
        _tee_http(http or "", recorder, strict=strict, port=port)
        code = 0
    _sum_up(recorder.counts)
    raise typer.Exit(code)


@mcp_app.command()
def serve(
    work: _WORK = None,
    show_words: Annotated[
        bool,
        typer.Option(
            "--show-words", help="Let the assistant read prompts and lyrics that were recorded."
        ),
    ] = False,
) -> None:
    """Be an MCP server: an assistant says what it did, and asks what was recorded.

    It speaks on standard input and output, and is started by the assistant's program.
    """
    from stemproof import __version__
    from stemproof.acts.attending import Desk
    from stemproof.capture.mcp.serving import serve as answer

    desk = Desk(context.ledger(), Path.cwd(), work, show_words, __version__)
    answer(desk.server(), sys.stdin.buffer, sys.stdout.buffer)


def _place(name: str | None, *, strict: bool) -> Place | None:
    """Find where to record; without a ledger the traffic passes all the same."""
    from stemproof.acts.generating import choose_work
    from stemproof.acts.home import opened
    from stemproof.acts.teeing import Place
    from stemproof.errors import StemproofError

    try:
        home = context.writable()
        with opened(home) as log:
            return Place(home, choose_work(log, name, Path.cwd()))
    except StemproofError as error:
        if strict:
            raise
        _whisper(f"nothing is recorded: {error}")
        return None


def _tee_stdio(command: list[str], recorder: TeeRecorder, *, strict: bool) -> int:
    from stemproof.acts.teeing import start_stdio

    running = start_stdio(command, recorder, strict=strict)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"):
        if number := getattr(signal, name, None):
            signal.signal(number, lambda found, _frame: running.send_signal(found))
    try:
        return running.run()
    finally:
        recorder.stop()


def _tee_http(url: str, recorder: TeeRecorder, *, strict: bool, port: int) -> None:
    import asyncio

    from stemproof.acts.teehttp import run_http

    def ready(address: str) -> None:
        say.answer(f"tee at {address}")
        sys.stdout.flush()

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        await run_http(url, recorder, strict=strict, port=port, ready=ready, stop=stop)

    asyncio.run(run())


def _sum_up(counts: Counts) -> None:
    parts = [f"{counted(counts.calls, 'call')} recorded"]
    if counts.lost:
        parts.append(f"{counts.lost} lost")
    if counts.unread:
        parts.append(f"{counted(counts.unread, 'line')} that {_are(counts.unread)} no message")
    _whisper(", ".join(parts))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _whisper(text: str) -> None:
    """Tell the person: standard output belongs to the traffic."""
    say.talk(f"stemproof: {text}")
