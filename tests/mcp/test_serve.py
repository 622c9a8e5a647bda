"""An assistant says what it did and asks what was recorded; words and keys stay here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import Room, command, make_room
from tests.mcp.teed import HELLO, Teed, start

from stemproof.acts.attending import Desk
from stemproof.acts.home import now, opened
from stemproof.acts.said import say_note
from stemproof.capture.mcp.serving import Server


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return make_room(tmp_path)


@pytest.fixture
def server(room: Room) -> Server:
    return Desk(room.home, room.folder).server()


def ask(server: Server, method: str, params: Any = None) -> Any:
    line = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    answer = server.answer_line(json.dumps(line).encode())
    assert answer is not None
    return json.loads(answer)


def use(server: Server, name: str, /, **arguments: Any) -> Any:
    return ask(server, "tools/call", {"name": name, "arguments": arguments})["result"]


def test_what_an_assistant_did_is_recorded_as_its_own_word(room: Room, server: Server) -> None:
    ask(server, "initialize", HELLO)
    result = use(
        server,
        "log_action",
        text="Lowered the kick by 3 dB",
        stage="mixing",
        tool="REAPER",
        prompt="make the kick softer, my key is sk-" + "a1B2" * 8,
    )
    assert result["structuredContent"]["recorded_as"] == "declared by the assistant"
    event = room.last("agent.said")
    head = event.header
    assert (head.observed, head.actor, head.tool) == ("declared", "machine", "assistant")
    assert (head.class_, head.stage) == ("ai_assisted", "mixing")
    assert event.body["client"] == "test-client"
    assert event.fields["prompt"] == b"make the kick softer, my key is [secret removed]"
    assert "softer" not in json.dumps(event.body)
    shown = command(room, "log", "show", "--all").stdout
    assert "test-client says of its own work: Lowered the kick by 3 dB (with REAPER)" in shown


def test_generating_and_noting_are_told_apart(room: Room, server: Server) -> None:
    use(server, "log_action", text="Wrote a bass line", share="generated")
    use(server, "note", text="The chorus is quieter than the verse")
    said = [event for event in room.events() if event.action == "agent.said"]
    assert [(e.body["share"], e.header.class_) for e in said] == [
        ("generated", "ai_generated"),
        ("note", "unknown"),
    ]


def fill(room: Room) -> None:
    """Record words that no stranger may read."""
    with opened(room.home) as log:
        say_note(log, room.work, "secretverse of a song", "lyrics", now())
        say_note(log, room.work, "keep the third take", None, now())
    server = Desk(room.home, room.folder).server()
    use(server, "log_action", text="Wrote words", stage="production", prompt="privateprompt")


def test_answers_hold_no_prompt_and_no_lyrics_unless_allowed(room: Room) -> None:
    fill(room)
    shy = json.dumps(use(Desk(room.home, room.folder).server(), "ask_ledger"))
    assert "keep the third take" in shy
    assert "secretverse" not in shy
    assert "privateprompt" not in shy
    told = json.dumps(use(Desk(room.home, room.folder, words=True).server(), "ask_ledger"))
    assert "secretverse" in told
    assert "privateprompt" in told


def test_questions_are_bounded_by_stage_number_and_time(room: Room, server: Server) -> None:
    fill(room)
    events = use(server, "ask_ledger", limit=1)["structuredContent"]["events"]
    assert [event["action"] for event in events] == ["agent.said"]
    events = use(server, "ask_ledger", stage="lyrics", hours=1)["structuredContent"]["events"]
    assert [event["action"] for event in events] == ["note.said"]
    works = use(server, "status")["structuredContent"]["works"]
    assert [(work["title"], work["events"]) for work in works] == [("Small Hours", 4)]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("log_action", {}),
        ("log_action", {"text": 7}),
        ("log_action", {"text": "x" * 10_001}),
        ("log_action", {"text": "x", "stage": "cooking"}),
        ("log_action", {"text": "x", "share": "human"}),
        ("log_action", {"text": "x", "class": "human"}),
        ("ask_ledger", {"limit": 0}),
        ("ask_ledger", {"limit": 101}),
        ("ask_ledger", {"limit": True}),
        ("ask_ledger", {"limit": 1.5}),
        ("nothing", {}),
        ("log_action", []),
    ],
)
def test_arguments_that_do_not_fit_are_refused(
    room: Room, server: Server, tool: str, arguments: Any
) -> None:
    answer = ask(server, "tools/call", {"name": tool, "arguments": arguments})
    assert answer["error"]["code"] == -32602
    assert room.actions() == []


def test_what_cannot_be_done_is_a_sentence_to_the_assistant(room: Room, server: Server) -> None:
    result = use(server, "note", text="x", work="No Such Song")
    assert result["isError"] is True
    assert "no work is called 'No Such Song'" in result["content"][0]["text"]
    assert use(server, "note", text="   ")["isError"] is True


def test_a_server_for_one_work_tells_of_no_other(room: Room, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert command(room, "work", "add", str(other), "--title", "Other Song").returncode == 0
    server = Desk(room.home, other, "Small Hours").server()
    assert "Other Song" not in json.dumps(use(server, "status"))
    answer = ask(server, "tools/call", {"name": "ask_ledger", "arguments": {"work": "Other Song"}})
    assert answer["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"resources/list"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"initialize"}', -32602),
    ],
)
def test_nonsense_is_answered_as_the_specification_says(
    server: Server, line: bytes, code: int
) -> None:
    answer = server.answer_line(line)
    assert answer is not None
    assert json.loads(answer)["error"]["code"] == code


def test_an_unknown_version_is_offered_the_newest(server: Server) -> None:
    for wanted, given in (("2024-11-05", "2024-11-05"), ("2031-01-01", "2025-11-25")):
        result = ask(server, "initialize", {**HELLO, "protocolVersion": wanted})["result"]
        assert result["protocolVersion"] == given


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Keyed, Teed]]:
    keyed = make_keyed(tmp_path)
    running = start(keyed.room, "serve")
    yield keyed, running
    running.process.kill()
    running.process.communicate(timeout=20)


def test_the_command_answers_over_pipes_and_survives_a_hostile_client(
    served: tuple[Keyed, Teed],
) -> None:
    keyed, running = served
    assert running.greet()["result"]["serverInfo"]["name"] == "stemproof"
    names = [tool["name"] for tool in running.ask("tools/list")["result"]["tools"]]
    assert names == ["log_action", "note", "ask_ledger", "status"]
    running.write(b"\x00\xff\n" + b"x" * (3 << 20) + b"\n")
    assert running.read()["error"]["code"] == -32700
    assert running.read()["error"]["code"] == -32600
    running.write(b'[{"jsonrpc":"2.0","id":"a","method":"ping"},{"jsonrpc":"2.0","method":"x"}]\n')
    assert running.read() == [{"jsonrpc": "2.0", "id": "a", "result": {}}]
    assert running.call("note", text="done")["result"]["isError"] is False
    code, told = running.finish()
    assert (code, told) == (0, "")
    assert keyed.room.last("agent.said").body["text"] == "done"
