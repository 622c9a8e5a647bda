"""The service that watches all day: its files are what systemd and launchd read, and it runs."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.acts.room import Room, command, opens, wait_until
from tests.cli.transcript import environment

from stemproof.acts.home import Home
from stemproof.acts.service import install_service, is_running, plan_service, remove_service
from stemproof.errors import BadInput

PROGRAM = [sys.executable, "-m", "stemproof_cli"]
ODD = 'my "songs" 100% $HOME \\ disk'


def unit_words(content: bytes) -> list[str]:
    """Read ExecStart as systemd.service(5) says: quotes, backslashes, %% and $$."""
    [line] = re.findall(r"^ExecStart=(.*)$", content.decode(), re.MULTILINE)
    words = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    assert " ".join(f'"{word}"' for word in words) == line
    plain = (word.replace("%%", "%").replace("$$", "$") for word in words)
    return [re.sub(r"\\(.)", r"\1", word) for word in plain]


def test_a_unit_names_program_and_ledger_and_passes_systemds_own_check(tmp_path: Path) -> None:
    home = Home(tmp_path / ODD)
    service = plan_service("systemd", home, program=PROGRAM, folder=tmp_path)
    assert unit_words(service.content) == [*PROGRAM, "--home", str(home.path), "watch", "--no-ask"]
    if not shutil.which("systemd-analyze"):
        assert not os.environ.get("CI"), "systemd-analyze is wanted here"
        pytest.skip("systemd-analyze is not installed")
    service.path.write_bytes(service.content)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", str(service.path)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_property_list_names_program_and_ledger(tmp_path: Path) -> None:
    home = Home(tmp_path / ODD)
    service = plan_service("launchd", home, program=PROGRAM, folder=tmp_path)
    read = plistlib.loads(service.content)
    assert read["ProgramArguments"] == [*PROGRAM, "--home", str(home.path), "watch", "--no-ask"]
    assert (read["RunAtLoad"], read["KeepAlive"]) == (True, {"SuccessfulExit": False})
    assert service.path == tmp_path / f"{read['Label']}.plist"


@pytest.mark.parametrize("kind", ["systemd", "launchd"])
def test_two_ledgers_have_two_services(tmp_path: Path, kind: str) -> None:
    one, two = (
        plan_service(kind, Home(tmp_path / name), program=PROGRAM, folder=tmp_path)
        for name in ("a", "b")
    )
    assert one.path != two.path


@pytest.mark.parametrize("name", ["a\nExecStart=/bin/sh", "a\x00b", "a\x1bb"])
def test_a_path_that_could_write_lines_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="not printable"):
        plan_service("systemd", Home(tmp_path / name), program=PROGRAM, folder=tmp_path)


@pytest.mark.parametrize("kind", ["systemd", "launchd"])
def test_what_the_file_starts_is_a_watch_that_ends_when_told(room: Room, kind: str) -> None:
    folder = room.home.path.parent
    service = plan_service(kind, room.home, program=PROGRAM, folder=folder)
    words = (
        unit_words(service.content)
        if kind == "systemd"
        else plistlib.loads(service.content)["ProgramArguments"]
    )
    process = subprocess.Popen(
        words,
        env={"PATH": os.defpath, "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_until(lambda: opens(room) or process.poll() is not None)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, b"")
    assert room.actions() == ["watch.open", "watch.close"]


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a systemctl in front that writes down what it is told, and agrees."""
    programs = tmp_path / "programs"
    programs.mkdir()
    script = programs / "systemctl"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/told\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.defpath}")
    return tmp_path / "told"


def test_installing_starts_it_and_removing_stops_it(tmp_path: Path, manager: Path) -> None:
    folder = tmp_path / "systemd" / "user"
    service = plan_service("systemd", Home(tmp_path / "a"), program=PROGRAM, folder=folder)
    assert not is_running(service)
    assert install_service(service) is None
    assert service.path.read_bytes() == service.content
    assert is_running(service)
    assert remove_service(service)
    assert not service.path.exists()
    assert not remove_service(service)
    assert manager.read_text().splitlines() == [
        f"--user disable --now {service.name}",
        "--user daemon-reload",
        f"--user enable --now {service.name}",
        f"--user is-active --quiet {service.name}",
        f"--user disable --now {service.name}",
        "--user daemon-reload",
    ]


def test_the_command_installs_says_so_and_removes(room: Room) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("the unit is for systemd")
    units = room.home.path.parent / ".config" / "systemd" / "user"
    done = command(room, "watch", "--install")
    assert done.returncode == 0
    [unit] = units.iterdir()
    assert done.stdout.splitlines()[0] == f"installed {unit}"
    assert "service: " in command(room, "status").stdout
    assert command(room, "watch", "--uninstall").stdout == f"removed {unit}\n"
    assert command(room, "watch", "--uninstall").stdout == "there was no service\n"
    assert "service: " not in command(room, "status").stdout


def test_the_file_holds_no_secret(room: Room) -> None:
    environment(room.home.path.parent)
    service = plan_service("systemd", room.home, program=PROGRAM, folder=room.home.path)
    assert b"passphrase" not in service.content.lower()
    assert b"Environment" not in service.content
