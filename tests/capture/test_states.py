"""Plug-in settings by family: named where their law is known, else digest and size, never junk."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
import struct
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Parameter, PluginId, PluginKind, State, Unit
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.states.decode import MAX_STATE, beside_named, decode_state
from stemproof.capture.states.settings import MAX_PARAMETERS, float_text

FIXTURES = Path(__file__).parent / "fixtures"
PRO_Q_3 = (PluginId(PluginKind.VST3, "72C4DB717A4D459AB97E51745D84B39D"),)
EMPTY_BAND = (0.0, 1.0, 9.965784, 0.0, 0.0, 1.0, 1.0, 0.5, 0.0, 1.0, 2.0, 1.0, 0.0)


def fabfilter(values: list[float], tail: bytes = b"") -> bytes:
    return struct.pack(f"<4sII{len(values)}f", b"FFBS", 1, len(values), *values) + tail


def pro_q_3(**changed: float) -> bytes:
    """Make a state of Pro-Q 3; `b2_3` is the fourth value of the second band."""
    values = [*EMPTY_BAND * 24, 0.0, 1.0, 1.0, *[0.0] * 43]
    for name, value in changed.items():
        band, place = name.removeprefix("b").split("_")
        values[(int(band) - 1) * 13 + int(place)] = value
    return fabfilter(values, b"FFpr\x01\x00\x00\x00FQ3p")


def juce(xml: str) -> bytes:
    return b"VC2!" + len(xml.encode()).to_bytes(4, "little") + xml.encode() + b"\0"


def fxp(kind: bytes, name: str, payload: bytes, count: int = 0) -> bytes:
    head = struct.pack(">4sI4sI4sII", b"CcnK", 0, kind, 1, b"Tide", 1, count)
    return head + name.encode().ljust(28, b"\0") + payload


def vstpreset(**chunks: bytes) -> bytes:
    at, table, body = 48, b"", b""
    for name, data in chunks.items():
        table += struct.pack("<4sQQ", name.encode(), at, len(data))
        at, body = at + len(data), body + data
    head = struct.pack("<4sI32sQ", b"VST3", 1, b"0" * 32, at)
    return head + body + struct.pack("<4sI", b"List", len(chunks)) + table


def zipped(**members: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


def found(data: bytes, name: str = "") -> dict[str, str]:
    parameters, _ = decode_state(data, name=name)
    return {p.name: p.value for p in parameters}


XML = '<Params><PARAM id="gain" value="0.5"/><Osc name="2" wave="saw"/></Params>'
TREE = {"gain": "0.5", "Osc 2/wave": "saw"}
CONTAINERS = {
    "XML": XML.encode(),
    "JUCE": juce(XML),
    "JUCE behind a head of its own": b"\x01\0\0\0" + juce(XML),
    "gzip": gzip.compress(XML.encode()),
    "zlib": zlib.compress(XML.encode()),
    "zip": zipped(state=XML),
    "base64": base64.b64encode(XML.encode() + b" " * (-len(XML) % 3)),
    "base64 of gzip of XML": base64.b64encode(gzip.compress(XML.encode())),
    "vstpreset": vstpreset(Comp=juce(XML)),
    "fxp with a chunk": fxp(b"FPCh", "", len(juce(XML)).to_bytes(4, "big") + juce(XML)),
}


@pytest.mark.parametrize("family", CONTAINERS)
def test_the_same_settings_are_found_in_every_wrapping(family: str) -> None:
    assert found(CONTAINERS[family]) == TREE


def test_json_is_flattened_with_its_numbers_as_written() -> None:
    data = json.dumps({"eq": {"bands": [{"freq": 90}, {"freq": 1.50}]}, "on": True, "name": "x"})
    assert found(data.encode()) == {
        "eq/bands 1/freq": "90",
        "eq/bands 2/freq": "1.5",
        "on": "1",
        "name": "x",
    }
    assert [p.value for p in decode_state(b'{"a": 0.10, "a": 2}\0')[0]] == ["0.10", "2"]


def test_nothing_stays_opaque_where_all_was_read() -> None:
    assert decode_state(juce(XML))[1] is None
    assert decode_state(pro_q_3(), ids=PRO_Q_3)[1] is None


def test_unknown_bytes_are_digest_and_size() -> None:
    data = bytes(range(200))
    assert decode_state(data) == ((), State(hashlib.sha256(data).hexdigest(), 200))
    assert decode_state(b"") == ((), None)


def test_bytes_around_what_is_known_stay_opaque() -> None:
    parameters, state = decode_state(b"\x07\0\0\0" + juce(XML) + b"private")
    assert len(parameters) == 2
    assert state is not None
    assert state.size == 4 + len("private")


def test_pro_q_3_names_its_bands_in_hertz_and_decibels() -> None:
    data = pro_q_3(b2_0=1.0, b2_2=7.0, b2_3=-3.0, b2_8=4.0, b2_9=2.5)
    parameters, _ = decode_state(data, ids=PRO_Q_3)
    named = {p.name: p for p in parameters}
    assert named["band 2 used"] == Parameter("band 2 used", "1", Unit.SWITCH)
    assert named["band 2 frequency"] == Parameter("band 2 frequency", "7", Unit.LOG2_HERTZ)
    assert named["band 2 gain"] == Parameter("band 2 gain", "-3", Unit.DECIBEL)
    assert named["band 2 shape"].value == "high cut"
    assert named["band 2 slope"].value == "2.5"
    assert named["band 1 slope"].value == "12 dB/oct"


def test_another_plug_in_of_fabfilters_has_numbered_values() -> None:
    assert found(fabfilter([0.25, -1.5]), "FabFilter Pro-L 2") == {
        "value 1": "0.25",
        "value 2": "-1.5",
    }


def test_a_programme_of_floats_has_a_name_and_numbered_parameters() -> None:
    data = fxp(b"FxCk", "Tape", struct.pack(">2f", 0.1, 1.0), 2)
    assert found(data) == {"programme": "Tape", "parameter 1": "0.1", "parameter 2": "1"}


def test_a_bank_names_its_programmes() -> None:
    programme = fxp(b"FxCk", "Warm", struct.pack(">f", 0.5), 1)
    head = struct.pack(">4sI4sI4sII", b"CcnK", 0, b"FxBk", 1, b"Tide", 1, 1)
    parameters, state = decode_state(head + bytes(128) + programme)
    assert [(p.name, p.value) for p in parameters] == [("programme 1", "Warm")]
    assert state is not None


def test_the_window_of_a_plug_in_is_no_setting() -> None:
    xml = '<S uiWidth="800" editor_height="3" windowX="4" window="hann" size="2" gain="1"/>'
    assert found(xml.encode()) == {"window": "hann", "size": "2", "gain": "1"}


def test_the_time_of_saving_is_no_setting() -> None:
    def saved(clock: str) -> bytes:
        return juce(f'<sax><datetime value="{clock}"/><param name="vol" value="0.7"/></sax>')

    at = [decode_state(saved(clock))[0] for clock in ("Mon Feb 10 23:47:28 2020", "Tue Feb 11")]
    assert at[0] == at[1] == (Parameter("vol", "0.7"),)
    knob, state = decode_state(juce('<echo><param id="saved" value="1"/></echo>'))
    assert (knob, state) == ((Parameter("saved", "1"),), None)


def test_settings_of_distrho_plug_ins_are_named() -> None:
    plain = b"preset\0Plate\0\0dry_level\x0080\0decay\x000.4\0\0"
    marked = (
        b"__dpf_program__\x003\0__dpf_parameters_begin__\0dry_level\x0080\0"
        b"__dpf_parameters_end__\0\xfe"
    )
    assert decode_state(plain) == (
        (
            Parameter("preset", "Plate", Unit.TEXT),
            Parameter("dry_level", "80"),
            Parameter("decay", "0.4"),
        ),
        None,
    )
    assert decode_state(marked) == ((Parameter("program", "3"), Parameter("dry_level", "80")), None)


@pytest.mark.parametrize(
    "data",
    [
        b"decay\0",
        b"decay\x000.4",
        b"decay\x000.4\0width\0",
        b"9decay\x000.4\0",
        b"decay\0\x01\0",
        b"decay\0\xff\xff\0",
        b"decay\0\0\0\0",
    ],
)
def test_bytes_that_only_look_like_distrho_stay_opaque(data: bytes) -> None:
    parameters, state = decode_state(data)
    assert (parameters, state) == ((), State(hashlib.sha256(data).hexdigest(), len(data)))


def test_json_behind_its_length_is_read() -> None:
    text = b'{"params": {"gain": 0.5}}'
    parameters, state = decode_state(len(text).to_bytes(8, "little") + text)
    assert (parameters, state) == ((Parameter("params/gain", "0.5"),), None)
    assert decode_state((len(text) + 1).to_bytes(8, "little") + text)[0] == ()


def test_other_dates_in_packed_files_are_no_change() -> None:
    assert decode_state(gzip.compress(b"\x01" * 90, mtime=1)) == decode_state(
        gzip.compress(b"\x01" * 90, mtime=2)
    )


JUNK = {
    "gzip bomb": gzip.compress(bytes(200_000_000), 1),
    "zlib bomb": zlib.compress(bytes(200_000_000), 1),
    "deep JSON": b"[" * 100_000 + b"]" * 100_000,
    "deep XML": b"<a>" * 10_000 + b"</a>" * 10_000,
    "entities": b'<!DOCTYPE a [<!ENTITY e "ha">]><a b="&e;"/>',
    "default attributes": b'<!DOCTYPE a [<!ATTLIST a b CDATA "ha">]><a c="1"/>',
    "FFBS that promises more": fabfilter([1.0])[:-1],
    "FFBS of a billion": struct.pack("<4sII", b"FFBS", 1, 2**30),
    "fxp that promises more": fxp(b"FPCh", "x", (99).to_bytes(4, "big")),
    "fxp of a billion floats": fxp(b"FxCk", "x", b"", 2**30),
    "vstpreset with a list elsewhere": vstpreset(Comp=b"abc")[:-5],
    "VC2! with a wrong length": b"VC2!" + (2**31).to_bytes(4, "little") + b"<a/>",
    "base64 of nothing known": base64.b64encode(bytes(range(255))),
    "a number of a million digits": b"[" + b"9" * 1_000_000 + b"]",
    "millions of numbers": b"[" + b"1," * 4_000_000 + b"1]",
    "millions of elements": b"<s>" + b"<a/>" * 2_000_000 + b"</s>",
    "zip cut": zipped(a=XML)[:-9],
    "gzip in gzip in gzip": gzip.compress(gzip.compress(gzip.compress(b"\0" * 10**8, 1), 1), 1),
}


@pytest.mark.parametrize("what", JUNK)
def test_junk_is_opaque_and_quick(what: str) -> None:
    begin = time.perf_counter()
    parameters, state = decode_state(JUNK[what])
    assert time.perf_counter() - begin < 3
    assert len(parameters) <= MAX_PARAMETERS
    assert state is not None
    assert state.size > 0


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ('{"', '": [1, 2]}'),
        ('{"a": {"', '": {"b": [1, 2]}}}'),
        ('<r><a name="', '"><b c="1"/><b c="2"/></a></r>'),
        ('<r><a id="', '" value="3"/></r>'),
    ],
)
def test_a_path_without_end_is_opaque_and_copied_to_no_child(start: str, end: str) -> None:
    short, long = (f"{start}{'k' * size}{end}".encode() for size in (900, 1001))
    assert decode_state(short)[0]
    assert decode_state(long) == ((), State(hashlib.sha256(long).hexdigest(), len(long)))


@pytest.mark.parametrize(("size", "is_read"), [(15_000, True), (17_000, False)])
def test_more_children_than_a_state_may_have_are_not_even_named(size: int, is_read: bool) -> None:
    elements = '<b c="1"/>' * size
    for data in (json.dumps({"a": [1] * size}), f"<r><a>{elements}</a></r>"):
        assert bool(decode_state(data.encode())[0]) is is_read


def packed_twice(text: str) -> bytes:
    return gzip.compress(gzip.compress(text.encode()))


def test_a_state_may_unpack_to_a_hundred_times_its_size_and_a_little() -> None:
    assert found(packed_twice(XML + " " * 50_000)) == TREE
    packed = packed_twice(XML + " " * 31_000_000)
    parameters, state = decode_state(packed)
    assert parameters == ()
    assert state is not None
    assert state.size <= 100 * len(packed) + (64 << 10)


def test_what_is_packed_in_more_text_than_may_be_unpacked_is_opaque() -> None:
    inner = gzip.compress(XML.encode())
    text = base64.b64encode(inner + bytes(60_000 - len(inner)))
    parameters, state = decode_state(gzip.compress(text))
    assert parameters == ()
    assert state is not None


def test_what_was_unpacked_in_vain_counts_as_well() -> None:
    bomb = gzip.compress(bytes(2_000_000))
    whole = gzip.compress(XML.encode())
    assert found(vstpreset(Comp=whole, Cont=bytes(9))) == TREE
    assert found(vstpreset(Comp=bomb, Cont=whole)) == {}


def test_a_preset_whose_chunks_lie_over_one_another_is_opaque() -> None:
    data = juce(XML)
    for _ in range(5):
        head = struct.pack("<4sI32sQ", b"VST3", 1, b"0" * 32, 48 + len(data))
        table = struct.pack("<4sQQ", b"Comp", 48, len(data)) * 64
        data = head + data + struct.pack("<4sI", b"List", 64) + table
    assert decode_state(data) == ((), State(hashlib.sha256(data).hexdigest(), len(data)))


def test_a_state_beyond_the_bound_is_only_hashed() -> None:
    data = b"{" + b" " * MAX_STATE + b"}"
    assert decode_state(data)[1] == State(hashlib.sha256(data).hexdigest(), len(data))


def test_settings_beyond_the_bound_are_digested_not_lost() -> None:
    many = {f"p{n}": n for n in range(MAX_PARAMETERS + 5)}
    one = decode_state(json.dumps(many).encode())
    many[f"p{MAX_PARAMETERS + 2}"] = -1
    two = decode_state(json.dumps(many).encode())
    assert len(one[0]) == MAX_PARAMETERS
    assert one[0] == two[0]
    assert one[1] != two[1]


HEADS = (b"", b"FFBS", b"VC2!", b"CcnK", b"VST3", b"{", b"<")


@given(st.binary(max_size=400), st.sampled_from(HEADS))
def test_no_bytes_are_too_strange(data: bytes, head: bytes) -> None:
    parameters, state = decode_state(head + data)
    # Nothing at all is right only for nothing, and for a document that holds no setting.
    assert parameters or state or (head + data).lstrip()[:1] in (b"", b"{", b"[", b"<")
    for parameter in parameters:
        assert parameter.value.encode()


def test_flipped_bits_of_known_states_are_read_or_opaque() -> None:
    dice = random.Random(5)
    for data in (*CONTAINERS.values(), pro_q_3()):
        for _ in range(60):
            damaged = bytearray(data)
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            decode_state(bytes(damaged), name="Pro-Q 3")


@given(st.floats(width=32, allow_nan=False))
def test_a_stored_float_is_written_so_that_it_comes_back(number: float) -> None:
    (back,) = struct.unpack("<f", struct.pack("<f", float(float_text(number))))
    assert back == number


def in_reaper(state: bytes, plugin: str) -> bytes:
    """Write a project with one device whose state is wrapped as REAPER does."""
    masks = struct.pack("<IQQIQQ", 2, 1, 2, 2, 1, 2)
    if "VST3" in plugin:
        state = struct.pack("<II", len(state), 1) + state
    head = b"abcd\xee\x5e\xed\xfe" + masks + struct.pack("<III", len(state), 1, 0x100000)
    lines = [base64.b64encode(part).decode() for part in (head, state, b"\0\0\x10\0\0\0")]
    text = (FIXTURES / "rpp/effect_state/before.rpp").read_text()
    begin = text.index("      <VST ")
    end = text.index("      >", begin)
    body = "".join(f"        {line}\n" for line in lines)
    return f"{text[:begin]}      <VST {plugin}\n{body}{text[end:]}".encode()


PRO_Q_IN_REAPER = (
    '"VST3: Pro-Q 3 (FabFilter)" x.vst3 0 "" 756089518{72C4DB717A4D459AB97E51745D84B39D} ""'
)


def test_a_gain_of_pro_q_3_in_reaper_is_one_sentence_in_decibels() -> None:
    saves = [in_reaper(pro_q_3(b2_0=1.0, b2_3=gain), PRO_Q_IN_REAPER) for gain in (-3.0, -4.5)]
    one, two = (read_session("a.rpp", save) for save in saves)
    (decision,) = diff(one, two)
    assert decision.text == "Lead Vox: Pro-Q 3 band 2 gain -3.0 -> -4.5 dB"
    assert (decision.kind, decision.before, decision.after) == ("device.parameter", "-3", "-4.5")
    assert (decision.stage, decision.device) == ("mixing", "Pro-Q 3")


def test_a_juce_plug_in_in_reaper_names_its_parameters() -> None:
    vst2 = '"VST: Drift (Tide)" drift.so 0 "" 1234 ""'
    saves = [in_reaper(juce(XML.replace("0.5", gain)), vst2) for gain in ("0.5", "0.75")]
    (decision,) = diff(*(read_session("a.rpp", save) for save in saves))
    assert decision.text == "Lead Vox: Drift gain 0.5 -> 0.75"


def test_opaque_settings_in_reaper_are_told_once() -> None:
    vst2 = '"VST: Drift (Tide)" drift.so 0 "" 1234 ""'
    saves = [in_reaper(bytes([n]) * 90, vst2) for n in (1, 2)]
    (decision,) = diff(*(read_session("a.rpp", save) for save in saves))
    assert decision.text == "Lead Vox: Drift settings changed"
    assert decision.after is not None
    assert decision.after.endswith("90 bytes")


def in_lmms(settings: str) -> bytes:
    """Write a song whose first effect is a VST with these settings."""
    text = (FIXTURES / "lmms/effect_setting/before.mmp").read_text()
    begin = text.index("<effect ")
    end = text.index("</effect>", begin) + len("</effect>")
    effect = (
        '<effect name="vsteffect" on="1" wet="1" gate="0" autoquit="1">'
        f'<vsteffectcontrols plugin="drift.dll" guivisible="0" {settings}/></effect>'
    )
    return (text[:begin] + effect + text[end:]).encode()


def test_a_vst_in_lmms_names_its_parameters_and_its_window_is_nothing() -> None:
    chunks = [base64.b64encode(juce(XML.replace("0.5", gain))).decode() for gain in ("0.5", "0.75")]
    one, two = (read_session("a.mmp", in_lmms(f'chunk="{chunk}"')) for chunk in chunks)
    (decision,) = diff(one, two)
    assert decision.text.endswith("gain 0.5 -> 0.75")
    one, two = (read_session("a.mmp", in_lmms(f'param0="0:Cutoff:{n}"')) for n in ("0.2", "0.3"))
    (decision,) = diff(one, two)
    assert decision.text.endswith("Cutoff 0.2 -> 0.3")
    shown = in_lmms('param0="0:Cutoff:0.3"').replace(b'guivisible="0"', b'guivisible="1"')
    assert diff(two, read_session("a.mmp", shown)) == []


def test_settings_that_the_session_names_are_not_told_twice() -> None:
    named = [Parameter("Gain", "0.5"), Parameter("Mix", "1")]
    decoded = decode_state(juce(XML))[0]
    assert [p.name for p in beside_named(named, decoded)] == ["Gain", "Mix", "Osc 2/wave"]
