"""The question why: asked of a bounce that was seen, answered in a line, never waited for."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from tests.acts.room import Room, command, opens, wait_until, write_tone
from tests.cli.typed import at_terminal

from stemproof.acts.asking import (
    Occasion,
    is_asking,
    is_bounce,
    occasions_after,
    say_why,
    set_asking,
    wordless,
)
from stemproof.acts.home import now, opened
from stemproof.acts.said import say_note
from stemproof.errors import BadInput, Usage
from stemproof.record.event import leaf_hash


@pytest.mark.parametrize(
    ("path", "duration_ms", "answer"),
    [
        ("export/Mix.wav", 180_000, True),
        ("Mix.wav", 1000, True),
        ("click.wav", 999, False),
        ("interchange/Song/audiofiles/take.wav", 9000, False),
        ("Samples/Recorded/0001.wav", 9000, False),
        ("Song.logicx/Media/Audio Files/take.aif", 9000, False),
        ("Samples.wav", 9000, True),
    ],
)
def test_takes_and_clicks_are_no_bounces(path: str, duration_ms: int, answer: bool) -> None:
    assert is_bounce(path, duration_ms) is answer


def bounced(room: Room, name: str = "Mix.wav") -> Occasion:
    write_tone(room.folder / "export" / name, hertz=200.0 + 10 * len(name))
    room.look()
    with opened(room.home) as log:
        return occasions_after(log, -1)[0][-1]


def test_a_word_is_declared_and_linked_to_the_bounce(room: Room) -> None:
    occasion = bounced(room)
    with opened(room.home) as log:
        number = say_why(log, occasion, "  brighter,\nfor the radio ", now())
        entry, bounce = log.entry(number), log.entry(occasion.event)
    assert entry is not None
    assert bounce is not None
    note = room.last("note.said")
    assert note.body["text"] == "brighter, for the radio"
    assert note.body["about"] == {
        "leaf": leaf_hash(bounce.header).hex(),
        "work_seq": bounce.work_seq,
    }
    assert (note.header.observed, note.header.actor) == ("declared", "author")
    assert 0 <= note.body["after_ms"] < 60_000


def test_a_word_comes_while_it_is_fresh(room: Room) -> None:
    occasion = bounced(room)
    with opened(room.home) as log:
        for wrong in (timedelta(minutes=11), timedelta(seconds=-5)):
            with pytest.raises(BadInput, match="too long ago"):
                say_why(log, occasion, "late", occasion.moment + wrong)
        for text in ("", "   ", "a" * 10_001, "\udc80"):
            with pytest.raises(Usage):
                say_why(log, occasion, text, now())
    assert "note.said" not in room.actions()


def test_what_was_not_seen_live_is_not_asked_about(room: Room) -> None:
    write_tone(room.folder / "export" / "Mix.wav")
    room.look(live=False)
    with opened(room.home) as log:
        assert occasions_after(log, -1)[0] == []


def test_bounces_without_a_word_are_counted_until_there_is_one(room: Room) -> None:
    bounced(room, "a.wav")
    bounced(room, "bb.wav")
    with opened(room.home) as log:
        assert wordless(log) == {room.work.id: 2}
    assert "2 bounces of 'Small Hours' without a word" in command(room, "status").stdout
    with opened(room.home) as log:
        say_note(log, room.work, "both are drafts", None, now())
        assert wordless(log) == {}


def test_the_setting_holds(room: Room) -> None:
    with opened(room.home) as log:
        assert is_asking(log)
        set_asking(log, False)
        assert not is_asking(log)
        set_asking(log, True)
        assert is_asking(log)


def bounce_once_watched(room: Room) -> threading.Thread:
    def run() -> None:
        wait_until(lambda: opens(room), seconds=40)
        write_tone(room.folder / "export" / "Mix.wav")

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_at_a_terminal_one_key_and_one_line_answer(room: Room) -> None:
    thread = bounce_once_watched(room)
    answer = at_terminal(
        room.home.path,
        "watch",
        "--for",
        "10",
        types=[
            ("why? w to say it", "w"),
            # Asked for the line, it says again of which file.
            ("ask\r\nbounce export/Mix.wav: why? ", "for the radio"),
        ],
    )
    thread.join()
    assert room.last("note.said").body["text"] == "for the radio"
    assert "bounce export/Mix.wav: noted as event " in answer.out
    assert room.actions()[-1] == "watch.close"


def test_who_does_not_want_to_be_asked_is_not_asked_again(room: Room, tmp_path: Path) -> None:
    thread = bounce_once_watched(room)
    at_terminal(room.home.path, "watch", "--for", "8", types=[("why? w to say it", "n")])
    thread.join()
    with opened(room.home) as log:
        assert not is_asking(log)
    answer = at_terminal(room.home.path, "watch", "--for", "1", types=[])
    assert "why?" not in answer.out
