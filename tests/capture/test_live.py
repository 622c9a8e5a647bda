"""Ableton Live sets: what is read from one, and that only what was decided is told."""

from __future__ import annotations

import gzip
import random
import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.live import read_live
from stemproof.capture.sessions.model import (
    ClipKind,
    Moment,
    PluginId,
    PluginKind,
    Session,
    Slot,
    TrackKind,
)
from stemproof.capture.sessions.registry import read_session
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures" / "als"
XML = gzip.decompress((FIXTURES / "views_and_numbers_only/before.als").read_bytes()).decode()


def read(text: str) -> Session:
    return read_session("a.als", text.encode())


SET = read(XML)


def test_tracks_have_their_kind_their_number_and_their_group() -> None:
    found = [(t.name, t.kind, t.identity, t.parent) for t in SET.tracks]
    assert found == [
        ("1-Kit", TrackKind.INSTRUMENT, "12", ""),
        ("Vocals", TrackKind.FOLDER, "20", ""),
        ("Lead Vox", TrackKind.AUDIO, "13", "20"),
        ("A-Reverb", TrackKind.BUS, "2", ""),
        ("B-Delay", TrackKind.BUS, "3", ""),
        ("Main", TrackKind.MASTER, "", ""),
    ]
    assert SET.unread == ()
    assert (SET.application, SET.version) == ("Ableton Live", "12.0.5")


def test_sends_lead_to_return_tracks_and_a_closed_one_is_silent() -> None:
    sends = SET.tracks[2].mixer.sends
    assert [(s.target, s.parameters[0].value) for s in sends] == [("2", "0.5"), ("3", "0")]
    assert SET.tracks[2].mixer.output == "Group"


def test_a_rack_comes_before_what_stands_in_it() -> None:
    rack, simpler = SET.tracks[0].devices
    assert rack.name == "Drum Rack 'Kit'"
    assert (simpler.name, simpler.place, simpler.role) == ("Simpler", "Kit > Kick", "instrument")
    assert SET.media[0].path == "Samples/Imported/kick.wav"


def test_a_plug_in_has_its_vendor_ids_preset_and_state() -> None:
    plugin = SET.tracks[2].devices[2]
    assert (plugin.name, plugin.vendor, plugin.preset) == ("Clean Verb", "Acme", "Hall")
    assert plugin.ids == (PluginId(PluginKind.VST3, "41727475FFFFFFFB0000000300000004"),)
    assert plugin.state is not None and plugin.state.size == 6
    assert [(p.name, p.value) for p in plugin.parameters] == [("Decay", "0.25")]


@pytest.mark.parametrize(
    ("number", "code"), [("1450726194", "VxS2"), ("-1", "\xff\xff\xff\xff"), ("0", "\0\0\0\0")]
)
def test_a_vst2_code_is_four_letters(number: str, code: str) -> None:
    info = f'<VstPluginInfo><PlugName Value="Old"/><UniqueId Value="{number}"/></VstPluginInfo>'
    other = re.sub(r"(?s)<Vst3PluginInfo.*</Vst3PluginInfo>", info, XML)
    assert read(other).tracks[2].devices[2].ids == (PluginId(PluginKind.VST2, code),)


def test_clips_stand_on_the_timeline_in_the_grid_and_in_take_lanes() -> None:
    kit, vox = SET.tracks[0].clips, SET.tracks[2].clips
    assert [(c.name, c.slot) for c in kit] == [
        ("Fill", Slot("scene 0", "scene 1 'Intro'")),
        ("Beat", None),
        ("Break", None),
    ]
    assert kit[2].position == Moment(Fraction(8)) and kit[2].length == Moment(Fraction(4))
    assert [n.pitch for n in kit[1].notes] == [36] * 4
    assert vox[1].slot == Slot("lane 0", "take lane 1", is_timed=True)
    assert vox[0].kind is ClipKind.AUDIO and vox[0].recorded
    assert vox[0].media is not None and vox[0].media.path == "Samples/Recorded/0001 Vox.wav"


def test_an_envelope_of_a_clip_is_called_by_what_it_moves() -> None:
    other = XML.replace(
        "<Envelopes>\n<Envelopes>\n</Envelopes>\n</Envelopes>\n<ScrollerTimePreserver>",
        '<Envelopes><Envelopes><ClipEnvelope Id="0"><EnvelopeTarget><PointeeId Value="9001"/>'
        "</EnvelopeTarget><Automation><Events>"
        '<FloatEvent Id="0" Time="-63072000" Value="0"/><FloatEvent Id="1" Time="1" Value="64"/>'
        "</Events></Automation></ClipEnvelope></Envelopes></Envelopes><ScrollerTimePreserver>",
        1,
    )
    assert [lane.target for lane in read(other).tracks[0].clips[0].points] == ["CC 64"]


def test_a_tempo_that_moves_is_a_map_with_ramps_and_steps() -> None:
    event = '<FloatEvent Id="0" Time="-63072000" Value="120" />'
    points = (("0", "120"), ("16", "140"), ("16", "90"), ("32", "90"))
    moved = "".join(f'<FloatEvent Time="{at}" Value="{bpm}"/>' for at, bpm in points)
    tempo = read(XML.replace(event, event + moved)).tempo
    assert [(int(p.at.value), p.bpm, p.ramp) for p in tempo] == [
        (0, "120", True),
        (16, "140", False),
        (16, "90", False),
        (32, "90", False),
    ]


@pytest.mark.parametrize(("number", "metre"), [(201, (4, 4)), (200, (3, 4)), (302, (6, 8))])
def test_a_time_signature_is_one_number(number: int, metre: tuple[int, int]) -> None:
    (point,) = read(XML.replace('"201"', f'"{number}"')).tempo
    assert (point.numerator, point.denominator) == metre


def test_gzip_and_plain_xml_say_the_same() -> None:
    packed = read_session("a.als", gzip.compress(XML.encode()))
    assert packed.content_digest == SET.content_digest
    assert packed.digest != SET.digest


def test_a_set_is_known_by_its_content_under_any_name() -> None:
    assert read_session("download", gzip.compress(XML.encode())).format == "als"
    assert read_session("download", XML.encode()).format == "als"


@pytest.mark.parametrize("seed", range(5))
def test_permuted_attributes_and_renumbered_targets_say_the_same(seed: int) -> None:
    dice = random.Random(seed)

    def shuffled(match: re.Match[str]) -> str:
        attributes = re.findall(r'[\w.]+="[^"]*"', match[2])
        dice.shuffle(attributes)
        return f"<{match[1]} {' '.join(attributes)}{match[3]}"

    other = re.sub(r'<([\w.]+) ((?:[\w.]+="[^"]*"\s*)+)(/?>)', shuffled, XML)
    other = re.sub(
        r'((?:AutomationTarget|ControllerTargets\.\d+) Id|PointeeId Value)="(\d+)"',
        lambda m: f'{m[1]}="{int(m[2]) + 70_000 + seed}"',
        other,
    )
    session = read(other)
    assert session.content_digest == SET.content_digest
    assert diff(SET, session) == []


@pytest.mark.parametrize("order", [(1, 0, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 1, 3, 4)])
def test_tracks_in_another_order_have_only_moved(order: tuple[int, ...]) -> None:
    head, body, tail = re.split(r"<Tracks>\n|(?<=>)\n</Tracks>", XML)
    tracks = re.split(r"\n(?=<(?:Midi|Audio|Group|Return)Track )", body)
    assert len(tracks) == 5
    other = f"{head}<Tracks>" + "\n".join(tracks[n] for n in order) + f"</Tracks>{tail}"
    if order[3:] != (3, 4):
        # Sends go to return tracks by their order.
        other = other.replace('TrackSendHolder Id="0"', 'TrackSendHolder Id="9"')
    kinds = {d.kind for d in diff(SET, read(other))}
    assert kinds <= {"track.reordered", "send.level", "send.removed", "send.added"}


def test_a_device_moved_to_another_track_is_recognised() -> None:
    device = re.search(r"(?s)<Compressor2.*?</Compressor2>\n", XML)
    assert device is not None
    at = XML.index("<Limiter")
    moved = XML[:at] + device[0].replace('Id="1"', 'Id="6"', 1) + XML[at:]
    moved = moved.replace(device[0], "", 1)
    (decision,) = diff(SET, read(moved))
    assert decision.text == "Compressor (Ableton) moved from Lead Vox to Main"


def test_a_device_dragged_into_a_rack_has_moved_on_its_track() -> None:
    device = re.search(r"(?s)<Compressor2.*?</Compressor2>\n", XML)
    assert device is not None
    rack = (
        '<AudioEffectGroupDevice Id="9"><UserName Value="Glue"/><Branches>'
        '<AudioEffectBranch Id="0"><Name><UserName Value="Wet"/></Name><DeviceChain>'
        f"<AudioToAudioDeviceChain><Devices>{device[0]}</Devices></AudioToAudioDeviceChain>"
        "</DeviceChain></AudioEffectBranch></Branches></AudioEffectGroupDevice>"
    )
    told = {d.text for d in diff(SET, read(XML.replace(device[0], rack, 1)))}
    assert told == {
        "Lead Vox: Audio Effect Rack 'Glue' (Ableton) added",
        "Lead Vox: Compressor (Ableton) moved from the track's chain to Glue > Wet",
    }


def test_a_text_of_more_than_ten_million_letters_is_a_plug_ins_state() -> None:
    big = read(XML.replace("00FF10\n20AB77", "AB" * 6_000_000))
    state = big.tracks[2].devices[2].state
    assert state is not None and state.size == 6_000_000


def test_a_set_of_live_8_has_its_values_in_events() -> None:
    def event(match: re.Match[str]) -> str:
        kind = "BoolEvent" if match[1] in ("true", "false") else "FloatEvent"
        inside = f'<{kind} Time="-63072000" Value="{match[1]}"/>'
        return f"<ArrangerAutomation><Events>{inside}</Events></ArrangerAutomation>"

    old = re.sub(r'<Manual Value="([^"]*)" />', event, XML)
    for one, two in zip(read(old).tracks, SET.tracks, strict=True):
        assert one.mixer == two.mixer
        assert [d.enabled for d in one.devices] == [d.enabled for d in two.devices]
        names = [
            sorted((p.name, p.value) for d in t.devices for p in d.parameters) for t in (one, two)
        ]
        assert names[0] == names[1]


def test_every_law_of_the_table_is_known() -> None:
    from stemproof.capture.sessions.live_catalog import _table, entry_of

    for tag in _table()["devices"]:
        assert entry_of(tag).title


def test_saves_of_all_fixtures_can_be_compared_with_one_another() -> None:
    saves = [read_live(p.read_bytes()) for p in sorted(FIXTURES.glob("*/after.als"))]
    for one, two in pairwise(saves):
        assert all(d.text.isprintable() for d in diff(one, two))


def test_a_preset_is_no_set() -> None:
    with pytest.raises(BadInput, match="holds no Live set"):
        read('<Ableton MajorVersion="5"><GroupDevicePreset/></Ableton>')
