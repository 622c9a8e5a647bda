"""The shipped rows: each with a source that was read; ids decide before names."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from stemproof.capture.sessions.model import Device, PluginId, PluginKind
from stemproof.capture.tools.catalogue import make_catalogue, parse_catalogue, shipped_catalogue
from stemproof.capture.tools.rows import FORMS, ID_KINDS, Confidence, Kind, Tool, parse_row
from stemproof.errors import BadInput
from stemproof.record.vocabulary import STAGES

ROOM = files("stemproof.capture.tools")
TABLE: dict[str, Any] = json.loads(ROOM.joinpath("catalogue.json").read_bytes())
SCHEMA: dict[str, Any] = json.loads(ROOM.joinpath("catalogue.schema.json").read_bytes())
TOOLS = shipped_catalogue().tools
ROW = next(row for row in TABLE["tools"] if row["id"] == "izotope-ozone-9")


def device(name: str, vendor: str = "", *ids: tuple[PluginKind, str]) -> Device:
    return Device(name, vendor=vendor, ids=tuple(PluginId(*one) for one in ids))


def found(one: Device) -> tuple[str, str] | None:
    match = shipped_catalogue().match(one)
    return None if match is None else (match.tool.id, match.how)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_every_row_has_a_source_and_its_day(tool: Tool) -> None:
    assert tool.sources
    assert tool.says
    assert tool.names
    if tool.ids:
        assert any(one.of == "ids" for one in tool.sources)
    if tool.is_ai_capable:
        assert any(one.of == "capability" for one in tool.sources)
        assert tool.role


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.id)
def test_every_row_finds_itself_and_no_other(tool: Tool) -> None:
    for kind, value in tool.ids:
        assert found(device("anything", "anybody", (PluginKind(kind), value))) == (tool.id, "id")
    if tool.form == "plugin" and tool.vendor:
        name = tool.names[0].removesuffix(" *")
        assert found(device(name, tool.vendor)) == (tool.id, "name")
        assert found(device(f"{tool.vendor} {name}", f"{tool.vendor} GmbH")) == (tool.id, "name")


def test_all_that_people_ask_about_is_in_the_table() -> None:
    vendors = {tool.vendor for tool in TOOLS}
    assert vendors >= {
        *("iZotope", "sonible", "Waves", "LANDR", "Mixed In Key", "Dreamtonics", "Yamaha"),
        *("ACE Studio", "Audialab", "Magenta", "Apple", "Steinberg", "Image-Line"),
        *("Suno", "Udio", "Stability AI", "Meta", "ACE-Step", "Deezer", "LALAL.AI", "Moises"),
    }
    assert {tool.kind for tool in TOOLS} == set(Kind)


def test_an_id_decides_before_a_name() -> None:
    one = device("Ozone 7", "iZotope", (PluginKind.VST2, "ZnO9"))
    assert found(one) == ("izotope-ozone-9", "id")


def test_a_vst3_id_made_from_a_vst2_code_is_that_plug_in() -> None:
    made = "565354" + b"ZnO8".hex().upper() + b"ozone 8\0\0".hex().upper()
    assert found(device("?", "?", (PluginKind.VST3, made))) == ("izotope-ozone-8", "id")
    # The same bytes elsewhere in an id mean nothing.
    other = b"ZnO8".hex().upper() + "565354" + b"ozone 8\0\0".hex().upper()
    assert found(device("?", "?", (PluginKind.VST3, other))) is None


def test_another_makers_plug_in_of_the_same_name_is_not_it() -> None:
    assert found(device("Ozone 9", "Somebody Else")) is None
    assert found(device("Relay")) is None  # without a vendor the name says too little
    assert found(device("Ozone 9")) == ("izotope-ozone-9", "name")


def test_a_service_is_no_plug_in() -> None:
    assert found(device("Suno", "Suno")) is None


def test_the_schema_and_the_reader_name_the_same_words() -> None:
    row = SCHEMA["$defs"]["row"]["properties"]
    assert SCHEMA["$defs"]["kind"]["enum"] == [one.value for one in Kind]
    assert row["form"]["enum"] == list(FORMS)
    assert row["stage"]["enum"] == list(STAGES)
    assert row["confidence"]["enum"] == [one.value for one in Confidence]
    assert set(row["ids"]["properties"]) == set(ID_KINDS)
    for one in TABLE["tools"]:
        assert one.keys() <= row.keys()
        assert set(SCHEMA["$defs"]["row"]["required"]) <= one.keys()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": "maybe"}, "kind is 'maybe'"),
        ({"form": "toaster"}, "form is"),
        ({"stage": "lunch"}, "stage is"),
        ({"role": "Wizard"}, "role is 'Wizard'"),
        ({"id": "Ozone 9"}, "id is 'Ozone 9'"),
        ({"says": "a\nb"}, "says is"),
        ({"says": 3}, "says is 3"),
        ({"names": ["***"]}, "no word in it"),
        ({"names": ["Ozone * 9"]}, r"elsewhere than at its end"),
        ({"names": "Ozone 9"}, "names is no list"),
        ({"ids": {"vst2": ["ZnO99"]}}, "not spelt as an id of vst2"),
        ({"ids": {"vst3": ["zz"]}}, "not spelt as an id of vst3"),
        ({"ids": {"au": ["aufx Zn"]}}, "not spelt as an id of au"),
        ({"ids": {"aax": ["x"]}}, "'aax' that is not known"),
        ({"sources": []}, "no source says what it does"),
        ({"sources": [{"of": "ids", "url": "https://x", "read": "2026-11-22"}]}, "no source says"),
        ({"sources": [{"of": "capability", "url": "x", "read": "2026-11-22"}]}, "no address"),
        ({"sources": [{"of": "capability", "url": "https://x", "read": "today"}]}, "is no day"),
        ({"sources": [{"of": "capability", "url": "https://x", "read": "20261122"}]}, "not spelt"),
        ({"sources": [{"url": "https://x"}]}, "has not just the members"),
        ({"confidence": "sure"}, "confidence is"),
        ({"alone": 1}, "alone is 1"),
        ({"price": 5}, "'price' that is not known"),
    ],
)
def test_a_row_of_another_form_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        parse_row({**ROW, **change}, "row 0")


def test_two_rows_of_one_id_are_refused() -> None:
    with pytest.raises(BadInput, match="two rows"):
        make_catalogue(1, [TOOLS[0], TOOLS[0]])
    twin = parse_row({**ROW, "id": "twin"}, "row 0")
    with pytest.raises(BadInput, match="is in two rows"):
        make_catalogue(1, [parse_row(ROW, "row 0"), twin])


def test_a_catalogue_of_a_later_form_is_refused() -> None:
    with pytest.raises(BadInput, match="version"):
        parse_catalogue(json.dumps({**TABLE, "v": 1}).encode())
