"""The public `mcp` library's client and server do not notice the tee, in either era of MCP."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.mcp.teed import start

# Any: the library's own types are loaded inside functions, since that takes seconds.
SERVER = Path(__file__).with_name("library_server.py")


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


async def drive(target: Any, mode: Any) -> tuple[str, Any]:
    """Do what a client does: connect, list, call; give what it heard."""
    from mcp import Client

    async with Client(target, mode=mode) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
        assert names == ["set_gain", "render"]
        gain = await client.call_tool("set_gain", {"track": "Kick", "db": -3.5})
        sound = await client.call_tool("render", {"bars": 8})
        return gain.content[0].text, sound.content[0]  # type: ignore[union-attr] # text, then audio


def check_recorded(keyed: Keyed, transport: str) -> None:
    calls = [event.body for event in keyed.room.events() if event.action == "mcp.call"]
    assert [(body["tool"], body["status"]) for body in calls] == [
        ("set_gain", "ok"),
        ("render", "ok"),
    ]
    for body in calls:
        assert (body["server"], body["server_version"]) == ("library-daw", "1.5")
        assert body["client"] == "mcp"
        assert body["transport"] == transport
    digest = sha256(b"RIFF" + bytes(8)).hexdigest()
    assert calls[1]["outputs"] == [{"media": "audio/wav", "bytes": 12, "sha256": digest}]


def test_a_server_over_pipes(keyed: Keyed) -> None:
    from mcp import StdioServerParameters, stdio_client

    words = ["-m", "stemproof_cli", "--home", str(keyed.room.home.path), "mcp", "tee", "--"]
    command = StdioServerParameters(
        command=sys.executable, args=[*words, sys.executable, str(SERVER), "stdio"]
    )
    text, sound = asyncio.run(drive(stdio_client(command), "auto"))
    assert text == "Kick is at -3.5 dB"
    assert sound.type == "audio"
    check_recorded(keyed, "stdio")


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "http"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield f"{found[0]}/mcp"
                break
    finally:
        process.terminate()
        process.communicate(timeout=20)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_server_over_http(keyed: Keyed, server_url: str, mode: str) -> None:
    tee = start(keyed.room, "tee", "--http", server_url)
    assert tee.process.stdout is not None
    address = tee.process.stdout.readline().decode().split()[-1]
    assert address.endswith("/tee/mcp")
    text, sound = asyncio.run(drive(address, mode))
    assert text == "Kick is at -3.5 dB"
    assert sound.type == "audio"
    tee.process.terminate()
    code, told = tee.finish()
    assert (code, told.splitlines()[-1]) == (0, "stemproof: 2 calls recorded")
    check_recorded(keyed, "http")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_client_uses_our_own_server(keyed: Keyed, mode: Any) -> None:
    from mcp import Client, StdioServerParameters, stdio_client

    words = ["-m", "stemproof_cli", "--home", str(keyed.room.home.path), "mcp", "serve"]
    command = StdioServerParameters(command=sys.executable, args=words)

    async def talk() -> Any:
        async with Client(stdio_client(command), mode=mode) as client:
            assert len((await client.list_tools()).tools) == 4
            await client.call_tool("log_action", {"text": "Muted the choir", "stage": "mixing"})
            return await client.call_tool("ask_ledger", {})

    told = asyncio.run(talk())
    assert told.structured_content["events"][-1]["text"].endswith("Muted the choir")
