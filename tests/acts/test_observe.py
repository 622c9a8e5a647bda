"""What a look at a folder records: saves, decisions, audio, and what became of files."""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.acts.room import Room, is_refused, make_room, write_tone

from stemproof.acts.home import now, opened
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.acts.unreadable import read_unreadable
from stemproof.record.vocabulary import ACTIONS
from stemproof.testnet.song import write_step

SITTING = "session.open"
LMMS = Path(__file__).parents[1] / "capture" / "fixtures" / "lmms"


def rewrite(path: Path, content: bytes) -> None:
    """Save anew, with a time of its own even on a coarse clock."""
    path.write_bytes(content)
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))


def step_bytes(tmp_path: Path, step: int) -> bytes:
    return write_step(tmp_path / "elsewhere", step)[0].read_bytes()


def test_a_first_save_opens_a_sitting_and_is_found(room: Room) -> None:
    write_step(room.folder, 1)
    observed = room.look()
    assert room.actions() == [SITTING, "session.found"]
    assert observed.lines == ["Song.mmp: first seen, 4 tracks"]


def test_a_save_holds_its_decisions_in_the_sitting(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    write_step(room.folder, 4)
    observed = room.look()
    save = room.last("session.saved")
    decided = [event for event in room.events() if event.action.startswith("decision.")]
    assert save.body["decisions"] == len(decided) == observed.decisions > 10
    assert {event.header.session for event in [save, *decided]} == {save.header.session}
    assert room.actions().count(SITTING) == 1


def test_a_save_commits_to_the_bytes_before_and_after(room: Room) -> None:
    first = write_step(room.folder, 1)[0].read_bytes()
    room.look()
    second = write_step(room.folder, 2)[0].read_bytes()
    room.look()
    fields = room.last("session.saved").fields
    assert fields["before"] == sha256(first).digest()
    assert fields["after"] == sha256(second).digest()


@pytest.mark.parametrize(
    ("live", "action", "classes", "actor"),
    [
        (True, "session.saved", {"human_with_tool"}, "author"),
        (False, "session.jumped", {"unknown"}, "unknown"),
    ],
)
def test_only_what_was_watched_has_a_class(
    room: Room, live: bool, action: str, classes: set[str], actor: str
) -> None:
    write_step(room.folder, 1)
    room.look()
    write_step(room.folder, 2)
    room.look(live=live)
    decided = [e.header for e in room.events() if e.action.startswith("decision.")]
    assert room.last(action).body["live"] is live
    assert {header.class_ for header in decided} == classes
    assert {header.actor for header in decided} == {actor}


def test_a_file_that_was_brought_with_an_old_time_is_not_live(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    [path] = write_step(room.folder, 2)
    os.utime(path, (time.time() - 3600, time.time() - 3600))
    room.look()
    assert "session.saved" not in room.actions()
    assert room.last("session.jumped").body["live"] is False


@pytest.mark.parametrize(("ahead_s", "action"), [(7200, "session.jumped"), (200, "session.saved")])
def test_a_file_time_in_the_future_is_live_only_within_what_clocks_differ(
    room: Room, ahead_s: int, action: str
) -> None:
    write_step(room.folder, 1)
    room.look()
    [path] = write_step(room.folder, 2)
    os.utime(path, (time.time() + ahead_s, time.time() + ahead_s))
    room.look()
    assert room.last(action).body["live"] is (action == "session.saved")


def test_looking_again_records_nothing(room: Room) -> None:
    write_step(room.folder, 1)
    write_tone(room.folder / "take.wav")
    room.look()
    before = room.actions()
    observed = room.look()
    assert (room.actions(), observed.lines, observed.problems) == (before, [], [])


def test_touching_files_records_nothing(room: Room) -> None:
    [path] = write_step(room.folder, 1)
    write_tone(room.folder / "take.wav")
    room.look()
    before = room.actions()
    for touched in (path, room.folder / "take.wav"):
        os.utime(touched, (1, 1))
    room.look()
    assert room.actions() == before


def test_a_save_without_a_decision_is_still_a_save(room: Room) -> None:
    content = write_step(room.folder, 1)[0].read_bytes()
    room.look()
    rewrite(room.folder / "Song.mmp", content.replace(b"?>", b"?>\n"))
    observed = room.look()
    assert room.last("session.saved").body["decisions"] == 0
    assert observed.lines == ["Song.mmp: saved, no decision in it"]


def test_a_renamed_session_moved_and_goes_on(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    (room.folder / "old").mkdir()
    (room.folder / "Song.mmp").rename(room.folder / "old" / "Other.mmp")
    room.look()
    assert room.actions() == [SITTING, "session.found", "session.moved"]
    assert room.last("session.moved").body["from"] == "Song.mmp"
    rewrite(room.folder / "old" / "Other.mmp", step_bytes(room.folder.parent, 2))
    room.look()
    assert "continues" not in room.last("session.saved").body


def test_a_renamed_audio_file_is_not_decoded_again(room: Room) -> None:
    write_tone(room.folder / "take.wav")
    room.look()
    (room.folder / "take.wav").rename(room.folder / "verse.wav")
    room.look()
    assert room.actions() == [SITTING, "audio.appeared", "audio.moved"]
    assert room.last("audio.moved").body["path"] == "verse.wav"


def test_a_copy_is_no_save_and_goes_on_by_itself(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    shutil.copyfile(room.folder / "Song.mmp", room.folder / "Idea.mmp")
    room.look()
    assert room.last("session.copied").body["from"] == "Song.mmp"
    rewrite(room.folder / "Idea.mmp", step_bytes(room.folder.parent, 2))
    room.look()
    save = room.last("session.saved")
    assert save.body["path"] == "Idea.mmp"
    assert save.body["decisions"] > 0


@pytest.mark.parametrize("name", ["Song_v2.mmp", "Song 2.mmp", "Song-final.mmp", "New name.mmp"])
def test_save_as_goes_on_from_the_save_before(room: Room, name: str) -> None:
    write_step(room.folder, 1)
    room.look()
    (room.folder / name).write_bytes(step_bytes(room.folder.parent, 2))
    room.look()
    save = room.last("session.saved")
    assert save.body["continues"] == "Song.mmp"
    assert 0 < save.body["decisions"] < 15


def test_the_packed_form_goes_on_from_the_plain_one(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    plain = step_bytes(room.folder.parent, 2)
    packed = len(plain).to_bytes(4, "big") + zlib.compress(plain)
    (room.folder / "Song.mmpz").write_bytes(packed)
    room.look()
    assert room.last("session.saved").body["continues"] == "Song.mmp"


def test_another_program_begins_anew(room: Room) -> None:
    write_step(room.folder, 1)
    write_step(room.folder, 6)
    room.look()
    assert Counter(room.actions())["session.found"] == 2


def test_another_song_in_the_folder_begins_anew(room: Room) -> None:
    [path] = write_step(room.folder, 6)
    room.look()
    other = path.read_bytes()
    for name in (b"Drums", b"Bass", b"Lead", b"drums", b"bass", b"lead"):
        other = other.replace(name, b"x" + name[::-1])
    (room.folder / "Waltz.rpp").write_bytes(other)
    room.look()
    assert "continues" not in room.last("session.found").body


def test_a_deleted_file_is_gone_once_and_may_return(room: Room) -> None:
    content = write_step(room.folder, 1)[0].read_bytes()
    write_step(room.folder, 6)
    room.look()
    (room.folder / "Song.mmp").unlink()
    room.look()
    room.look()
    (room.folder / "Song.mmp").write_bytes(content)
    room.look()
    assert room.actions()[-2:] == ["session.gone", "session.returned"]


def test_what_changed_while_it_was_gone_is_not_live(room: Room) -> None:
    write_step(room.folder, 1)
    write_step(room.folder, 6)
    room.look()
    (room.folder / "Song.mmp").unlink()
    room.look()
    write_step(room.folder, 2)
    room.look()
    assert room.actions().count("session.jumped") == 1
    assert room.last("session.jumped").body["decisions"] > 0


def test_an_empty_mount_point_is_not_taken_for_deleted_files(room: Room) -> None:
    write_step(room.folder, 1)
    write_step(room.folder, 6)
    room.look()
    before = room.actions()
    for path in room.folder.iterdir():
        path.unlink()
    observed = room.look()
    assert room.actions() == before
    assert "unplugged" in observed.problems[0]


def test_half_a_session_is_unreadable_once_and_then_goes_on(room: Room) -> None:
    first = write_step(room.folder, 1)[0].read_bytes()
    room.look()
    whole = step_bytes(room.folder.parent, 2)
    rewrite(room.folder / "Song.mmp", whole[:3000])
    room.look()
    os.utime(room.folder / "Song.mmp")
    observed = room.look()
    assert observed.problems == []
    with opened(room.home) as log:
        assert list(read_unreadable(log, room.work.id)) == ["Song.mmp"]
    rewrite(room.folder / "Song.mmp", whole)
    room.look()
    assert room.actions().count("session.unreadable") == 1
    save = room.last("session.saved")
    assert save.fields["before"] == sha256(first).digest()
    assert save.body["decisions"] > 0
    with opened(room.home) as log:
        assert read_unreadable(log, room.work.id) == {}


def test_what_is_no_audio_is_unreadable_once(room: Room) -> None:
    (room.folder / "take.wav").write_bytes(b"RIFF\x24\0\0\0WAVEnothing of the kind")
    observed = room.look()
    assert len(observed.problems) == 1
    for path in room.folder.iterdir():
        os.utime(path)
    room.look()
    assert room.actions().count("audio.unreadable") == 1


@pytest.mark.parametrize(("seconds", "hertz"), [(1.0, 440.0), (5.0, 0.0)])
def test_audio_that_cannot_be_told_apart_is_recorded_as_such(
    room: Room, seconds: float, hertz: float
) -> None:
    write_tone(room.folder / "take.wav", seconds=seconds, hertz=hertz)
    room.look()
    body = room.last("audio.appeared").body
    assert body["fingerprint"]["telling"] is False
    assert body["duration_ms"] == seconds * 1000


def test_an_audio_file_is_known_by_digest_cid_and_fingerprint(room: Room) -> None:
    path = room.folder / "stems" / "bass.wav"
    write_tone(path)
    observed = room.look()
    event = room.last("audio.appeared")
    assert event.fields["audio"] == sha256(path.read_bytes()).digest()
    assert event.fields["fingerprint"].hex() == event.body["fingerprint"]["digest"]
    assert event.body["cid"].startswith("bafk")
    assert event.body["fingerprint"]["telling"] is True
    assert observed.lines == ["stems/bass.wav: audio appeared, 0:04.0"]


def test_audio_that_is_bounced_again_changed(room: Room) -> None:
    write_tone(room.folder / "mix.wav")
    room.look()
    write_tone(room.folder / "mix.wav", hertz=330.0)
    room.look()
    assert room.actions()[-1] == "audio.changed"


def test_sessions_are_recorded_before_audio_that_is_older(room: Room) -> None:
    write_tone(room.folder / "mix.wav")
    os.utime(room.folder / "mix.wav", (1, 1))
    write_step(room.folder, 1)
    room.look()
    assert room.actions() == [SITTING, "session.found", "audio.appeared"]


def test_a_quiet_half_hour_closes_the_sitting(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    write_step(room.folder, 2)
    later = now() + timedelta(minutes=31)
    room.look(moment=later)
    assert [a for a in room.actions() if a.startswith("session.")] == [
        SITTING,
        "session.found",
        "session.close",
        SITTING,
        "session.jumped",
    ]


def test_a_clock_that_went_back_is_noted(room: Room) -> None:
    write_step(room.folder, 1)
    moment = now()
    room.look(moment=moment)
    [path] = write_step(room.folder, 2)
    back = moment - timedelta(hours=1)
    # Files get the time of the clock that was set, too.
    os.utime(path, (back.timestamp(),) * 2)
    room.look(moment=back)
    save = room.last("session.saved")
    assert save.body["clock_back_ms"] == 3_600_000
    assert room.actions().count(SITTING) == 1


def test_a_name_that_is_no_text_is_told_and_passed_by(room: Room) -> None:
    name = os.fsencode(room.folder) + b"/caf\xe9.wav"
    try:
        with open(name, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    observed = room.look()
    assert room.actions() == []
    assert "not Unicode" in observed.problems[0]


def test_every_action_that_is_recorded_is_in_the_vocabulary(room: Room) -> None:
    write_step(room.folder, 1)
    write_tone(room.folder / "take.wav")
    room.look()
    (room.folder / "take.wav").unlink()
    write_step(room.folder, 4)
    room.look()
    assert {a for a in room.actions() if not a.startswith("decision.")} <= ACTIONS


def test_five_thousand_files_are_looked_through_quickly(room: Room) -> None:
    (room.folder / "samples").mkdir()
    for number in range(5000):
        (room.folder / "samples" / f"{number}.txt").touch()
    write_step(room.folder, 1)
    room.look()
    began = time.monotonic()
    room.look()
    assert time.monotonic() - began < 2


def test_a_file_that_is_closed_to_us_is_recorded_when_it_opens(room: Room) -> None:
    [path] = write_step(room.folder, 1)
    if not is_refused(path):
        pytest.skip("this user may read everything")
    room.look()
    room.look()
    assert room.actions() == [SITTING, "session.unreadable"]
    path.chmod(0o600)
    room.look()
    assert room.actions()[-1] == "session.found"


def test_what_lies_in_a_closed_folder_is_not_gone(room: Room) -> None:
    write_tone(room.folder / "stems" / "bass.wav")
    write_step(room.folder, 1)
    room.look()
    before = room.actions()
    try:
        if not is_refused(room.folder / "stems"):
            pytest.skip("this user may read everything")
        observed = room.look()
    finally:
        (room.folder / "stems").chmod(0o700)
    assert room.actions() == before
    assert observed.problems == ["the folder stems cannot be read"]


NAMES = ("a.mmp", "b.mmp", "c/d.mmp", "e.mmp")
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("save"), st.sampled_from(NAMES), st.integers(1, 4)),
        st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("copy"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.tuples(st.just("drop"), st.sampled_from(NAMES), st.just(0)),
        st.tuples(st.just("break"), st.sampled_from(NAMES), st.just(0)),
        st.tuples(st.just("look"), st.just(""), st.just(0)),
    ),
    max_size=14,
)


@given(deeds=DEEDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_record_tells_which_files_there_are(
    deeds: list[tuple[str, str, str | int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    room = make_room(tmp_path_factory.mktemp("room"))
    saves = [step_bytes(room.folder.parent, step) for step in (1, 2, 3, 4)]
    # Never empty: an empty folder is taken for a disk that was unplugged.
    rewrite(room.folder / "always.rpp", step_bytes(room.folder.parent, 6))
    for verb, name, other in deeds:
        _do(room, verb, name, other, saves)
    room.look()
    there = {
        path.relative_to(room.folder).as_posix()
        for path in room.folder.rglob("*")
        if path.is_file()
    }
    assert _present_by(room) == there


def _do(room: Room, verb: str, name: str, other: str | int, saves: list[bytes]) -> None:
    path = room.folder / name
    path.parent.mkdir(exist_ok=True)
    if verb == "look":
        room.look()
    elif verb == "save" and isinstance(other, int):
        rewrite(path, saves[other - 1])
    elif verb == "break":
        rewrite(path, b"half")
    elif path.exists() and verb == "drop":
        path.unlink()
    elif path.exists() and isinstance(other, str) and other != name:
        target = room.folder / other
        target.parent.mkdir(exist_ok=True)
        if verb == "move":
            path.rename(target)
        else:
            shutil.copyfile(path, target)


def _present_by(room: Room) -> set[str]:
    present: set[str] = set()
    for event in room.events():
        path = event.body.get("path")
        if path is None:
            continue
        if event.action.endswith(".gone"):
            present.discard(path)
            continue
        present.add(path)
        if event.action.endswith(".moved"):
            present.discard(event.body["from"])
    return present


def test_an_audio_file_that_is_still_empty_is_waited_for_in_silence(room: Room) -> None:
    bounce = room.folder / "bounce.wav"
    bounce.touch()
    observed = room.look()
    assert (observed.problems, observed.audio) == ([], 0)
    write_tone(bounce)
    observed = room.look()
    assert (observed.problems, observed.audio) == ([], 1)


def test_an_audio_file_that_was_emptied_is_an_event_once(room: Room) -> None:
    bounce = room.folder / "bounce.wav"
    write_tone(bounce)
    room.look()
    bounce.write_bytes(b"")
    (problem,) = room.look().problems
    assert problem.startswith("bounce.wav: ")
    bounce.touch()
    assert room.look().problems == []
    event = room.last("audio.unreadable")
    assert (event.body["path"], event.body["bytes"]) == ("bounce.wav", 0)
    write_tone(bounce)
    assert room.look().audio == 1
    assert room.actions().count("audio.unreadable") == 1


def test_a_mixer_that_nobody_touched_is_counted_apart(room: Room) -> None:
    song = (LMMS / "tempo" / "before.mmp").read_text()
    fresh = "".join(
        f'<fxchannel num="{n}" name="FX {n}" volume="1" muted="0">'
        '<fxchain numofeffects="0" enabled="0"/></fxchannel>'
        for n in range(2, 10)
    )
    (room.folder / "Song.mmp").write_text(song.replace("</fxmixer>", f"{fresh}</fxmixer>"))
    observed = room.look()
    found = room.last("session.found").body
    assert found["unused"] >= 8
    used = found["tracks"] - found["unused"]
    assert observed.lines == [f"Song.mmp: first seen, {used} tracks"]
    with opened(room.home) as log:
        assert newest_lines(log, Wanted(), 1)[0].text == observed.lines[0]
