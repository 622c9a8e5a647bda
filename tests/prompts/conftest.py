"""A proxy in this process, on a ledger with keys, in front of a provider of our own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.prompts.upstreams import Provider, provider

from stemproof.acts.proxying import Passed, Recorder, run_proxy
from stemproof.capture.prompts.forward import Rules
from stemproof.capture.prompts.gate import Upstream
from stemproof.capture.prompts.registry import load_apis


@dataclass
class Running:
    """A running proxy; `finish` ends it, so that all is recorded."""

    url: str
    keyed: Keyed
    recorder: Recorder
    finish: Callable[[], Passed]
    told: list[str] = field(default_factory=list)


@contextmanager
def running(
    keyed: Keyed, provider_url: str, rules: Rules | None = None, port: int = 0
) -> Iterator[Running]:
    """Run a proxy in a thread, every upstream of it at one provider."""
    apis, _ = load_apis()
    terms = {"url": "https://provider.example/terms", "sha256": "cd" * 32}
    upstreams = {name: Upstream(name, provider_url, api, terms) for name, api in apis.items()}
    told: list[str] = []
    recorder = Recorder(keyed.room.home, keyed.room.work, tell=told.append)
    started = threading.Event()
    ports: list[int] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    passed: list[Passed] = []

    async def run() -> None:
        stop = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stop))

        def ready(found: int) -> None:
            ports.append(found)
            started.set()

        passed.append(
            await run_proxy(
                recorder, upstreams, rules or Rules(), port=port, ready=ready, stop=stop
            )
        )

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(10)

    def finish() -> Passed:
        loop, stop = loops[0]
        if not passed:
            loop.call_soon_threadsafe(stop.set)
            thread.join(30)
        return passed[0]

    try:
        yield Running(f"http://127.0.0.1:{ports[0]}", keyed, recorder, finish, told)
    finally:
        finish()


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


@pytest.fixture
def upstream() -> Iterator[Provider]:
    with provider() as found:
        yield found


@pytest.fixture
def proxy(keyed: Keyed, upstream: Provider) -> Iterator[Running]:
    with running(keyed, upstream.url) as found:
        yield found
