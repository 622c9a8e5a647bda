"""What the Ardour reader makes of tiny sessions of its own, from version 3 to 7."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.ardour import read_ardour
from stemproof.capture.sessions.model import (
    ClipKind,
    MediaRef,
    Moment,
    Parameter,
    PluginKind,
    Session,
    TimeUnit,
    TrackKind,
    Unit,
)
from stemproof.capture.sessions.registry import find_format, is_session_name, read_session
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures/ardour"
FULL = (FIXTURES / "track_removed/before.ardour").read_text("utf-8")


def load(name: str) -> Session:
    path = FIXTURES / name
    return read_session(path.name, path.read_bytes())


def read(text: str) -> Session:
    return read_ardour(text.encode())


def seconds(value: int | Fraction) -> Moment:
    return Moment(Fraction(value), TimeUnit.SECOND)


def test_a_session_is_known_by_its_content() -> None:
    assert find_format("song", FULL.encode()).name == "ardour"
    assert is_session_name("Song.ardour")
    assert is_session_name("Song.ardour.bak")


def test_the_program_is_named_without_its_build() -> None:
    assert [(s.application, s.version) for s in map(load, ["another_build/after.ardour"])] == [
        ("Ardour", "7.3")
    ]
    mixbus = FULL.replace('modified-with="Ardour 7.3.0"', 'modified-with="Mixbus32C 9.1.324"')
    assert (read(mixbus).application, read(mixbus).version) == ("Mixbus32C", "9.1.324")


def test_tracks_stand_in_the_musicians_order_and_the_master_last() -> None:
    session = read(FULL)
    assert [(t.name, t.kind) for t in session.tracks] == [
        ("Drums", TrackKind.AUDIO),
        ("Keys", TrackKind.INSTRUMENT),
        ("Room", TrackKind.BUS),
        ("Master", TrackKind.MASTER),
    ]
    assert [t.identity for t in session.tracks] == ["10", "11", "12", "1"]
    assert session.tracks[0].mixer.output == "1"


def test_the_monitor_section_is_left_out() -> None:
    hidden = FULL.replace('flags="AudioBus,OrderSet"', 'flags="MonitorOut,OrderSet"')
    assert "Room" not in [t.name for t in read(hidden).tracks]


def test_regions_are_read_in_samples_superclock_and_beats() -> None:
    new, old = read(FULL), load("v5_clip_moved/before.ardour")
    drums, keys = new.tracks[0].clips[0], new.tracks[1].clips[0]
    assert (drums.position, drums.length) == (seconds(0), seconds(2))
    assert (keys.position, keys.length) == (Moment(Fraction(4)), Moment(Fraction(8)))
    assert keys.kind is ClipKind.NOTES
    vox = old.tracks[0].clips[0]
    assert (vox.position, vox.length) == (seconds(2), seconds(5))


def test_version_8_counts_fewer_ticks_a_second() -> None:
    eight = FULL.replace('superclocks-per-second="282240000"', 'superclocks-per-second="56448000"')
    assert read(eight).tracks[0].clips[0].length == seconds(10)


def test_files_are_media_midi_too_and_every_channel() -> None:
    assert read(FULL).media == (MediaRef("Drums-1.wav"), MediaRef("Keys-1.mid"))
    stereo = FULL.replace('source-0="501"', 'source-0="501" source-1="502"')
    assert MediaRef("loop.wav") in read(stereo).media
    assert read(stereo).tracks[0].clips[0].more_media == (MediaRef("loop.wav"),)


def test_plugins_have_ids_named_parameters_and_state() -> None:
    eq, synth = (read(FULL).tracks[n].devices[0] for n in (0, 1))
    assert [(i.kind, i.value) for i in eq.ids] == [(PluginKind.LV2, "urn:ardour:a-eq")]
    assert eq.parameters == (
        Parameter("Frequency L", "160"),
        Parameter("Gain L", "0"),
        Parameter("Enable", "1", Unit.SWITCH),
    )
    assert eq.state is None
    # 1397572658 is the four characters of a VST2 id.
    assert [(i.kind, i.value) for i in synth.ids] == [(PluginKind.VST2, "SMD2")]
    assert synth.role == "instrument"
    assert synth.state is not None
    assert synth.state.size == 8


@pytest.mark.parametrize(
    ("kind", "unique", "want"),
    [
        ("ladspa", "4062", (PluginKind.LADSPA, "4062")),
        ("vst3", "ABCDEF019182fAEB566D666743377243", None),
        ("audiounit", "aufx-dcmp-appl", (PluginKind.AU, "aufx-dcmp-appl")),
        ("luaproc", "a1b2", (PluginKind.NATIVE, "ardour:lua:a1b2")),
        ("windows-vst", "-1397572658", (PluginKind.VST2, "\xac\xb2\xbb\xce")),
    ],
)
def test_every_kind_of_plugin_is_a_device(
    kind: str, unique: str, want: tuple[PluginKind, str] | None
) -> None:
    text = FULL.replace(
        'type="lxvst" unique-id="1397572658"', f'type="{kind}" unique-id="{unique}"'
    )
    text = text.replace("<lxvst ", f"<{kind} ").replace("</lxvst>", f"</{kind}>")
    (found,) = read(text).tracks[1].devices[0].ids
    assert (found.kind, found.value) == (want or (PluginKind.VST3, unique.upper()))
    assert read(text).unread == ()


def test_values_that_only_the_plugin_state_has_are_read_by_symbol_or_number() -> None:
    text = FULL.replace('<Port symbol="gl" value="0"/>', '<Port symbol="bw" value="0.25"/>')
    parameters = read(text).tracks[0].devices[0].parameters
    assert Parameter("bw", "0.25") in parameters
    text = FULL.replace("<chunk>AAEC AwQF</chunk>", '<parameters param-0="0.5" param-1="0.75"/>')
    text = re.sub(r'\s*<Controllable name="Cutoff"[^>]*/>', "", text)
    assert read(text).tracks[1].devices[0].parameters == (
        Parameter("param 0", "0.5"),
        Parameter("param 1", "0.75"),
    )


def test_a_value_under_automation_is_a_read_out() -> None:
    one = load("automation_plays/before.ardour").tracks[0]
    assert one.mixer.volume is None
    assert [(a.target, a.enabled, len(a.points)) for a in one.automations] == [("volume", True, 2)]
    assert one.automations[0].points[1].at == 1
    session = load("plugin_automation/after.ardour")
    (gain,) = [p for p in session.tracks[0].devices[0].parameters if p.name == "Gain L"]
    assert gain.automated
    assert session.tracks[0].devices[0].automations[0].time_unit is TimeUnit.QUARTER


def test_unused_playlists_are_kept_takes() -> None:
    track = load("take_chosen/before.ardour").tracks[0]
    assert [(t.identity, t.name) for t in track.takes] == [("210", "Drums"), ("220", "Drums.1")]
    assert track.take == "210"
    assert [c.slot.identity if c.slot else "" for c in track.clips] == ["", "220"]


def test_the_tempo_map_of_version_3_counts_bars() -> None:
    points = load("v3_tempo_map/after.ardour").tempo
    assert [(float(p.at.value), float(p.bpm), p.numerator, p.denominator) for p in points] == [
        (0.0, 120.0, 4, 4),
        (16.0, 90.0, 4, 4),
        (32.0, 90.0, 6, 8),
    ]


def test_the_tempo_map_of_version_7_has_ramps() -> None:
    points = load("tempo_ramp/after.ardour").tempo
    assert [(p.at, p.bpm, p.ramp, p.ramp_to) for p in points] == [
        (seconds(0), "120", False, ""),
        (seconds(4), "140", True, "150"),
    ]


def test_a_tempo_in_other_notes_is_read_in_quarters() -> None:
    text = FULL.replace('npm="120" enpm="120" note-type="4"', 'npm="120" enpm="120" note-type="8"')
    assert read(text).tempo[0].bpm == "60"


def test_what_is_met_and_not_understood_is_counted() -> None:
    text = FULL.replace("<Metadata/>", "<Metadata/><Novelty/>")
    text = text.replace('type="lxvst"', 'type="hologram"')
    text = text.replace("<Slavable/>", "<Aura/>", 1)
    assert read(text).unread == (
        ("Novelty", 1),
        ("part of a route: Aura", 1),
        ("processor hologram", 1),
    )


def test_metadata_groups_and_comments_are_settings() -> None:
    text = FULL.replace("<Metadata/>", "<Metadata><title>Song</title></Metadata>")
    text = text.replace(
        "<RouteGroups/>", '<RouteGroups><RouteGroup name="Kit" routes="10 "/></RouteGroups>'
    )
    told = {d.text for d in diff(read(FULL), read(text))}
    assert "Drums: group '' -> 'Kit'" in told
    assert read(text).parameters == (Parameter("title", "Song", Unit.TEXT),)


def test_order_of_attributes_and_of_elements_is_nothing() -> None:
    dice = random.Random(3)

    def shuffled(match: re.Match[str]) -> str:
        attributes = re.findall(r'[\w-]+="[^"]*"', match[2])
        dice.shuffle(attributes)
        return f"<{match[1]} {' '.join(attributes)}{match[3]}"

    for _ in range(5):
        other = re.sub(r'<(\w[\w-]*) ((?:[\w-]+="[^"]*"\s*)+)(/?>)', shuffled, FULL)
        assert diff(read(FULL), read(other)) == []
        assert read(FULL).content_digest == read(other).content_digest
    routes = re.findall(r"    <Route .*?</Route>\n", FULL, re.DOTALL)
    turned = FULL.replace("".join(routes), "".join(reversed(routes)))
    assert diff(read(FULL), read(turned)) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('version="7002" name="tiny"', 'version="2.0.0" name="tiny"', "version"),
        ('sample-rate="48000"', 'sample-rate="0"', "rates"),
        ('sample-rate="48000"', 'sample-rate="many"', "sample rate"),
        ('superclocks-per-second="282240000"', 'superclocks-per-second="-1"', "rates"),
        ('npm="120"', 'npm="0"', "tempo"),
        ('npm="120"', 'npm="nan"', "tempo"),
        ('divisions-per-bar="4"', 'divisions-per-bar="0"', "time signature"),
        ('length="a564480000@a0"', 'length="a5x@a0"', "region's length"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, says: str) -> None:
    assert old in FULL
    with pytest.raises(BadInput, match=says):
        read(FULL.replace(old, new))


def test_odd_values_of_plugins_are_kept_as_they_stand() -> None:
    one = read(FULL.replace('name="Gain L" id="903" flags="" value="0"', GAIN.format("inf")))
    two = read(FULL.replace('name="Gain L" id="903" flags="" value="0"', GAIN.format("3.4e+38")))
    assert Parameter("Gain L", "inf") in one.tracks[0].devices[0].parameters
    assert [d.text for d in diff(one, two)] == ["Drums: ACE EQ Gain L inf -> 3.4e+38"]


GAIN = 'name="Gain L" id="903" flags="" value="{}"'


def test_version_3_keeps_solo_on_the_route() -> None:
    old = (FIXTURES / "v3_clip_moved/before.ardour").read_text("utf-8")
    soloed = old.replace('<Route id="30"', '<Route id="30" self-solo="yes"')
    assert [d.text for d in diff(read(old), read(soloed))] == ["Vox: soloed"]
    soloed = old.replace('flags="Toggle" value="0.000000000000"', 'flags="Toggle" value="1.0"')
    assert [d.text for d in diff(read(old), read(soloed))] == ["Vox: soloed"]


def test_effects_of_a_region_are_devices_of_its_clip() -> None:
    # Since version 8.5.
    effect = (
        '<RegionFXPlugin type="lv2" unique-id="urn:ardour:a-eq" count="1" id="990" name="ACE EQ">'
        '<lv2 last-preset-label=""><Port symbol="gl" value="3"/></lv2></RegionFXPlugin>'
    )
    text = FULL.replace('<Envelope default="yes"/>', f'<Envelope default="yes"/>{effect}', 1)
    (clip,) = read(text).tracks[0].clips
    assert [(d.name, d.role, d.parameters) for d in clip.devices] == [
        ("ACE EQ", "take", (Parameter("gl", "3"),))
    ]
    (added,) = diff(read(FULL), read(text))
    assert (added.kind, added.stage) == ("device.added", "editing")


def test_a_region_that_plays_other_regions_is_counted() -> None:
    text = FULL.replace("</Sources>", '<Source name="bounce" playlist="210" id="600"/></Sources>')
    assert read(text).unread == (("compound regions", 1),)


@pytest.mark.parametrize(
    ("events", "says"),
    [("a0 1\na5880\n", "pairs"), ("a0 1\nb1920 0.5\n", "one of them"), ("soon 1\n", "time")],
)
def test_a_broken_automation_list_is_refused(events: str, says: str) -> None:
    text = (FIXTURES / "volume_automation/after.ardour").read_text("utf-8")
    text, count = re.subn(r"<events>a0 1\na282240000 0.5\n", f"<events>{events}", text)
    assert count == 1
    with pytest.raises(BadInput, match=says):
        read(text)
