"""REAPER's FX chains: racks, wet mix, names that the user gave, what a state is and is not."""

import base64
from fractions import Fraction

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Device
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.rpp_fx import read_chain
from stemproof.capture.sessions.rpp_text import parse_chunks


def _devices(*lines: str) -> list[Device]:
    return list(read_chain(parse_chunks("\n".join(("<FXCHAIN", *lines, ">")), "FXCHAIN")))


def _project(*lines: str) -> bytes:
    chain = ("<TRACK {A}", 'NAME "Lead Vox"', "<FXCHAIN", *lines, ">", ">")
    return "\n".join(('<REAPER_PROJECT 0.1 "7.22" 1', "TEMPO 120 4 4", *chain, ">")).encode()


def _texts(one: bytes, two: bytes) -> list[str]:
    return [d.text for d in diff(read_session("a.rpp", one), read_session("a.rpp", two))]


_RACK = (
    "BYPASS 1 0 0",
    '<CONTAINER Container "Drive" ""',
    "CONTAINER_CFG 2 2 2 0",
    "BYPASS 0 0 0",
    '<JS "loser/3BandEQ" ""',
    "1 2",
    ">",
    "FXID {INNER}",
    ">",
    "FXID {RACK}",
    "BYPASS 0 0 0",
    '<JS "utility/volume" ""',
    "0",
    ">",
    "FXID {LAST}",
)


def test_a_rack_is_a_device_and_what_is_in_it_says_so() -> None:
    rack, inner, last = _devices(*_RACK)
    assert (rack.name, rack.identity, rack.place, rack.enabled) == ("Drive", "{RACK}", "", False)
    assert (inner.identity, inner.place, inner.enabled) == ("{INNER}", "Drive", True)
    assert (last.identity, last.place) == ("{LAST}", "")


def test_a_rack_switched_on_is_one_decision() -> None:
    switched = ("BYPASS 0 0 0", *_RACK[1:])
    assert _texts(_project(*_RACK), _project(*switched)) == ["Lead Vox: Drive switched on"]


def test_the_wet_mix_of_a_device_is_a_decision_in_per_cent() -> None:
    effect = ("BYPASS 0 0 0", '<JS "delay/delay" ""', "300", ">")
    dry = _project(*effect, "FXID {1}")
    wet = _project(*effect, "WET 0.55 0", "FXID {1}")
    assert _texts(dry, wet) == ["Lead Vox: delay/delay wet 100 -> 55 %"]


def test_the_window_of_a_clap_plug_in_is_no_setting() -> None:
    def clap(size: str, state: bytes) -> bytes:
        kept = base64.b64encode(state).decode()
        head = ("BYPASS 0 0 0", '<CLAP "CLAP: Saw (Maker)" org.maker.saw ""', f'CFG 4 {size} ""')
        return _project(*head, "<STATE", kept, ">", ">", "FXID {1}")

    assert _texts(clap("760 335", b"\1\2\3"), clap("900 400", b"\1\2\3")) == []
    assert _texts(clap("760 335", b"\1\2\3"), clap("760 335", b"\1\2\4")) == [
        "Lead Vox: Saw settings changed"
    ]


def test_a_name_given_by_the_user_is_read_for_every_kind() -> None:
    names = [
        _devices(header, ">")[0].name
        for header in (
            '<CLAP "CLAP: Saw (Maker)" org.maker.saw "lead"',
            '<AU "AU: AUDelay (Apple)" "Apple: AUDelay" "slap" 1635083896 1684368505 1634758764',
            '<LV2 "LV2: Amp (maker) (Mono)" urn:maker:amp "dirty"',
            '<VST "VST: ReaEQ (Cockos)" reaeq.dll 0 "air" 1919247729 ""',
        )
    ]
    assert names == ["Saw 'lead'", "AUDelay 'slap'", "Amp 'dirty'", "ReaEQ 'air'"]


def test_mono_is_no_vendor() -> None:
    (amp,) = _devices('<LV2 "LV2: Amp (maker) (Mono)" urn:maker:amp ""', ">")
    assert (amp.name, amp.vendor) == ("Amp", "maker")


def test_a_title_without_end_is_cut_before_its_endings_are() -> None:
    (device,) = _devices('<VST "VST: x' + "(mono)" * 10_000 + '" x.dll 0 "" 1 ""', ">")
    assert device.name.startswith("x(mono)(mo")
    assert len(device.name) <= 300


def test_what_a_script_keeps_beside_its_sliders_is_its_state() -> None:
    def script(kept: str) -> bytes:
        return _project('<JS "sequencer" ""', "1", ">", "<JS_SER", kept, ">", "FXID {1}")

    assert _texts(script("AAAA"), script("AAAB")) == ["Lead Vox: sequencer settings changed"]


def test_an_envelope_is_named_by_its_parameter_alone() -> None:
    lines = (
        '<VST "VST: ReaComp (Cockos)" reacomp.dll 0 "" 1919247213 ""',
        ">",
        '<PARMENV 0:_Threshold 0 2 1 "Threshold / ReaComp"',
        "PT 1.5 0.5 0",
        ">",
        "<PARMENV 3:_Pre_comp 0 1 0.5",
        "PT 1.5 0.5 0",
        ">",
    )
    (device,) = _devices(*lines)
    assert [lane.target for lane in device.automations] == ["Threshold", "Pre comp"]
    assert device.automations[0].points[0].at == Fraction(3, 2)


def test_the_files_of_takes_that_are_not_played_belong_to_the_session() -> None:
    item = (
        *("<ITEM", "POSITION 0", "LENGTH 2", "NAME a", "<SOURCE WAVE", 'FILE "a.wav"', ">"),
        *("TAKE SEL", "NAME b", "<SOURCE WAVE", 'FILE "b.wav"', ">", ">"),
    )
    text = "\n".join(('<REAPER_PROJECT 0.1 "7.22" 1', "<TRACK {A}", *item, ">", ">"))
    session = read_session("a.rpp", text.encode())
    assert [media.path for media in session.media] == ["a.wav", "b.wav"]


def test_a_device_put_into_a_rack_has_moved_there() -> None:
    last = _RACK[_RACK.index("FXID {RACK}") + 1 :]
    inside = (*_RACK[:8], *last, *_RACK[8:10])
    assert _texts(_project(*_RACK), _project(*inside)) == [
        "Lead Vox: utility/volume moved from the track's chain to Drive"
    ]


def test_a_rack_renamed_moves_nothing() -> None:
    renamed = ("BYPASS 1 0 0", '<CONTAINER Container "Dirt" ""', *_RACK[2:])
    assert _texts(_project(*_RACK), _project(*renamed)) == ["Lead Vox: Drive renamed to Dirt"]
