"""Headers: one spelling, every member guarded, equal to the general encoder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from stemproof.errors import Malformed, Undecided
from stemproof.record import vocabulary
from stemproof.record.commitment import FIELDS, SALT_BYTES, Opening, check_opening, commitment_of
from stemproof.record.event import (
    MAX_HEADER_BYTES,
    Header,
    format_header,
    format_time,
    leaf_hash,
    parse_header,
    parse_time,
)
from stemproof.record.fields import Fields


def hexes(digits: int) -> st.SearchStrategy[str]:
    return st.integers(0, 16**digits - 1).map(lambda number: f"{number:0{digits}x}")


MOMENTS = st.datetimes(timezones=st.just(UTC))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    seq = draw(st.just(0) | st.integers(1, 2**53 - 1))
    optional = draw(st.sets(st.sampled_from(sorted(FIELDS))))
    return Header(
        origin=f"stemproof/{draw(hexes(32))}/{draw(hexes(32))}",
        work=draw(hexes(32)),
        work_seq=seq,
        prev=draw(hexes(64)) if seq else "",
        time=format_time(draw(MOMENTS)),
        session=draw(st.just("") | hexes(32)),
        stage=draw(st.sampled_from(vocabulary.STAGES)),
        action=draw(st.from_regex(vocabulary.ACTION_PATTERN, fullmatch=True)
                    .filter(lambda text: len(text) <= 64)),
        class_=draw(st.sampled_from(vocabulary.CLASSES)),
        observed=draw(st.sampled_from(vocabulary.OBSERVED)),
        actor=draw(st.sampled_from(vocabulary.ACTORS)),
        tool=draw(st.sampled_from(vocabulary.TOOLS)),
        commit={field: draw(hexes(64)) for field in {*optional, "body"}},
    )  # fmt: skip


def as_members(header: Header) -> dict[str, Any]:
    members: dict[str, Any] = {name.rstrip("_"): value for name, value in header._asdict().items()}
    return {**members, "commit": dict(header.commit), "v": 0}


@given(header=headers())
def test_the_quick_writer_writes_what_an_independent_encoder_writes(header: Header) -> None:
    assert format_header(header) == rfc8785.dumps(as_members(header))


@given(header=headers())
def test_a_header_is_read_back_from_its_bytes(header: Header) -> None:
    data = format_header(header)
    assert parse_header(data) == header
    assert format_header(parse_header(data)) == data


@given(header=headers(), data=st.data())
def test_a_flipped_bit_is_refused_or_gives_another_leaf(
    header: Header, data: st.DataObject
) -> None:
    good = format_header(header)
    place = data.draw(st.integers(0, len(good) - 1))
    changed = bytearray(good)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        other = parse_header(bytes(changed))
    except (Malformed, Undecided):
        return
    assert other != header
    assert leaf_hash(bytes(changed)) != leaf_hash(good)


@given(header=headers(), other=headers())
def test_headers_with_one_other_member_have_other_leaves(header: Header, other: Header) -> None:
    for name, value in other._asdict().items():
        if value == getattr(header, name):
            continue
        try:
            changed = format_header(header._replace(**{name: value}))
        except Malformed:
            continue  # a first event with a prev, or the other way round
        assert leaf_hash(changed) != leaf_hash(format_header(header))


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_header_or_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_header(data)


LONGEST = Header(
    origin="stemproof/" + "a" * 32 + "/" + "b" * 32,
    work="c" * 32,
    work_seq=2**53 - 1,
    prev="d" * 64,
    time="2026-11-22T03:12:00.123Z",
    session="e" * 32,
    stage="performance",
    action="a" * 20 + "." + "b" * 24 + "." + "c" * 18,
    class_="human_with_tool",
    observed="declared",
    actor="contributor",
    tool="generator",
    commit={field: "f" * 64 for field in FIELDS},
)


def test_the_longest_header_fits_its_bound() -> None:
    assert len(format_header(LONGEST)) < 1200 < MAX_HEADER_BYTES


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("stage", 'mixing","v":1,"x":"'),
        ("session", "e" * 31 + '"'),
        ("action", "a.b\\"),
        ("actor", "author\n"),
        ("time", "2026-11-22T03:12:00.123Z\n"),
        ("prev", "d" * 63 + "\n"),
        ("work_seq", -1),
        ("work_seq", 2**53),
        ("commit", {"body": "f" * 64, 'x":"': "f" * 64}),
        ("commit", {"body": "f" * 63 + "\n"}),
    ],
)
def test_the_quick_writer_writes_nothing_that_needs_an_escape(member: str, value: Any) -> None:
    with pytest.raises(Malformed):
        format_header(LONGEST._replace(**{member: value}))


@given(moment=MOMENTS)
def test_a_time_is_read_back_to_the_millisecond(moment: datetime) -> None:
    text = format_time(moment)
    assert parse_time(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert format_time(parse_time(text)) == text


def test_a_time_of_another_zone_is_written_as_utc() -> None:
    there = datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=2)))
    assert format_time(there) == "2026-11-21T23:00:00.000Z"


def test_a_time_before_the_year_1000_keeps_its_four_digits() -> None:
    assert format_time(datetime(1, 2, 3, tzinfo=UTC)) == "0001-02-03T00:00:00.000Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(Malformed, match="time zone"):
        format_time(datetime(2026, 11, 22))


@pytest.mark.parametrize(
    "text", ["", "2026-11-22", "2026-11-22T03:12:00.123", "0000-01-01T00:00:00.000Z", "x" * 24]
)
def test_a_time_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="time"):
        parse_time(text)


@given(
    field=st.sampled_from(sorted(FIELDS)),
    salt=st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES),
    value=st.binary(max_size=64),
)
def test_a_commitment_opens_with_what_it_was_made_of(field: str, salt: bytes, value: bytes) -> None:
    check_opening(Opening(field, salt, value), commitment_of(field, salt, value).hex())


FIELDS_TEXT = b'{"flag":true,"hex":"ab","list":[1],"n":1,"o":{},"t":"x","v":0}'


def parsed() -> Fields:
    return Fields.parse(FIELDS_TEXT, what="thing", version=0, max_bytes=100)


def test_members_are_taken_as_what_they_are() -> None:
    taken = parsed()
    assert (taken.flag("flag"), taken.hex_bytes("hex", 1), taken.numbers("list")) == (
        True,
        b"\xab",
        (1,),
    )
    assert (taken.number("n"), taken.inner("o").members, taken.text("t")) == (1, {}, "x")


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("flag", ("n",)),
        ("hex_bytes", ("hex", 2)),
        ("hex_bytes", ("n", 1)),
        ("number", ("flag",)),
        ("number", ("absent",)),
        ("numbers", ("t",)),
        ("texts", ("list",)),
        ("objects", ("list",)),
        ("inner", ("list",)),
        ("text", ("n",)),
        ("demand_text", ("t", "y")),
    ],
)
def test_a_member_of_another_kind_is_malformed(method: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(Malformed, match="thing"):
        getattr(parsed(), method)(*arguments)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b'{"v":1}', Undecided), (b'{"v":-1}', Malformed), (b'{"v":true}', Malformed),
     (b"{}", Malformed), (b'{"v":"0"}', Malformed), (b"[]", Malformed)],
)  # fmt: skip
def test_a_statement_of_another_version_is_undecided_or_malformed(
    data: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        Fields.parse(data, what="thing", version=0, max_bytes=100)
