"""What `status` says, and that it names the command for what a person must do."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from tests.acts.room import Room, running_watch, write_tone

from stemproof.acts.backing import BACKUP_SETTING
from stemproof.acts.home import now, opened
from stemproof.acts.keeping import WORDS_SETTING
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.acts.standing import Standing, look_at, tell_age
from stemproof.acts.unreadable import reason_in
from stemproof.acts.works import set_paused
from stemproof.record.event import format_time
from stemproof.testnet.song import write_step


def commands(standing: Standing) -> list[str]:
    return [need.command for need in standing.needs()]


def settle(room: Room, **settings: str) -> None:
    with opened(room.home) as log:
        for name, value in settings.items():
            log.put_setting(name, value)


def test_a_new_ledger_wants_words_backup_watch_and_anchor(room: Room) -> None:
    standing = look_at(room.home)
    assert commands(standing) == [
        "stemproof key backup",
        "stemproof backup FILE",
        "stemproof watch",
        "stemproof anchor",
    ]
    assert standing.rows() == [("Small Hours", "1", "0", "not watched", str(room.folder))]


def test_what_is_done_is_not_asked_for_again(room: Room) -> None:
    settle(room, **{WORDS_SETTING: format_time(now()), BACKUP_SETTING: format_time(now())})
    assert commands(look_at(room.home)) == ["stemproof watch", "stemproof anchor"]


def test_an_old_backup_is_asked_for_with_its_age(room: Room) -> None:
    settle(room, **{BACKUP_SETTING: format_time(now() - timedelta(days=9))})
    standing = look_at(room.home)
    assert "stemproof backup FILE" in commands(standing)
    assert "last backup: 9 days ago" in standing.lines()


def test_a_running_watch_is_seen_and_not_asked_for(room: Room) -> None:
    with running_watch(room):
        standing = look_at(room.home)
    assert standing.rows()[0][3] == "recording"
    assert "stemproof watch" not in commands(standing)
    assert standing.lines()[0] == "watch: running"


def test_a_paused_work_can_be_resumed_by_the_command_shown(room: Room) -> None:
    with opened(room.home) as log:
        set_paused(log, [room.work], True)
    standing = look_at(room.home)
    assert standing.rows()[0][3] == "paused"
    assert "stemproof resume 'Small Hours'" in commands(standing)


def test_a_folder_that_is_gone_is_asked_for(room: Room) -> None:
    room.folder.rmdir()
    standing = look_at(room.home)
    assert standing.rows()[0][3] == "folder gone"
    assert "stemproof work move 'Small Hours' DIR" in commands(standing)


def test_files_that_cannot_be_read_are_listed_until_they_can(room: Room) -> None:
    (room.folder / "take.wav").write_bytes(b"nothing")
    room.look()
    lines = look_at(room.home).lines()
    assert any(line.startswith("unreadable in 'Small Hours': take.wav: ") for line in lines)
    write_tone(room.folder / "take.wav")
    room.look()
    assert not any("unreadable" in line for line in look_at(room.home).lines())


def test_the_name_of_a_file_that_cannot_be_read_is_said_once(room: Room) -> None:
    (room.folder / "song.als").write_bytes(b"no set")
    observed = room.look()
    (line,) = (x for x in look_at(room.home).lines() if x.startswith("unreadable"))
    with opened(room.home) as log:
        (shown,) = (x.text for x in newest_lines(log, Wanted(), 9) if "cannot be read" in x.text)
    for text in (line, shown, reason_in(observed.problems[0])):
        assert text.count("song.als") == 1
    assert reason_in("a: b") == "a: b"
    assert reason_in("no file at all") == "no file at all"


def test_what_an_earlier_log_left_without_a_timestamp_is_told_and_not_asked_for(
    room: Room,
) -> None:
    write_step(room.folder, 1)
    room.look()
    with opened(room.home) as log:
        log.begin(f"stemproof/{'1' * 32}/{'3' * 32}")
    standing = look_at(room.home)
    (one,) = standing.works
    assert (one.loose, one.left) == (0, one.events)
    assert not any("timestamped" in need.text for need in standing.needs())
    told = f"without a timestamp in an earlier log: {one.events} events of 'Small Hours'; "
    assert any(line.startswith(told) for line in standing.lines())


def test_a_copied_ledger_says_so_first(room: Room) -> None:
    (room.home.path / "device.json").unlink()
    standing = look_at(room.home)
    assert standing.copied is not None
    assert commands(standing)[0] == "stemproof key new-device"
    assert "stemproof watch" not in commands(standing)


def test_the_document_says_what_the_lines_say(room: Room) -> None:
    write_step(room.folder, 1)
    room.look()
    standing = look_at(room.home)
    document = json.loads(json.dumps(standing.as_json()))
    assert document["v"] == 0
    assert document["works"][0]["events"] == len(room.events())
    assert document["works"][0]["last_change"] == room.work.last_change
    assert [need["command"] for need in document["needs"]] == commands(standing)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "in the future by this computer's clock"),
        (0, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86400, "1 day ago"),
        (86400 * 40, "40 days ago"),
    ],
)
def test_ages_are_told_as_people_do(seconds: int, told: str) -> None:
    assert tell_age(timedelta(seconds=seconds)) == told


def test_status_loads_nothing_heavy() -> None:
    program = "import sys, stemproof.acts.standing; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = "web3 eth_account numpy lxml acoustid ipfshttpclient pyrage keyring watchdog"
    assert loaded & set(heavy.split()) == set()
