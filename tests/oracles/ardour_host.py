"""Ardour's own headless host, made to take known steps and to save after each of them.

`ardour7-lua` (Debian's package `ardour`) runs Lua in a real Ardour without windows or sound card.
What it lacks: no call removes a route, sets a single marker or imports a file (those belong to
the windows' part of Ardour); recording works and gives real files.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

HOST = shutil.which("ardour7-lua")
TIMEOUT_S = 120
_ATTEMPTS = 3

PRELUDE = """
AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_sample_rate(RATE)
AudioEngine:start(false)
NO = PBD.GroupControlDisposition.NoGroup
UI = ARDOUR.TransportRequestSource.TRS_UI
LAST = ARDOUR.PresentationInfo.max_order
function at(samples) return Temporal.timepos_t(samples) end
function beat(quarters) return Temporal.timepos_t.from_ticks(1920 * quarters) end
function wait(ms) ARDOUR.LuaAPI.usleep(ms * 1000) end
function plugin(uri) return ARDOUR.LuaAPI.new_plugin(s, uri, ARDOUR.PluginType.LV2, "") end
function add_track(name, inputs)
  local mode = ARDOUR.TrackMode.Normal
  return s:new_audio_track(inputs, 2, nil, 1, name, LAST, mode, true):front()
end
function region(track, number)
  local seen = 0
  for r in track:to_track():playlist():region_list():iter() do
    seen = seen + 1
    if seen == number then return r end
  end
end
function record(track)
  track:rec_enable_control():set_value(1, NO)
  s:maybe_enable_record(false)
  s:goto_start() wait(400)
  s:request_roll(UI) wait(800)
  s:request_stop(false, false, UI) wait(700)
  s:disable_record(false, false)
  track:rec_enable_control():set_value(0, NO)
end
function undoably(label, thing, edit)
  s:begin_reversible_command(label)
  thing:to_stateful():clear_changes()
  edit()
  s:add_stateful_diff_command(thing:to_statefuldestructible())
  s:commit_reversible_command(nil)
end
function step(name, edit)
  local ok, problem = pcall(edit)
  if not ok then io.stderr:write("FAILED ", name, " ", tostring(problem), "\\n") end
  wait(200)
  s:save_state(name)
end
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One edit in Lua, and the sentences that must be told of it, as regular expressions."""

    name: str
    lua: str
    told: tuple[str, ...] = ()


def need_host() -> str:
    """Name the host, or skip; on CI it must be there."""
    if HOST is None:
        if os.environ.get("CI") == "true":
            pytest.fail("ardour7-lua is not installed: .ci/run installs Debian's ardour")
        pytest.skip("ardour7-lua (Debian's package ardour) is not on this machine")
    return HOST


def run_steps(folder: Path, steps: Sequence[Step]) -> None:
    """Make a new session and save it after each step as `<name>.ardour`."""
    body = "\n".join(f'step("{s.name}", function() {s.lua} end)' for s in steps)
    script = f's = create_session("{folder}/song", "song", 48000)\n{body}\n'
    _run(folder, script, [folder / "song" / f"{s.name}.ardour" for s in steps])


def resave(folder: Path, names: Mapping[str, str], rate: int = 48_000) -> None:
    """Let Ardour open saves and write each under another name, silent where sounds are missing."""
    (folder / "song/interchange/song/audiofiles").mkdir(parents=True, exist_ok=True)
    script = "close_session()\n".join(
        f's = load_session("{folder}/song", "{name}")\nwait(200)\ns:save_state("{saved_as}")\n'
        for name, saved_as in names.items()
    )
    _run(folder, script, [folder / "song" / f"{name}.ardour" for name in names.values()], rate)


def _run(folder: Path, script: str, wanted: Sequence[Path], rate: int = 48_000) -> None:
    path = folder / "script.lua"
    whole = f"RATE = {rate}\n{PRELUDE}{script}close_session()\nquit()\n"
    path.write_text(whole, "utf-8")
    settings = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
    done = None
    # The host, and not what it saves, crashes now and then: its threads race at the start.
    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder / "song", ignore_errors=True) if "create_session" in script else None
        done = subprocess.run(
            [need_host(), str(path)],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
        failed = [line for line in done.stderr.splitlines() if line.startswith("FAILED")]
        assert not failed, failed
        if all(p.is_file() for p in wanted):
            return
    pytest.fail(f"Ardour gave no saves, exit {done.returncode if done else None}")
