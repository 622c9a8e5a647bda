"""What readers put into the model: ids, units, times, tempo; and which file is which."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from stemproof.capture.sentences import shown_value
from stemproof.capture.sessions.lmms_devices import plain_path
from stemproof.capture.sessions.model import Moment, PluginKind, TempoPoint, TimeUnit, Unit
from stemproof.capture.sessions.registry import is_session_name, read_session
from stemproof.capture.sessions.rpp_fx import read_chain
from stemproof.capture.sessions.rpp_text import parse_chunks, split_words
from stemproof.capture.timeline import Timeline, clock
from stemproof.errors import BadInput

FIXTURES = Path(__file__).parent / "fixtures"


def second(text: str) -> Moment:
    return Moment(Fraction(text), TimeUnit.SECOND)


def test_content_decides_and_not_the_name() -> None:
    rpp = (FIXTURES / "rpp/track_pan/before.rpp").read_bytes()
    mmp = (FIXTURES / "lmms/tempo/before.mmp").read_bytes()
    assert read_session("song.mmp", rpp).format == "rpp"
    assert read_session("song.rpp-bak", mmp).format == "lmms"
    assert is_session_name("A/Song.RPP") and not is_session_name("song.wav")


def test_line_ends_of_another_system_change_no_model() -> None:
    data = (FIXTURES / "rpp/effect_added/after.rpp").read_bytes()
    one, two = read_session("a.rpp", data), read_session("a.rpp", data.replace(b"\n", b"\r\n"))
    assert one.tracks == two.tracks


def test_a_byte_order_mark_is_no_obstacle() -> None:
    data = (FIXTURES / "rpp/track_pan/before.rpp").read_bytes()
    assert (
        read_session("a.rpp", b"\xef\xbb\xbf" + data).tracks == read_session("a.rpp", data).tracks
    )


def test_a_reaper_session_knows_its_media_and_exact_times() -> None:
    session = read_session("a.rpp", (FIXTURES / "rpp/item_moved/after.rpp").read_bytes())
    clip = session.tracks[0].clips[0]
    assert [m.path for m in session.media] == ["audio/vox take 1.wav"]
    assert clip.position == second("6")
    assert clip.identity == "{33333333-0000-0000-0000-000000000001}"


@pytest.mark.parametrize(
    ("header", "name", "vendor", "role", "ids"),
    [
        (
            'VST "VST: ReaComp (Cockos)" reacomp.dll 0 "" '
            '1919247213<5653547265636D726561636F6D700000> ""',
            "ReaComp",
            "Cockos",
            "effect",
            [(PluginKind.VST2, "recm"), (PluginKind.VST3, "5653547265636D726561636F6D700000")],
        ),
        (
            'VST "VST3i: Serum (Xfer Records) (2->4ch)" Serum.vst3 0 "" '
            '1{56535458667365736572756D00000000} ""',
            "Serum",
            "Xfer Records",
            "instrument",
            [(PluginKind.VST3, "56535458667365736572756D00000000")],
        ),
        (
            'VST "VSTi: Absynth 5 (Native Instruments GmbH) (x86) (2->6ch)" "Absynth 5.dll" 0 '
            '"My pad" 1131179317',
            "Absynth 5 'My pad'",
            "Native Instruments GmbH",
            "instrument",
            [(PluginKind.VST2, "Clm5")],
        ),
        (
            'AU "AU: AUDelay (Apple)" "Apple: AUDelay" "" 1635083896 1684368505 1634758764',
            "AUDelay",
            "Apple",
            "effect",
            [(PluginKind.AU, "aufx dely appl")],
        ),
        (
            'CLAP "CLAPi: Surge XT (Surge Synth Team)" org.surge-synth-team.surge-xt ""',
            "Surge XT",
            "Surge Synth Team",
            "instrument",
            [(PluginKind.CLAP, "org.surge-synth-team.surge-xt")],
        ),
        (
            'LV2 "LV2: Calf Reverb (Calf Studio Gear)" '
            'http://calf.sourceforge.net/plugins/Reverb ""',
            "Calf Reverb",
            "Calf Studio Gear",
            "effect",
            [(PluginKind.LV2, "http://calf.sourceforge.net/plugins/Reverb")],
        ),
        ('JS loser/3BandEQ ""', "loser/3BandEQ", "", "effect", [(PluginKind.JS, "loser/3BandEQ")]),
    ],
)
def test_plug_ins_are_known_by_kind_and_id(
    header: str, name: str, vendor: str, role: str, ids: list[tuple[PluginKind, str]]
) -> None:
    text = f"<FXCHAIN\nBYPASS 0 1 0\n<{header}\nAAAA\n>\nFXID {{1}}\n>"
    (device,) = read_chain(parse_chunks(text, "FXCHAIN"))
    assert (device.name, device.vendor, device.role) == (name, vendor, role)
    assert [(i.kind, i.value) for i in device.ids] == ids
    assert device.identity == "{1}"
    assert not device.enabled, "offline is as good as bypassed"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("NAME Keys", ["NAME", "Keys"]),
        ('NAME "Lead Vox"', ["NAME", "Lead Vox"]),
        ("NAME '\"hey'", ["NAME", '"hey']),
        ('NAME hey"', ["NAME", 'hey"']),
        ("NAME `a \"b\" 'c'`", ["NAME", "a \"b\" 'c'"]),
        ('MARKER 1 2 "" 0', ["MARKER", "1", "2", "", "0"]),
        ('NAME "never closed', ["NAME", "never closed"]),
    ],
)
def test_reaper_words_are_unquoted(line: str, words: list[str]) -> None:
    assert split_words(line) == words


@pytest.mark.parametrize(
    "text", ["", "<A\n", "<A\n>\n>\n", "<B\n>\n", "x\n<A\n>\n", "<A\n>\n<A\n>\n"]
)
def test_chunks_that_do_not_nest_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_chunks(text, "A")


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("1", Unit.GAIN, "0.0 dB"),
        ("0.70794578438414", Unit.GAIN, "-3.0 dB"),
        ("0", Unit.GAIN, "-inf dB"),
        ("-0.25", Unit.PAN, "25L"),
        ("30", Unit.PAN_PERCENT, "30R"),
        ("0", Unit.PAN, "centre"),
        ("1", Unit.SWITCH, "on"),
        ("440", Unit.HERTZ, "440 Hz"),
        ("-12", Unit.SEMITONES, "-12 semitones"),
        ("0.250000", Unit.RAW, "0.25"),
        ("x\x1by", Unit.TEXT, "'x y'"),
    ],
)
def test_values_are_shown_by_the_law_of_their_unit(value: str, unit: Unit, shown: str) -> None:
    assert shown_value(value, unit) == shown


def test_bars_follow_tempo_and_metre_changes() -> None:
    line = Timeline(
        (
            TempoPoint(second("0"), "120", 4, 4),
            TempoPoint(second("8"), "60", 3, 4),
            TempoPoint(second("14"), "60", 6, 8),
        )
    )
    assert line.place(second("7")) == "0:07.00 (bar 4 beat 3)"
    assert line.place(second("8")) == "0:08.00 (bar 5)"
    assert line.place(second("11")) == "0:11.00 (bar 6)"
    assert line.place(second("17")) == "0:17.00 (bar 8)"
    assert line.quarters(second("17")) == 25


def test_a_tempo_ramp_is_linear_in_time() -> None:
    line = Timeline(
        (TempoPoint(second("0"), "60", 4, 4, ramp=True), TempoPoint(second("10"), "120", 4, 4))
    )
    assert line.quarters(second("10")) == pytest.approx(15)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00.00"), (62.5, "1:02.50"), (-1, "-0:01.00")]
)
def test_the_clock_reads_in_minutes(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("stored", "plain"),
    [
        ("factorysample:drums/kick.ogg", "drums/kick.ogg"),
        ("usersample:a.wav", "a.wav"),
        ("local:b.wav", "b.wav"),
        ("C:/music/c.wav", "C:/music/c.wav"),
        ("drums/kick.ogg", "drums/kick.ogg"),
    ],
)
def test_folders_of_lmms_1_3_are_no_other_file(stored: str, plain: str) -> None:
    assert plain_path(stored) == plain


def test_importing_the_room_loads_no_heavy_library() -> None:
    code = (
        "import sys, stemproof.capture.diff, stemproof.capture.sessions.registry;"
        "print([m for m in ('lxml', 'numpy', 'watchdog') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
