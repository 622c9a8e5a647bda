"""The scripts themselves: REAPER's in a real Lua, Live's in this Python, Ardour's in Ardour."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from tests.acts.room import Room, command

from stemproof.acts.spool import Told, parse_told
from stemproof.daws.scripts import find_script, format_script, install_script, remove_script
from stemproof.errors import BadInput, Usage

HERE = Path(__file__).parent
ODD = 'sp"ool\\ [[x]] %d Ünï'


def lines(spool: Path) -> list[Told]:
    """Read what scripts wrote, by the reader that the watch uses."""
    found = []
    for path in sorted(spool.glob("*.jsonl")):
        assert path.read_bytes().endswith(b"\n")
        found += [parse_told(one) for one in path.read_bytes().splitlines()]
    return found


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A spool in a folder with an odd name."""
    folder = tmp_path / ODD
    folder.mkdir()
    return folder


def lua(version: str) -> Any:  # Any: lupa has no types
    module = pytest.importorskip(f"lupa.{version}")
    return module.LuaRuntime(unpack_returned_tuples=True, encoding="utf-8")


@pytest.fixture(params=["lua53", "lua54"])
def reaper(request: pytest.FixtureRequest, spool: Path) -> Any:
    """REAPER's script running over a fake of its API."""
    runtime = lua(request.param)
    runtime.execute((HERE / "fake_reaper.lua").read_text())
    runtime.execute("add_track('Vox', '{V}')")
    runtime.execute(format_script(find_script("reaper"), spool).decode())
    runtime.execute("pass(1)")
    return runtime


def test_reaper_tells_a_fader_once_when_it_rests(reaper: Any, spool: Path) -> None:
    for step in range(10):
        volume = 1 - step / 20
        reaper.execute(f"project.tracks[1].D_VOL={volume}; project.changes=project.changes+1")
        reaper.execute("pass(0.6)")
    assert lines(spool) == []
    reaper.execute("pass(3)")
    [one] = lines(spool)
    assert (one.what, one.track, one.object_id, one.before, one.after) == (
        "track.volume",
        "Vox",
        "{V}",
        "0.0 dB",
        "-5.2 dB",
    )
    assert one.text == "Vox: volume 0.0 dB -> -5.2 dB"
    assert one.project == "/songs/Song.rpp"


def test_reaper_tells_what_comes_and_goes(reaper: Any, spool: Path) -> None:
    reaper.execute(
        "local t=add_track('Gitarre \"Ü\"\\n\\27', '{G}'); t.effects[1]="
        "{name='VST: ReaEQ',guid='{E}',enabled=true}; pass(3)"
    )
    reaper.execute(
        "project.tracks[2].effects[1].enabled=false; project.tempo=121.5;"
        "project.changes=project.changes+1; pass(3)"
    )
    reaper.execute("table.remove(project.tracks,1); project.changes=project.changes+1; pass(3)")
    told = lines(spool)
    assert [one.what for one in told] == [
        "track.added",
        "device.added",
        "device.enabled",
        "session.tempo",
        "track.removed",
    ]
    assert [one.n for one in told] == [1, 2, 3, 4, 5]
    assert told[0].track == 'Gitarre "Ü"\n\x1b'
    assert told[3].text == "Session: tempo 120.000 bpm -> 121.500 bpm"
    assert len({one.run for one in told}) == 1


def test_reaper_tells_the_name_of_what_it_has_no_word_for(reaper: Any, spool: Path) -> None:
    reaper.execute("project.undo='Split items'; project.changes=project.changes+1; pass(3)")
    [one] = lines(spool)
    assert (one.what, one.text) == ("session.action", "Split items")


def test_another_project_in_reaper_is_no_decision(reaper: Any, spool: Path) -> None:
    reaper.execute("project.path='/songs/Other.rpp'; add_track('New','{N}'); pass(3)")
    reaper.execute("project.path=''; add_track('Unsaved','{U}'); pass(3)")
    reaper.execute("project.tracks[1].D_PAN=1; project.changes=project.changes+1; pass(3)")
    assert lines(spool) == []


def test_reaper_stops_writing_into_a_file_that_nobody_takes(reaper: Any, spool: Path) -> None:
    reaper.execute("project.tracks[1].D_PAN=1; project.changes=project.changes+1; pass(3)")
    [path] = spool.iterdir()
    path.write_bytes(path.read_bytes() * 5000)
    size = path.stat().st_size
    reaper.execute("project.tracks[1].D_PAN=0; project.changes=project.changes+1; pass(3)")
    assert path.stat().st_size == size
    path.unlink()
    reaper.execute("project.tracks[1].D_PAN=1; project.changes=project.changes+1; pass(3)")
    assert [one.n for one in lines(spool)] == [3]


def test_a_missing_spool_stops_no_program(reaper: Any, spool: Path) -> None:
    shutil.rmtree(spool)
    reaper.execute("project.tracks[1].D_PAN=1; project.changes=project.changes+1; pass(3)")
    spool.mkdir()
    reaper.execute("project.tracks[1].D_PAN=0; project.changes=project.changes+1; pass(3)")
    assert [one.n for one in lines(spool)] == [2]


def test_long_names_are_cut_between_characters(reaper: Any, spool: Path) -> None:
    reaper.execute(f"add_track('{'Ü' * 400}', '{{L}}'); pass(3)")
    [one] = lines(spool)
    assert set(one.after) == {"Ü"}


class ControlSurface:
    """As much of Live's class as the script uses."""

    def __init__(self, c_instance: Any) -> None:
        self._c_instance = c_instance

    def song(self) -> Any:
        return self._c_instance.song

    def update_display(self) -> None: ...


class Parameter:
    def __init__(self, value: float) -> None:
        self.value = value

    def str_for_value(self, value: float) -> str:
        return f"{value:.1f} dB"


def live_track(name: str, number: int) -> Any:
    mixer = types.SimpleNamespace(volume=Parameter(0.0), panning=Parameter(0.0))
    return types.SimpleNamespace(
        name=name, mixer_device=mixer, mute=False, solo=False, devices=[], _live_ptr=number
    )


@pytest.fixture
def live(spool: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Live's script over a fake set, with a clock that the test moves."""
    framework, module = types.ModuleType("_Framework"), types.ModuleType("cs")
    module.ControlSurface = ControlSurface  # type: ignore[attr-defined] # a module of our own
    monkeypatch.setitem(sys.modules, "_Framework", framework)
    monkeypatch.setitem(sys.modules, "_Framework.ControlSurface", module)
    names: dict[str, Any] = {}
    exec(compile(format_script(find_script("live"), spool), "live", "exec"), names)  # noqa: S102 - the script
    song = types.SimpleNamespace(
        tempo=120.0,
        tracks=[live_track("Vox", 1)],
        return_tracks=[],
        master_track=live_track("Main", 9),
        file_path="/songs/Set.als",
    )
    surface = names["create_instance"](types.SimpleNamespace(song=song))
    clock = types.SimpleNamespace(now=1000.0)
    names["time"] = types.SimpleNamespace(
        time=lambda: clock.now,
        gmtime=lambda: (2026, 11, 22, 12, 0, 0, 6, 326, 0),
        strftime=__import__("time").strftime,
    )

    def wait(seconds: int) -> None:
        for _ in range(10 * seconds):
            clock.now += 0.1
            surface.update_display()

    wait(3)
    return types.SimpleNamespace(song=song, wait=wait, surface=surface)


def test_live_tells_what_came_to_rest(live: Any, spool: Path) -> None:
    for step in range(5):
        live.song.tracks[0].mixer_device.volume.value = -float(step)
        live.wait(1)
    assert lines(spool) == []
    live.wait(4)
    [one] = lines(spool)
    assert (one.what, one.text) == ("track.volume", "Vox: volume 0.0 dB -> -4.0 dB")
    assert (one.project, one.time) == ("/songs/Set.als", "2026-11-22T12:00:00Z")


def test_live_tells_tracks_devices_and_tempo(live: Any, spool: Path) -> None:
    new = live_track("Gitarre Ü", 2)
    new.devices.append(types.SimpleNamespace(name="EQ Eight", is_active=True, _live_ptr=3))
    live.song.tracks.append(new)
    live.wait(4)
    new.devices[0].is_active = False
    live.song.tempo = 121.5
    live.wait(4)
    live.song.tracks.remove(new)
    live.wait(4)
    assert [one.what for one in lines(spool)] == [
        "track.added",
        "device.added",
        "device.enabled",
        "session.tempo",
        "track.removed",
        "device.removed",
    ]


def test_another_set_in_live_is_no_decision(live: Any, spool: Path) -> None:
    live.song.file_path = "/songs/Other.als"
    live.song.tracks.append(live_track("New", 7))
    live.wait(5)
    assert lines(spool) == []


def test_what_live_takes_away_while_it_is_looked_at_stops_nothing(live: Any, spool: Path) -> None:
    track = live.song.tracks[0]
    del track.mixer_device.volume
    live.wait(3)
    track.mixer_device.volume = Parameter(-6.0)
    live.wait(5)
    assert [one.text for one in lines(spool)] == ["Vox: volume 0.0 dB -> -6.0 dB"]


DRIVER = """
-- What Ardour does with a hook, in its own Lua: signals, then the function that was handed over.
LuaSignal = { LuaTimerS = 1, Exported = 2, Set = function()
  return { add = function(self, wanted) self.wanted = wanted return self end } end }
ardour = function(_) end
AudioEngine:set_backend("None (Dummy)", "", "")
Session = create_session("%(folder)s/Song", "Song", 48000)
assert(Session)
Session:new_audio_track(1, 2, nil, 1, "Vox", 0, ARDOUR.TrackMode.Normal, true)
dofile("%(script)s")
assert(signals().wanted[LuaSignal.LuaTimerS] and signals().wanted[LuaSignal.Exported])
-- Ardour keeps the bytes of the function alone.
local hook = load(string.dump(factory, true))()
local function tick(count) for _ = 1, count do hook(LuaSignal.LuaTimerS, nil) end end
tick(3)
local vox = Session:route_by_name("Vox")
vox:gain_control():set_value(0.5, PBD.GroupControlDisposition.NoGroup)
tick(3)
Session:new_audio_track(1, 2, nil, 1, "Bass", 1, ARDOUR.TrackMode.Normal, true)
tick(3)
vox:set_name("Lead")
tick(3)
local delay = ARDOUR.LuaAPI.new_plugin(Session, "urn:ardour:a-delay", ARDOUR.PluginType.LV2, "")
vox:add_processor_by_index(delay, 0, nil, true)
tick(3)
delay:deactivate()
tick(3)
vox:remove_processor(delay, nil, true)
tick(3)
hook(LuaSignal.Exported, nil, "session", "%(folder)s/Song/export/mix.wav")
close_session()
quit()
"""


def test_in_the_real_ardour_the_hook_tells_what_was_done(tmp_path: Path, spool: Path) -> None:
    program = shutil.which("ardour7-lua") or shutil.which("ardour8-lua")
    if program is None:
        assert not os.environ.get("CI"), "ardour7-lua is wanted here"
        pytest.skip("ardour7-lua is not installed")
    script = tmp_path / "hook.lua"
    script.write_bytes(format_script(find_script("ardour"), spool))
    driver = tmp_path / "driver.lua"
    driver.write_text(DRIVER % {"folder": tmp_path, "script": script})
    done = subprocess.run(
        [program, str(driver)],
        env={**os.environ, "HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    told = lines(spool)
    assert [(one.what, one.text) for one in told] == [
        ("track.gain", "Vox: gain 0.0 dB -> -6.0 dB"),
        ("track.added", "Bass added"),
        ("track.name", "Lead: name Vox -> Lead"),
        ("device.added", "Lead: ACE Delay added"),
        ("device.enabled", "Lead: ACE Delay: enabled on -> off"),
        ("device.removed", "Lead: ACE Delay removed"),
        ("session.exported", f"exported {tmp_path}/Song/export/mix.wav"),
    ], done.stdout + done.stderr
    assert {one.project for one in told} == {f"{tmp_path}/Song/Song.ardour"}


@pytest.mark.parametrize("name", ["reaper", "ardour", "live"])
def test_a_script_is_installed_again_and_removed_and_nothing_else_is(
    tmp_path: Path, name: str
) -> None:
    script, spool = find_script(name), tmp_path / "spool"
    path = install_script(script, tmp_path / "daw", spool=spool)
    assert path.read_bytes() == format_script(script, spool)
    assert install_script(script, tmp_path / "daw", spool=spool) == path
    assert remove_script(path)
    assert not remove_script(path)
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("-- somebody else's\n")
    for deed in (
        lambda: install_script(script, tmp_path / "daw", spool=spool),
        lambda: remove_script(path),
    ):
        with pytest.raises(BadInput, match="not stemproof's"):
            deed()
    assert path.read_text() == "-- somebody else's\n"


def test_there_is_no_script_for_other_programs() -> None:
    with pytest.raises(Usage, match="no script for 'cubase'"):
        find_script("cubase")


def test_the_commands_install_list_and_remove(room: Room, tmp_path: Path) -> None:
    done = command(room, "daw", "install", "reaper")
    path = tmp_path / ".config" / "REAPER" / "Scripts" / "stemproof.lua"
    assert done.stdout == f"installed {path}\n"
    assert "Load ReaScript" in done.stderr
    assert f"installed      {path}" in command(room, "daw", "list").stdout
    path.unlink()
    assert "gone" in command(room, "daw", "list").stdout
    other = command(room, "daw", "install", "live", "--to", str(tmp_path / "remote"))
    assert other.stdout == f"installed {tmp_path}/remote/Stemproof/__init__.py\n"
    assert command(room, "daw", "remove", "live").stdout.startswith("removed ")
    assert not (tmp_path / "remote" / "Stemproof").exists()
    assert command(room, "daw", "remove", "live", "--to", "nowhere").stdout.startswith("there was")
