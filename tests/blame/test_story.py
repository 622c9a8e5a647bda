"""From a prompt to a session that was edited by hand: blame and the log tell just that."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import Event, command, write_tone
from tests.blame.reaper import Item, project
from tests.prompts import upstreams
from tests.prompts.conftest import Running, running
from tests.prompts.test_proxy import CHAT, call
from tests.prompts.upstreams import Handler, provider

from stemproof.acts.blaming import Blame, blame_session
from stemproof.acts.blaming_text import blame_text
from stemproof.acts.choosing import derive_choices, settle_choices
from stemproof.acts.disclosed import from_vault
from stemproof.acts.home import now, opened
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.blame.listing import Item as Value

MINE = "and every word of this line is mine"


def save(keyed: Keyed, name: str, data: bytes) -> None:
    """Write a file into the song's folder, as a program does, with a watch on."""
    (keyed.room.folder / name).write_bytes(data)
    observed = keyed.room.look()
    assert observed.problems == []


def serve(data: bytes) -> upstreams.Reply:
    """Serve a sound."""

    def reply(handler: Handler, _body: bytes) -> None:
        handler.send(200, "audio/wav", data)

    return reply


def ask(proxy: Running) -> str:
    """Ask for words and for music, as an artist's programs do; give the words."""
    _, answer = call(proxy, "/openai/v1/chat/completions", {**CHAT, "n": 2})
    call(proxy, "/sunoapi/api/v1/generate", {"prompt": "rain, slow", "model": "V4"})
    for _ in range(2):
        call(proxy, "/sunoapi/api/v1/generate/record-info?taskId=job-5c79", method="GET")
    passed = proxy.finish()
    assert (passed.requests, passed.results, passed.lost) == (2, 4, 0)
    return str(json.loads(answer)["choices"][0]["message"]["content"])


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Keyed:
    """The story for those who only read."""
    return tell(tmp_path_factory.mktemp("read"))


@pytest.fixture
def told(tmp_path: Path) -> Keyed:
    """The story for those who go on with it."""
    return tell(tmp_path)


def tell(tmp_path: Path) -> Keyed:
    """A prompt, its results, a session that plays one, edits by hand: all of it recorded."""
    keyed = make_keyed(tmp_path)
    sounds = []
    save(keyed, "Song.rpp", project([]))
    with (
        pytest.MonkeyPatch.context() as patch,
        provider() as upstream,
        running(keyed, upstream.url) as proxy,
    ):
        for number, hertz in enumerate((330.0, 523.0)):
            write_tone(tmp_path / f"{number}.wav", hertz=hertz)
            sounds.append((tmp_path / f"{number}.wav").read_bytes())
            patch.setitem(upstreams.ROUTES, f"/cdn/{number}.mp3", serve(sounds[number]))
        words = ask(proxy)
    save(keyed, "rain.wav", sounds[0])
    save(keyed, "Song.rpp", project([Item("rain.wav", 0, 4)]))
    save(keyed, "Song.rpp", project([Item("rain.wav", 2, 4)], volume=0.5))
    (keyed.room.folder / "lyrics.txt").write_text(f"{words}\n{MINE}\n")
    return keyed


def blamed(keyed: Keyed) -> Blame:
    """Ask who set what of the session."""
    room = keyed.room
    data = (room.folder / "Song.rpp").read_bytes()
    with opened(room.home) as log, from_vault(log, keyed.keys) as kept:
        return blame_session(log, room.work, "Song.rpp", data, partial(kept, room.work.id))


def of(blame: Blame, thing: str, what: str) -> Value:
    """Find one value."""
    things = [one for track in blame.tracks for one in track.things if one.label.startswith(thing)]
    return next(item for one in things for item in one.items if item.what == what)


def derive(keyed: Keyed) -> int:
    """Derive choices, as the close of a session does, with the vault open."""
    room = keyed.room
    with opened(room.home) as log, from_vault(log, keyed.keys) as kept:
        return derive_choices(log, room.work, now(), partial(kept, room.work.id))


def choices(keyed: Keyed) -> list[Event]:
    return [
        event
        for event in keyed.room.events()
        if event.action in ("gen.keep", "gen.reject", "gen.modify")
    ]


def check_order(told: Keyed) -> None:
    """Check that the log tells the story in its order, in sentences."""
    with opened(told.room.home) as log:
        lines = newest_lines(log, Wanted(), 100)
    texts = [line.text for line in lines]
    wanted = [
        "Song.rpp: first seen",
        "asked openai (gpt-x) for text",
        "result 1 of call",
        "rain.wav: new audio",
        "Song: clip 'rain.wav' added",
        "Song: clip 'rain.wav' moved",
        "was taken up (the same bytes)",
        "was edited, 1 change",
    ]
    places = [next(n for n, text in enumerate(texts) if want in text) for want in wanted]
    assert places == sorted(places)


def test_blame_tells_the_machine_from_the_hand(read: Keyed) -> None:
    blame = blamed(read)
    assert blame.basis.how == "saves"
    sound = of(blame, "clip", "sound").origin
    assert (sound.class_, sound.how, sound.word) == (
        "ai_generated",
        "digest",
        "AI tool made it (reported)",
    )
    place = of(blame, "clip", "place").origin
    assert (place.class_, place.how, place.live) == ("human_with_tool", "decision", True)
    file = of(blame, "clip", "file").origin
    assert file.class_ == "human_with_tool"
    assert file.event is not None and place.event is not None and sound.event is not None
    assert sound.event < file.event < place.event
    volume = of(blame, "track", "volume")
    assert (volume.value, volume.origin.class_) == ("-6.02 dB", "human_with_tool")
    assert of(blame, "track", "name").origin.word == "here before the record began"
    ai = [item for t in blame.tracks for item in t.items if item.origin.class_.startswith("ai_")]
    assert [item.kind for item in ai] == ["sound"]


def test_of_the_words_those_of_the_machine_are_told_apart(read: Keyed) -> None:
    room = read.room
    with opened(room.home) as log, from_vault(log, read.keys) as kept:
        data = (room.folder / "lyrics.txt").read_bytes()
        found = blame_text(log, room.work, data, partial(kept, room.work.id))
    assert (found.outputs, found.compared) == (2, 2)
    assert [(part.text.strip(), part.origin.class_) for part in found.parts] == [
        ("take 0: Silver rain on a tin roof", "ai_generated"),
        (MINE, "unknown"),
    ]


def test_what_was_taken_up_and_each_edit_is_derived_once(told: Keyed) -> None:
    assert derive(told) == 4
    assert derive(told) == 0
    found = {(e.action, e.body["how"], e.body["path"]) for e in choices(told)}
    assert found == {
        ("gen.keep", "digest", "Song.rpp"),
        ("gen.modify", "digest", "Song.rpp"),
        ("gen.keep", "text", "lyrics.txt"),
        ("gen.modify", "text", "lyrics.txt"),
    }
    keep = next(e for e in choices(told) if e.body["how"] == "digest")
    assert keep.body["file"] == "rain.wav"
    assert len(keep.body["rests"]) == 2
    save(told, "Song.rpp", project([Item("rain.wav", 2, 3)], volume=0.5))
    assert derive(told) == 1
    last = choices(told)[-1]
    assert (last.action, last.body["count"]) == ("gen.modify", 1)
    check_order(told)


def test_a_claim_settles_what_was_not_taken_up(told: Keyed) -> None:
    room = told.room
    with opened(room.home) as log:
        settle_choices(log, told.keys, room.work, now())
        assert settle_choices(log, told.keys, room.work, now()) == 0
    results = {e.body["sha256"] for e in room.events() if e.action == "gen.result"}
    rejected = [e for e in choices(told) if e.action == "gen.reject"]
    kept = {e.body["sha256"] for e in choices(told) if e.action == "gen.keep"}
    assert {e.body["sha256"] for e in rejected} == results - kept
    assert len(rejected) == 2


def test_without_the_vault_the_sound_is_told_and_of_the_words_nothing(told: Keyed) -> None:
    room = told.room
    with opened(room.home) as log:
        derive_choices(log, room.work, now())
    assert {(e.action, e.body["how"]) for e in choices(told)} == {
        ("gen.keep", "digest"),
        ("gen.modify", "digest"),
    }


def test_the_command_says_the_same_without_a_passphrase(read: Keyed) -> None:
    path = read.room.folder / "Song.rpp"
    done = command(read.room, "blame", str(path), "--decisions")
    assert (done.returncode, done.stderr) == (0, "")
    assert "AI tool made it (reported)" in done.stdout
    assert "No AI tool observed is no proof that none was used." in done.stdout
    done = command(read.room, "blame", str(path), "--decisions", "--json")
    (session,) = json.loads(done.stdout)["sessions"]
    assert session["basis"]["how"] == "saves and decisions"
    counts = session["counts"]
    assert counts["AI tool made it (reported)"] == 1
    assert sum(counts.values()) == sum(
        len(thing["items"]) for track in session["tracks"] for thing in track["objects"]
    )
