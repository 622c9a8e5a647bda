"""Calls of an MCP server's tools through the tee beside the same calls made directly."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Row, workshop

# A server that is done at once: what it answers holds nothing but the call's id.
SERVER = """
import json, sys
for line in sys.stdin:
    answer = {"jsonrpc": "2.0", "id": json.loads(line)["id"], "result": {"content": []}}
    sys.stdout.write(json.dumps(answer) + "\\n")
    sys.stdout.flush()
"""
# An assistant does not call faster: the thread that records must not be what is measured.
PAUSE_S = 0.005


def measure(quick: bool) -> Iterator[Row]:
    """Time calls over pipes, direct and through the tee."""
    calls = 100 if quick else 500
    server = [sys.executable, "-c", SERVER]
    with workshop() as folder:
        home = _make_ledger(folder)
        tee = [sys.executable, "-m", "stemproof_cli", "--home", str(home), "mcp", "tee", "--"]
        direct, passed = _time_calls(server, calls), _time_calls([*tee, *server], calls)
    straight, ours = statistics.median(direct) * 1000, statistics.median(passed) * 1000
    name = f"agents: a call through the tee over pipes, median of {calls}"
    yield Row(name, ours, "ms", straight, "the same call made directly")
    yield Row(
        "agents: latency that the tee adds, median", ours - straight, "ms", 5, "limit", "<= 1"
    )


def _time_calls(command: list[str], calls: int) -> list[float]:
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    found = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the server has no pipes")
        for number in range(calls + 10):
            params = {"name": "set_gain", "arguments": {"track": "Kick", "db": number}}
            call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            line = json.dumps(call).encode() + b"\n"
            begun = time.perf_counter()
            process.stdin.write(line)
            process.stdin.flush()
            if not process.stdout.readline():
                raise RuntimeError("the server ended")
            # The first ones wait for programs to start.
            if number >= 10:
                found.append(time.perf_counter() - begun)
            time.sleep(PAUSE_S)
        process.stdin.close()
    return found


def _make_ledger(folder: Path) -> Path:
    from stemproof.acts.begin import add_work, make_ledger
    from stemproof.acts.home import Home, now

    (folder / "song").mkdir()
    home = Home(folder / "ledger")
    make_ledger(home, "a passphrase of the bench", now())
    add_work(home, folder / "song", None, now())
    return home.path
