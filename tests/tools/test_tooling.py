"""Tools in a recorded song: events beside the save's decisions, once a place, replay unharmed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import Room, command, make_room
from tests.tools.plugged import changed, project

from stemproof.acts.disclosed import from_vault
from stemproof.acts.erase import erase, plan_events
from stemproof.acts.explaining import explain
from stemproof.acts.home import now, opened
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.acts.replay import State, replay
from stemproof.acts.tooling import catalogue_of, tools_told
from stemproof.capture.rules import burst_size
from stemproof.capture.tools.catalogue import shipped_catalogue
from stemproof.errors import BadInput

MOST = burst_size()
NO = {"id": "magenta-ddsp-effect", "kind": "no", "why": "only its reverb is used here"}


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return make_room(tmp_path)


def save(room: Room, data: bytes, *, live: bool = True, name: str = "Song.rpp") -> None:
    (room.folder / name).write_bytes(data)
    room.look(live=live)


def own(room: Room, *rows: object) -> None:
    (room.home.path / "ai-tools.json").write_text(json.dumps({"v": 0, "tools": rows}))


def tools(room: Room) -> list[str]:
    return [action for action in room.actions() if action.startswith("tool.")]


def test_a_tool_is_told_present_once(room: Room) -> None:
    save(room, project())
    save(room, project(volume="0.5"))
    save(room, project("", volume="0.5"))
    save(room, project(volume="0.5"))
    assert tools(room) == ["tool.present"]
    body = room.last("tool.present").body
    assert body == {
        "path": "Song.rpp",
        "track": "Lead",
        "device": "DDSP Effect",
        "tool": "magenta-ddsp-effect",
        "kind": "adapt",
        "how": "id",
        "count": 0,
    }
    assert room.last("tool.present").header.stage == "none"


def test_a_burst_stands_behind_its_save_and_gives_its_decisions_a_class(room: Room) -> None:
    save(room, project())
    save(room, project(values=changed(MOST)))
    assert room.actions()[-1] == "tool.burst"
    assert room.last("tool.burst").body["count"] == MOST
    last = room.last("decision.device.parameter").header
    assert (last.stage, last.class_) == ("mixing", "ai_automated")
    assert room.last("session.saved").body["tools"] == {"catalogue": 1, "own": None}


def test_a_changed_state_leaves_its_decisions_unknown_and_no_others(room: Room) -> None:
    save(room, project())
    save(room, project(values=changed(2), volume="0.5"))
    assert tools(room) == ["tool.present", "tool.changed"]
    assert room.last("decision.device.parameter").header.class_ == "unknown"
    assert room.last("decision.mixer.volume").header.class_ == "human_with_tool"


def test_what_nobody_watched_has_no_class_whatever_the_tool_did(room: Room) -> None:
    save(room, project())
    save(room, project(values=changed(MOST)), live=False)
    assert tools(room) == ["tool.present", "tool.burst"]
    assert room.last("decision.device.parameter").header.class_ == "unknown"


def test_a_users_row_holds_and_is_named_in_each_save(room: Room) -> None:
    own(room, NO)
    save(room, project())
    save(room, project(values=changed(MOST)))
    assert tools(room) == []
    assert room.last("decision.device.parameter").header.class_ == "human_with_tool"
    digest = room.last("session.saved").body["tools"]["own"]
    assert digest == catalogue_of(room.home.path).own != ""


def test_broken_rows_stop_no_recording_and_hide_no_tool(room: Room) -> None:
    (room.home.path / "ai-tools.json").write_bytes(b'{"v": 0, "tools": [{}]}')
    (room.folder / "Song.rpp").write_bytes(project())
    seen = room.look()
    assert [problem for problem in seen.problems if "the rows that ship are used" in problem]
    assert tools(room) == ["tool.present"]
    with pytest.raises(BadInput, match=r"ai-tools\.json"):
        catalogue_of(room.home.path)


def test_the_log_claims_no_use(room: Room) -> None:
    save(room, project())
    save(room, project(values=changed(2)))
    save(room, project(values=changed(MOST + 2)))
    with opened(room.home) as log:
        told = [line.text for line in newest_lines(log, Wanted(), 100)]
        summed = tools_told(log, room.work.id)
    said = [text for text in told if "AI" in text]
    assert [text.split(":")[0] for text in said] == [
        "AI-capable tool present",
        "state of an AI-capable tool changed",
        f"{MOST} parameters of an AI-capable tool changed in one save",
    ]
    assert not [text for text in told if "AI used" in text or "AI was used" in text]
    assert [(one.tool, one.places, one.changes, one.bursts) for one in summed] == [
        ("magenta-ddsp-effect", 1, 1, 1)
    ]


def test_an_erased_sign_is_told_anew_and_breaks_nothing(room: Room) -> None:
    save(room, project())
    with opened(room.home) as log:
        event = newest_lines(log, Wanted(), 1)[0].entry.id
        erase(log, plan_events(log, [event]), now())
        assert tools_told(log, room.work.id) == []
    save(room, project(""))
    save(room, project())
    with opened(room.home) as log:
        assert [one.places for one in tools_told(log, room.work.id)] == [1]


def test_commands_mark_the_plug_in_and_claim_no_use(room: Room) -> None:
    save(room, project())
    shown = command(room, "show", str(room.folder / "Song.rpp"))
    assert "AI-CAPABLE" in shown.stdout
    document = json.loads(command(room, "show", str(room.folder / "Song.rpp"), "--json").stdout)
    device = document["tracks"][0]["devices"][0]
    assert device["tool"] == {"id": "magenta-ddsp-effect", "kind": "adapt", "how": "id"}
    assert "AI-capable tool present: magenta-ddsp-effect" in command(room, "status").stdout
    standing = json.loads(command(room, "status", "--json").stdout)
    assert standing["tools"][room.work.id.hex()][0]["places"] == 1


def test_tools_are_listed_and_explained(room: Room) -> None:
    own(room, NO)
    listed = json.loads(command(room, "tools", "list", "--kind", "no", "--json").stdout)
    assert {tool["kind"] for tool in listed["tools"]} == {"no"}
    assert [tool["id"] for tool in listed["tools"] if tool["own"]] == ["magenta-ddsp-effect"]
    assert command(room, "tools", "list", "--kind", "magic").returncode == 2
    (room.folder / "Song.rpp").write_bytes(project())
    told = command(room, "tools", "explain", str(room.folder / "Song.rpp")).stdout
    assert "your own row: only its reverb is used here" in told
    assert "proves no use of it" in told
    named = json.loads(command(room, "tools", "explain", "Studio One", "--json").stdout)
    assert [one["tool"]["id"] for one in named["found"]] == ["presonus-studio-one"]
    assert "udio" in named["near"]
    unknown = command(room, "tools", "explain", "Nothing Known")
    assert unknown.returncode == 0
    assert "not known, either way" in unknown.stdout


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def test_saves_with_signs_behind_them_are_replayed(keyed: Keyed) -> None:
    room = keyed.room
    for data in (project(""), project(), project(values=changed(2)), project(values=changed(30))):
        save(room, data)
    save(room, project(values=changed(30), volume="0.1"))
    assert tools(room) == ["tool.present", "tool.changed", "tool.burst"]
    with opened(room.home) as log, from_vault(log, keyed.keys) as source:
        verdicts = list(replay(log, room.work.id, set(), source))
    assert {one.state for one in verdicts} == {State.REPRODUCED}
    assert not [one for one in verdicts if one.action.startswith("tool.")]
    # Rows change and are a user's own: the signs and classes that rest on them are not replayed.
    own(room, NO)
    with opened(room.home) as log, from_vault(log, keyed.keys) as source:
        assert {one.state for one in replay(log, room.work.id, set(), source)} == {State.REPRODUCED}


def test_a_folder_that_is_called_like_a_tool_is_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Suno").mkdir()
    monkeypatch.chdir(tmp_path)
    found = explain(shipped_catalogue(), "Suno")
    assert [row.match.tool.id for row in found.rows] == ["suno"]
    assert explain(shipped_catalogue(), "x" * 5000 + "\0").rows == ()
