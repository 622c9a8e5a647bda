"""What docs/guides/mcp.md says to put into a program's settings works."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from tests.acts.keyed import make_keyed
from tests.acts.room import command
from tests.mcp.teed import FAKE_DAW, start

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "mcp.md").read_text()
SETTINGS = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
SERVERS = [server for one in SETTINGS for server in one["mcpServers"].values()]


def test_there_are_two_examples() -> None:
    assert [server["args"][1] for server in SERVERS] == ["tee", "serve"]


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: str(server["args"][1]))
def test_an_example_starts_a_server_that_answers(
    tmp_path: Path, server: dict[str, list[str]]
) -> None:
    room = make_keyed(tmp_path).room
    group, *words = server["args"]
    assert group == "mcp"
    if "--" in words:
        # The guide's own server is not at hand.
        words = [*words[: words.index("--") + 1], sys.executable, str(FAKE_DAW)]
    running = start(room, *words)
    assert "serverInfo" in running.greet()["result"]
    tool = "set_volume" if words[0] == "tee" else "status"
    assert not running.call(tool)["result"].get("isError")
    running.finish()
    shown = command(room, "log", "show", "--all").stdout
    assert ("test-client called set_volume of fake-daw: done" in shown) == (words[0] == "tee")


def test_every_option_of_the_tee_is_in_the_guide_or_known(tmp_path: Path) -> None:
    room = make_keyed(tmp_path).room
    told = command(room, "mcp", "tee", "--help").stdout
    options = set(re.findall(r"--[a-z-]+", told)) - {"--help"}
    assert [option for option in sorted(options) if option not in GUIDE] == []
