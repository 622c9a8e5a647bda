"""Calls through the proxy beside the same calls made directly, in one run."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from benchmarks.figures import Row, workshop

EVENTS = 50
"""Events of one streamed answer."""
PAUSE_S = 0.02
"""What the provider waits between two events; a model takes about as long for a word."""
STREAMS = 100
BODY = json.dumps(
    {"model": "m", "stream": True, "messages": [{"role": "user", "content": "a line " * 50}]}
).encode()


def measure(quick: bool) -> Iterator[Row]:
    """Time single calls and a hundred parallel streams, direct and through the proxy in turns."""
    yield from asyncio.run(_measure(100 if quick else 500))


async def _measure(calls: int) -> list[Row]:
    provider = await asyncio.start_server(_provide, "127.0.0.1", 0, backlog=512)
    port = provider.sockets[0].getsockname()[1]
    with workshop() as folder:
        _make_ledger(folder)
        async with provider, _proxy(folder, port) as through:
            paths = {port: "/v1/chat/completions", through: "/openai/v1/chat/completions"}
            for at, path in paths.items():
                await _time_calls(at, path, 20)
            times: dict[int, list[float]] = {port: [], through: []}
            for _ in range(10):
                for at, path in paths.items():
                    times[at] += await _time_calls(at, path, calls // 10)
            waits = {at: await _time_streams(at, path) for at, path in paths.items()}
    return [*_rows_of_calls(times[port], times[through]), *_rows_of_streams(waits, port, through)]


def _rows_of_calls(direct: list[float], passed: list[float]) -> Iterator[Row]:
    for name, share in (("median", 50), ("99th percentile", 99)):
        straight, ours = _percentile(direct, share), _percentile(passed, share)
        yield Row(
            f"prompts: a call through the proxy, {name} of {len(passed)}",
            ours * 1000,
            "ms",
            straight * 1000,
            "the same call made directly",
        )
    added = (_percentile(passed, 50) - _percentile(direct, 50)) * 1000
    yield Row("prompts: latency that the proxy adds, median", added, "ms", 5.0, "limit", "<= 1")


def _rows_of_streams(
    waits: dict[int, tuple[list[float], float]], port: int, through: int
) -> Iterator[Row]:
    (direct, straight), (passed, ours) = waits[port], waits[through]
    for name, share in (("median", 50), ("99th percentile", 99)):
        yield Row(
            f"prompts: first event of {STREAMS} parallel streams, {name}",
            _percentile(passed, share) * 1000,
            "ms",
            _percentile(direct, share) * 1000,
            "the same streams, direct",
        )
    name = f"prompts: {STREAMS} parallel streams of {EVENTS} events to their end"
    yield Row(name, ours, "s", straight, "the same streams, direct", "<= 2")


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


async def _provide(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak as a provider: a whole answer at once, or a stream where `paced` is asked for."""
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            await _answer(writer, is_paced=b"x-paced" in head.lower())
    writer.close()


async def _answer(writer: asyncio.StreamWriter, *, is_paced: bool) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for number in range(EVENTS if is_paced else 1):
        choice = {"index": 0, "delta": {"content": f"word {number} "}}
        data = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await writer.drain()
        if is_paced:
            await asyncio.sleep(PAUSE_S)
    data = b"data: [DONE]\n\n"
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))
    await writer.drain()


def _request(port: int, path: str, more: bytes = b"") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer sk-x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n".encode()
        + more
        + b"\r\n"
        + BODY
    )


async def _time_calls(port: int, path: str, calls: int) -> list[float]:
    """Make calls one after the other on one connection; give the seconds of each."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request, found = _request(port, path), []
    for _ in range(calls):
        begun = time.perf_counter()
        writer.write(request)
        await reader.readuntil(b"\r\n0\r\n\r\n")
        found.append(time.perf_counter() - begun)
    writer.close()
    await writer.wait_closed()
    return found


async def _time_streams(port: int, path: str) -> tuple[list[float], float]:
    """Hold streams at one time; give the seconds to the first event of each, and of all."""
    request = _request(port, path, b"X-Paced: yes\r\n")

    async def one() -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        begun = time.perf_counter()
        writer.write(request)
        await reader.readuntil(b"\n\n")
        first = time.perf_counter() - begun
        await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.close()
        return first

    begun = time.perf_counter()
    firsts = await asyncio.gather(*(one() for _ in range(STREAMS)))
    return list(firsts), time.perf_counter() - begun


def _make_ledger(folder: Path) -> None:
    from stemproof.acts.begin import add_work, make_ledger
    from stemproof.acts.home import Home, now

    (folder / "song").mkdir()
    home = Home(folder / "ledger")
    make_ledger(home, "a passphrase of the bench", now())
    add_work(home, folder / "song", None, now())


@asynccontextmanager
async def _proxy(folder: Path, port: int) -> AsyncIterator[int]:
    """Run the command as a person does, in a process of its own."""
    command = ["-m", "stemproof_cli", "--home", str(folder / "ledger"), "proxy"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--upstream",
        f"openai=http://127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the proxy has no output")
        line = await process.stdout.readline()
        yield int(line.rsplit(b":", 1)[1])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()
