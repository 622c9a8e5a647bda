"""Claims, bundles and a log's members: parse and format are each other's inverse."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.verify.altering import altered_values, encode, put_together, take_apart
from tests.verify.studio import Scene, make_scene

from stemproof.claim.bundle import MAX_LOGS, format_bundle, parse_bundle
from stemproof.claim.claim import Credit, claim_digest, format_claim, parse_claim
from stemproof.claim.container import parse_container
from stemproof.claim.logpart import (
    MIN_HEADER_BYTES,
    MIN_OPENING_BYTES,
    Anchorage,
    Block,
    Head,
    LogPart,
    Opened,
    format_headers,
    format_log_part,
    format_openings,
    parse_headers,
    parse_log_part,
    parse_openings,
)
from stemproof.errors import Malformed, Undecided
from stemproof.record.canonical import MAX_INTEGER
from stemproof.record.commitment import FIELDS, Opening

texts = st.text(st.characters(codec="utf-8"), max_size=40)
numbers = st.integers(0, MAX_INTEGER)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def _opening(field: str, salt: bytes, text: str, digest: bytes) -> Opening:
    is_text = field in ("body", "prompt", "lyrics")
    return Opening(field, salt, text.encode() if is_text else digest)


def _opened() -> st.SearchStrategy[Opened]:
    opening = st.builds(
        _opening,
        st.sampled_from(sorted(FIELDS)),
        st.binary(min_size=16, max_size=16),
        texts,
        st.binary(min_size=32, max_size=32),
    )
    return st.builds(Opened, st.integers(0, 99), opening)


@given(st.lists(_opened(), max_size=8, unique_by=lambda each: (each.work_seq, each.opening.field)))
def test_openings_are_read_as_written(openings: list[Opened]) -> None:
    data = format_openings(openings)
    found = parse_openings(data)
    assert set(found) == set(openings)
    assert format_openings(found) == data


digests = st.binary(min_size=32, max_size=32)
heads = st.builds(
    Head,
    note=texts.map(str.encode),
    own_size=numbers,
    own_proof=st.binary(max_size=96),
    work_size=numbers,
    work_proof=st.binary(max_size=96),
    block=st.builds(Block, number=numbers, time=numbers, parent_hash=digests),
)


@given(st.lists(heads, min_size=1, max_size=4), numbers, st.binary(min_size=20, max_size=20))
def test_heads_are_read_as_written(listed: list[Head], chain_id: int, address: bytes) -> None:
    line = b"h" * MIN_HEADER_BYTES
    where = Anchorage(chain_id, address, address[::-1])
    part = LogPart((line,), (), (line, line), (), tuple(listed), where, b"{}")
    members = format_log_part(part)
    assert parse_log_part(members) == part
    assert format_log_part(parse_log_part(members)) == members


def test_heads_in_any_other_form_are_refused(scene: Scene) -> None:
    members = format_log_part(scene.bundle.logs[0])
    heads_json = json.loads(members["heads.json"])
    for where, value in altered_values(heads_json):
        try:
            part = parse_log_part({**members, "heads.json": encode(value)})
        except (Malformed, Undecided):
            continue
        # What is still of the form is another value, and written as such.
        assert format_log_part(part)["heads.json"] == encode(value), where
        assert part != scene.bundle.logs[0], where


@pytest.mark.parametrize("name", ["own.headers", "own.openings", "work.headers", "heads.json"])
def test_a_log_without_one_of_its_members_is_refused(scene: Scene, name: str) -> None:
    members = format_log_part(scene.bundle.logs[0])
    with pytest.raises(Malformed):
        parse_log_part({each: data for each, data in members.items() if each != name})


def test_anchored_heads_and_evidence_come_together(scene: Scene) -> None:
    members = format_log_part(scene.bundle.logs[0])
    with pytest.raises(Malformed):
        parse_log_part({each: data for each, data in members.items() if each != "evidence.json"})


@pytest.mark.parametrize(
    "data", [b"", b"x", b"\n", b"x\n\n", b"\nx\n", b"h" * 300, b"h" * 3000 + b"\n"]
)
def test_headers_that_are_no_lines_of_the_right_length_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_headers(data)


@pytest.mark.parametrize("parse", [parse_headers, parse_openings])
def test_millions_of_empty_lines_are_refused_before_they_are_split(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(Malformed, match="bytes a line"):
        parse(b"\n" * (32 << 20))


def test_no_header_or_opening_is_shorter_than_the_bound(scene: Scene) -> None:
    part = scene.bundle.logs[0]
    assert min(map(len, (*part.headers, *part.own_headers))) > MIN_HEADER_BYTES
    shortest = Opened(0, Opening("body", bytes(16), b""))
    assert len(format_openings([shortest])) >= MIN_OPENING_BYTES
    assert parse_headers(format_headers(part.headers)) == part.headers


@pytest.mark.parametrize(
    "line",
    [
        {"field": "body", "salt": "00" * 16, "value": "", "work_seq": 0, "x": 0},
        {"field": "title", "salt": "00" * 16, "value": "a" * 60, "work_seq": 0},
        {"field": "body", "salt": "00" * 15, "value": "a" * 60, "work_seq": 0},
        {"field": "body", "salt": "00" * 16, "value": "a" * 60, "work_seq": -1},
        {"field": "audio", "salt": "00" * 16, "value": "00" * 31, "work_seq": 0},
        {"field": "audio", "salt": "00" * 16, "value": "AB" * 32, "work_seq": 0},
    ],
)
def test_an_opening_of_another_form_is_refused(line: dict[str, str | int]) -> None:
    with pytest.raises(Malformed):
        parse_openings(encode({**line}) + b"\n")


def test_openings_out_of_order_or_twice_are_refused() -> None:
    first = Opened(1, Opening("body", bytes(16), b"a" * 40))
    second = Opened(0, Opening("body", bytes(16), b"a" * 40))
    for pair in ((first, second), (first, first)):
        with pytest.raises(Malformed):
            parse_openings(b"".join(format_openings([each]) for each in pair))


@given(
    title=texts,
    names=st.lists(st.tuples(texts, texts), max_size=3),
    identifiers=st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), texts, max_size=3),
)
def test_a_claim_is_read_as_written(
    title: str, names: list[tuple[str, str]], identifiers: dict[str, str]
) -> None:
    claim = replace(
        SCENE.studio.claim(SCENE.master),
        title=title,
        credits=tuple(Credit(*pair) for pair in names),
        identifiers=tuple(sorted(identifiers.items())),
    )
    data = format_claim(claim)
    assert parse_claim(data) == claim
    assert format_claim(parse_claim(data)) == data


def test_a_claim_in_any_other_form_is_refused(scene: Scene) -> None:
    data = scene.bundle.signed.claim
    for where, value in altered_values(json.loads(data)):
        try:
            claim = parse_claim(encode(value))
        except (Malformed, Undecided):
            continue
        assert format_claim(claim) == encode(value), where
        assert claim_digest(claim, encode(value)) != claim_digest(parse_claim(data), data), where


def test_a_claim_of_a_newer_format_is_undecided_not_refuted(scene: Scene) -> None:
    claim = json.loads(scene.bundle.signed.claim)
    with pytest.raises(Undecided):
        parse_claim(encode({**claim, "v": 1, "new": []}))


def test_a_bundle_is_read_as_written(scene: Scene) -> None:
    bundle, sealing = parse_bundle(scene.data)
    assert bundle == scene.bundle
    assert format_bundle(bundle, lambda _: sealing.signature) == scene.data


def test_a_bundle_of_an_unknown_profile_is_undecided(scene: Scene) -> None:
    members = take_apart(scene.data)
    with pytest.raises(Undecided):
        parse_bundle(put_together(members, scene.studio.person.sign, profile="excerpt"))


def test_logs_are_numbered_without_a_gap_and_at_most_eight(scene: Scene) -> None:
    members = take_apart(scene.data)
    for folder in ("log02", f"log{MAX_LOGS:02d}", "logs", "log1"):
        copied = {
            name.replace("log00", folder): data
            for name, data in members.items()
            if name.startswith("log00")
        }
        with pytest.raises(Malformed):
            parse_bundle(put_together({**members, **copied}, scene.studio.person.sign))


def test_the_manifest_names_every_member_but_itself(scene: Scene) -> None:
    members = parse_container(scene.data)
    manifest = json.loads(members["manifest.json"].packed)
    assert manifest["parts"].keys() == members.keys() - {"manifest.json", "manifest.sig"}


def test_every_field_of_a_claim_is_in_its_bytes(scene: Scene) -> None:
    found = json.loads(scene.bundle.signed.claim)
    stated = {field.name for field in fields(scene.studio.claim())} - {"report"}
    assert found.keys() == stated | {"coverage", "stages", "kind", "v"}


# Hypothesis runs outside of fixtures that are made once for a module.
SCENE = make_scene()
