"""proxy: calls to generators pass through it, and are recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.proxying import Passed, Recorder
    from stemproof.capture.prompts.forward import Rules
    from stemproof.capture.prompts.gate import Upstream


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(proxy)


def proxy(
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1; 0 takes a free one.")] = 0,
    upstream: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=URL",
            help="Where calls under /NAME/ go to; NAME:API=URL for a server that speaks like API;"
            " repeatable.",
        ),
    ] = None,
    work: Annotated[
        str | None, typer.Option(help="The work that the calls are for, by title, folder or id.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Let no call pass that cannot be recorded.")
    ] = False,
    terms: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=URL[,FILE]",
            help="The terms of service of an upstream, and a saved copy whose digest is recorded;"
            " repeatable.",
        ),
    ] = None,
) -> None:
    """Pass calls to AI services on, and record prompts and results as they pass.

    Point a program's base URL at http://127.0.0.1:PORT/openai/v1, /anthropic and so on.
    """
    from stemproof.acts.generating import choose_work
    from stemproof.acts.home import opened
    from stemproof.acts.proxying import Recorder
    from stemproof.capture.prompts.forward import Rules

    home = context.writable()
    with opened(home) as log:
        chosen = choose_work(log, work, Path.cwd())
    upstreams = _upstreams(upstream or [], terms or [])
    recorder = Recorder(home, chosen, tell=say.talk)
    say.talk(f"records for {chosen.title}")
    passed = _serve(recorder, upstreams, Rules(strict=strict), port)
    lost = f", {counted(passed.lost, 'record')} lost" if passed.lost else ""
    say.answer(
        f"{counted(passed.calls, 'call')} passed: {counted(passed.requests, 'request')} and"
        f" {counted(passed.results, 'result')} recorded{lost}"
    )
    if passed.lost:
        raise typer.Exit(3)


def _upstreams(given: list[str], terms: list[str]) -> dict[str, Upstream]:
    """Put together what the proxy serves: the known APIs, and what the user named."""
    from stemproof.capture.prompts.gate import Upstream, parse_upstream
    from stemproof.capture.prompts.registry import load_apis
    from stemproof.errors import Usage

    apis, problems = load_apis()
    for problem in problems:
        say.talk(f"not used: {say.clean(problem)}")
    places = {name: (api.upstream, api) for name, api in apis.items()}
    for text in given:
        name, url, api = parse_upstream(text, apis)
        places[name] = (url, api)
    agreed = dict(_read_terms(text) for text in terms)
    if unknown := set(agreed) - set(places):
        raise Usage(f"--terms names {min(unknown)!r:.60}, which is no upstream")
    return {name: Upstream(name, url, api, agreed.get(name)) for name, (url, api) in places.items()}


def _read_terms(text: str) -> tuple[str, dict[str, str]]:
    from hashlib import file_digest

    from stemproof.errors import BadInput, Usage

    name, equals, rest = text.partition("=")
    url, _, file = rest.partition(",")
    if not name or not equals or not url.startswith("https://"):
        raise Usage(
            f"{text!r:.120} names no terms", hint="NAME=https://... or NAME=https://...,FILE"
        )
    digest = ""
    if file:
        try:
            with Path(file).open("rb") as saved:
                digest = file_digest(saved, "sha256").hexdigest()
        except OSError as error:
            raise BadInput(f"the terms {file} are unreadable: {error.strerror}") from error
    return name, {"url": url, "sha256": digest}


def _serve(recorder: Recorder, upstreams: dict[str, Upstream], rules: Rules, port: int) -> Passed:
    import asyncio
    import signal

    from stemproof.acts.proxying import run_proxy

    def ready(found: int) -> None:
        say.answer(f"proxy at http://127.0.0.1:{found}")
        for name, upstream in sorted(upstreams.items()):
            say.answer(f"  /{name}/ -> {upstream.base_url}")
        sys.stdout.flush()

    # The thread that records holds Python's lock for so long at most while an answer waits.
    sys.setswitchinterval(0.0005)

    async def run() -> Passed:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        before = {
            number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            return await run_proxy(recorder, upstreams, rules, port=port, ready=ready, stop=stop)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    return asyncio.run(run())
