"""Edits made by Ardour itself are told as exactly those edits, and saves without any as none."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from tests.oracles.ardour_host import Step, need_host, resave, run_steps

from stemproof.capture.diff import diff
from stemproof.capture.sessions.ardour_history import read_ardour_history
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session

CLIP = r"clip 'Take1_Beat-1\.\d'"
STEPS = (
    Step("empty", ""),
    Step("track", 'drums = add_track("Drums", 1) wait(800)', ("Drums: track added",)),
    Step("gain", "drums:gain_control():set_value(0.5, NO)", (r"Drums: volume 0\.0 -> -6\.02 dB",)),
    Step("pan", "drums:pan_azimuth_control():set_value(0.25, NO)", ("Drums: pan centre -> 50L",)),
    Step("mute", "drums:mute_control():set_value(1, NO)", ("Drums: muted",)),
    Step("unmute", "drums:mute_control():set_value(0, NO)", ("Drums: unmuted",)),
    Step("solo", "drums:solo_control():set_value(1, NO) wait(400)", ("Drums: soloed",)),
    Step("unsolo", "drums:solo_control():set_value(0, NO) wait(400)", ("Drums: unsoloed",)),
    Step("phase", "drums:phase_control():set_phase_invert(0, true)", ("Drums: phase inverted",)),
    Step("trim", "drums:trim_control():set_value(2, NO)", (r"Drums: trim 0\.0 -> 6\.02 dB",)),
    Step("rename", 'drums:set_name("Beat")', ("Drums: track renamed to 'Beat'",)),
    Step("comment", 'drums:set_comment("room mic", nil)', ("Beat: comment '' -> 'room mic'",)),
    Step(
        "plugin",
        'drums:add_processor_by_index(plugin("urn:ardour:a-eq"), 0, nil, true)',
        ("Beat: ACE EQ added",),
    ),
    Step(
        "parameter",
        "assert(ARDOUR.LuaAPI.set_processor_param(drums:nth_plugin(0), 1, 3.5))",
        (r"Beat: ACE EQ Gain L 0 -> 3\.5",),
    ),
    Step("bypass", "drums:nth_plugin(0):deactivate()", ("Beat: ACE EQ bypassed",)),
    Step(
        "second_plugin",
        'drums:add_processor_by_index(plugin("urn:ardour:a-reverb"), 1, nil, true)',
        ("Beat: ACE Reverb added",),
    ),
    Step(
        "order_of_plugins",
        "local l = ARDOUR.ProcessorList() l:push_back(drums:nth_plugin(1)) "
        "l:push_back(drums:nth_plugin(0)) drums:reorder_processors(l, nil) wait(700)",
        ("Beat: ACE Reverb moved from place 2 to 1",),
    ),
    Step(
        "plugin_removed",
        "drums:remove_processor(drums:nth_plugin(0), nil, true) wait(400)",
        ("Beat: ACE Reverb removed",),
    ),
    Step(
        "lua_plugin",
        'drums:add_processor_by_index(ARDOUR.LuaAPI.new_luaproc(s, "ACE Amplifier"), 1, nil, true)',
        ("Beat: ACE Amplifier added",),
    ),
    Step(
        "bus",
        'room = s:new_audio_route(2, 2, nil, 1, "Room", ARDOUR.PresentationInfo.Flag.AudioBus, '
        "LAST):front() wait(800)",
        ("Room: track added",),
    ),
    Step("send", "s:add_internal_send(room, drums:amp(), drums)", ("Beat: send to Room added",)),
    Step(
        "send_level",
        "drums:nth_send(0):to_send():gain_control():set_value(0.25, NO)",
        (r"Beat: send to Room level -inf -> -12\.04 dB",),
    ),
    Step("bus_renamed", 'room:set_name("Hall")', ("Room: track renamed to 'Hall'",)),
    Step(
        "automation",
        "local c = room:gain_control() c:set_automation_state(ARDOUR.AutoState.Play) "
        "c:alist():add(at(0), 1, false, true) c:alist():add(at(48000), 0.5, false, true)",
        (r"Hall: automation of volume added \(2 points\)",),
    ),
    Step(
        "automation_point",
        "room:gain_control():alist():add(at(96000), 0.25, false, true)",
        ("Hall: automation of volume 2 points -> 3 points",),
    ),
    Step(
        "automation_off",
        "room:gain_control():set_automation_state(ARDOUR.AutoState.Off)",
        ("Hall: automation of volume off",),
    ),
    Step(
        "midi_track",
        "local one, two = ARDOUR.ChanCount(ARDOUR.DataType('midi'), 1), "
        "ARDOUR.ChanCount(ARDOUR.DataType('audio'), 2) "
        "keys = s:new_midi_track(one, two, true, ARDOUR.PluginInfo(), nil, nil, 1, 'Keys', LAST, "
        "ARDOUR.TrackMode.Normal, true):front() wait(800)",
        ("Keys: track added",),
    ),
    Step(
        "instrument",
        'local p = plugin("https://community.ardour.org/node/7596") '
        "keys:add_processor_by_index(p, 0, nil, true) wait(700)",
        ("Keys: ACE Reasonable Synth added",),
    ),
    Step("order_of_tracks", "keys:set_presentation_order(0)", ("Keys: track moved from .*",)),
    Step("armed", "drums:rec_enable_control():set_value(1, NO) wait(400)"),
    Step("disarmed", "drums:rec_enable_control():set_value(0, NO) wait(400)"),
    Step("recording", "record(drums)", (rf"Beat: {CLIP} recorded at 0:00\.00 \(bar 1\)",)),
    Step("nothing", ""),
    Step(
        "clip_moved",
        "local r = region(drums, 1) "
        "undoably('region drag', r, function() r:set_position(at(96000)) end)",
        (rf"Beat: {CLIP} moved from 0:00\.00 \(bar 1\) to 0:02\.00 \(bar 2\)",),
    ),
    Step(
        "clip_trimmed_right",
        "region(drums, 1):trim_end(at(96000 + 24000))",
        (rf"Beat: length of {CLIP} at 0:02\.00 \(bar 2\): \d\.\d+ s -> 0\.500 s",),
    ),
    Step(
        "clip_trimmed_left",
        "region(drums, 1):trim_front(at(96000 + 6000))",
        (rf"Beat: start of {CLIP} trimmed from 0:02\.00 \(bar 2\) to 0:02\.12 \(.*\)",),
    ),
    Step("clip_muted", "region(drums, 1):set_muted(true)", (rf"Beat: {CLIP} muted",)),
    Step(
        "clip_gain",
        "region(drums, 1):to_audioregion():set_scale_amplitude(0.5)",
        (rf"Beat: {CLIP} gain 0\.0 -> -6\.02 dB",),
    ),
    Step(
        "clip_fade",
        "region(drums, 1):to_audioregion():set_fade_in_length(9600)",
        (rf"Beat: {CLIP} fade-in 0\.00133333 -> 0\.2 s",),
    ),
    Step(
        "clip_copied",
        "local r = region(drums, 1) drums:to_track():playlist():duplicate(r, at(192000), "
        "r:length(), 1)",
        (rf"Beat: {CLIP} copied to 0:04\.00 \(bar 3\)",),
    ),
    Step(
        "clip_removed",
        "drums:to_track():playlist():remove_region(region(drums, 2))",
        (rf"Beat: {CLIP} removed at 0:04\.00 \(bar 3\)",),
    ),
    Step(
        "plugin_automation",
        "local al = ARDOUR.LuaAPI.plugin_automation(drums:nth_plugin(0), 1) "
        "al:add(at(0), 1, false, true) al:add(at(48000), 6, false, true)",
        (r"Beat, ACE EQ: automation of Gain L added \(2 points\)",),
    ),
    Step(
        "clip_split",
        "drums:to_track():playlist():split_region(region(drums, 1), at(96000 + 12000))",
        (rf"Beat: {CLIP} at 0:02\.12 \(.*\) split into 2 clips",),
    ),
    Step(
        "take_copied",
        "drums:to_track():use_copy_playlist() wait(400)",
        ("Beat: take '.*' copied, 2 takes in all",),
    ),
    Step(
        "take_new",
        "drums:to_track():use_new_playlist(ARDOUR.DataType('audio')) wait(400)",
        ("Beat: take '.*' added, 3 takes in all",),
    ),
    Step(
        "range", "s:locations():add_range(at(48000), at(96000))", ("Session: region '.*' added.*",)
    ),
    Step(
        "range_named",
        "for l in s:locations():list():iter() do "
        "if l:is_range_marker() then l:set_name('Chorus') end end",
        ("Session: marker '.*' renamed to 'Chorus'",),
    ),
    Step(
        "tempo",
        "local m = Temporal.TempoMap.fetch_writable() "
        "m:set_tempo(Temporal.Tempo(100, 100, 4), at(0)) Temporal.TempoMap.update(m)",
        ("Session: tempo 120 -> 100 bpm",),
    ),
    Step(
        "ramp",
        "local m = Temporal.TempoMap.fetch_writable() "
        "m:set_tempo(Temporal.Tempo(140, 120, 4), beat(8)) Temporal.TempoMap.update(m)",
        ("Session: tempo map changed .*",),
    ),
    Step(
        "group",
        'local g = s:new_route_group("Rhythm") g:add(drums)',
        ("Beat: group '' -> 'Rhythm'",),
    ),
    Step(
        "vca",
        'drums:to_slavable():assign(s:vca_manager():create_vca(1, "Band"):front())',
        ("Band: track added", "Beat: VCA '' -> 'Band'"),
    ),
)
PAIRS = [(one.name, two) for one, two in pairwise(STEPS)]


@pytest.fixture(scope="module")
def saves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_host()
    folder = tmp_path_factory.mktemp("ardour")
    run_steps(folder, STEPS)
    return folder


def load(path: Path) -> Session:
    return read_session(path.name, path.read_bytes())


def save_named(saves: Path, name: str) -> Session:
    return load(saves / "song" / f"{name}.ardour")


@pytest.mark.parametrize(("before", "step"), PAIRS, ids=lambda p: getattr(p, "name", ""))
def test_a_known_edit_is_told_and_nothing_more(saves: Path, before: str, step: Step) -> None:
    told = [d.text for d in diff(save_named(saves, before), save_named(saves, step.name))]
    assert len(told) == len(step.told), told
    for text, wanted in zip(sorted(told), sorted(step.told), strict=True):
        assert re.fullmatch(wanted, text), text


def test_every_edit_can_be_told_back(saves: Path) -> None:
    for before, step in PAIRS:
        back = diff(save_named(saves, step.name), save_named(saves, before))
        assert bool(back) == bool(step.told), step.name


def test_nothing_of_a_real_session_is_left_unread(saves: Path) -> None:
    assert save_named(saves, STEPS[-1].name).unread == ()


def test_opening_and_saving_again_is_no_decision(saves: Path) -> None:
    last = STEPS[-1].name
    resave(saves, {last: "again"})
    assert diff(save_named(saves, last), save_named(saves, "again")) == []


def test_edits_that_we_write_are_what_ardour_reads(saves: Path) -> None:
    # The host has no call for a single marker, so it is written into the save.
    last = saves / "song" / f"{STEPS[-1].name}.ardour"
    text = last.read_text("utf-8")
    marker = (
        '<Location id="90001" name="Bridge" start="a564480000" end="a564480000" flags="IsMark"/>'
    )
    text = text.replace("</Locations>", f"{marker}</Locations>", 1)
    fader = re.compile(r'(<Controllable name="pan-azimuth" id="\d+" flags="" value=)"0\.25"')
    text, count = fader.subn(r'\1"0.75"', text)
    assert count == 1
    (saves / "song/edited.ardour").write_text(text, "utf-8")
    told = sorted(d.text for d in diff(load(last), save_named(saves, "edited")))
    assert told[0] == "Beat: pan 50L -> 50R"
    assert told[1].startswith("Session: marker 'Bridge' added at 0:02.00")
    assert len(told) == 2
    resave(saves, {"edited": "edited_again"})
    assert diff(save_named(saves, "edited"), save_named(saves, "edited_again")) == []


def test_the_history_tells_what_was_undoable(saves: Path) -> None:
    entries = read_ardour_history((saves / "song/clip_moved.history").read_bytes())
    assert [e.label for e in entries] == ["capture", "region drag"]
    assert entries[0].time_s <= entries[1].time_s
    (recorded,) = entries[0].changes
    assert (recorded.kind, recorded.what) == ("playlist", "region added")
    (moved,) = entries[1].changes
    assert (moved.kind, moved.object_id) == ("region", recorded.after)
    assert (moved.before or "").endswith("@a0")
    # 96000 samples at 48 kHz are two seconds of 282240000 ticks.
    assert (moved.after or "").endswith("@a564480000")
