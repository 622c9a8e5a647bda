"""MusicXML: plain, packed, bar by bar, in UTF-16; what sounds and where; hostile bytes."""

from __future__ import annotations

import io
import random
import zipfile
from fractions import Fraction
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.signs import SignKind
from stemproof.errors import BadInput

BASE = (Path(__file__).parent / "fixtures/musicxml/tempo/before.musicxml").read_bytes()
CONTAINER = (
    '<?xml version="1.0"?><container><rootfiles>'
    '<rootfile full-path="song.xml"/></rootfiles></container>'
)


def pack(files: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def notes(session: Session, track: int = 0) -> list[tuple[int, Fraction, Fraction]]:
    (clip,) = session.tracks[track].clips
    ppq = clip.ppq
    return [(n.pitch, Fraction(n.start, ppq), Fraction(n.length, ppq)) for n in clip.notes]


def signs(session: Session, kind: SignKind) -> list[str]:
    return [s.text for t in session.tracks for c in t.clips for s in c.signs if s.kind is kind]


def score(*bars: str, divisions: str = "2", parts: str = "") -> bytes:
    inner = "".join(f'<measure number="{n}">{bar}</measure>' for n, bar in enumerate(bars, 1))
    attributes = f"<attributes><divisions>{divisions}</divisions></attributes>"
    inner = inner.replace(">", ">" + attributes, 1)
    return (
        '<score-partwise version="3.1"><part-list><score-part id="P1">'
        f"<part-name>Flute</part-name>{parts}</score-part></part-list>"
        f'<part id="P1">{inner}</part></score-partwise>'
    ).encode()


def note(step: str, octave: int, duration: int = 2, more: str = "", first: str = "") -> str:
    return (
        f"<note>{first}<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
        f"<duration>{duration}</duration>{more}</note>"
    )


def test_ties_chords_and_triplets_have_exact_places() -> None:
    third = Fraction(1, 3)
    assert notes(read_session("a.musicxml", BASE)) == [
        (65, Fraction(0), Fraction(1)),
        (69, Fraction(1), Fraction(1)),
        (72, Fraction(2), Fraction(3)),
        (67, Fraction(5), third),
        (70, Fraction(5), third),
    ]


def test_a_tie_that_misses_its_end_by_rounding_still_binds() -> None:
    held = note("E", 4, 17, '<tie type="start"/>')
    late = "<forward><duration>1</duration></forward>"
    ends = note("E", 4, 4, '<tie type="stop"/>')
    session = read_session("a.musicxml", score(held + late + ends, divisions="17"))
    assert notes(session) == [(64, Fraction(0), Fraction(22, 17))]


def test_a_tie_into_a_second_ending_begins_a_note_of_its_own() -> None:
    held = note("E", 4, 4, '<tie type="start"/>')
    session = read_session(
        "a.musicxml", score(held, note("D", 4, 4), note("E", 4, 4, '<tie type="stop"/>'))
    )
    assert [pitch for pitch, _, _ in notes(session)] == [64, 62, 64]


def test_a_part_renamed_is_one_decision_where_nothing_else_names_its_instrument() -> None:
    one = score(note("C", 4))
    two = one.replace(b"Flute", b"Solo flute")
    decisions = diff(read_session("a.musicxml", one), read_session("a.musicxml", two))
    assert [d.text for d in decisions] == ["Flute: track renamed to 'Solo flute'"]


def test_a_horn_in_f_sounds_a_fifth_lower() -> None:
    session = read_session("a.musicxml", BASE)
    assert [pitch for pitch, _, _ in notes(session, 1)] == [53, 65]


def test_words_chords_program_and_key_are_read() -> None:
    session = read_session("a.musicxml", BASE)
    assert (session.application, session.version) == ("Dorico", "5.1.0")
    assert signs(session, SignKind.LYRICS) == ["Morn-", "ing"]
    assert signs(session, SignKind.CHORDS) == ["F", "C7"]
    assert {p.name: p.value for p in session.parameters}["key"] == "F (1 flat)"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.xml", BASE),
        ("a.mxl", pack({"META-INF/container.xml": CONTAINER, "song.xml": BASE})),
        ("a.xml", BASE.decode().replace("UTF-8", "UTF-16").encode("utf-16")),
        ("a.musicxml", b"\xef\xbb\xbf" + BASE),
    ],
    ids=["xml", "mxl", "utf-16", "with a mark"],
)
def test_each_wrapping_says_the_same(name: str, data: bytes) -> None:
    assert diff(read_session("a.musicxml", BASE), read_session(name, data)) == []


def test_a_score_written_bar_by_bar_says_the_same() -> None:
    from lxml import etree

    root = etree.fromstring(BASE)
    timewise = etree.Element("score-timewise", version="4.0")
    for child in root:
        if child.tag != "part":
            timewise.append(child)
    for number in range(2):
        measure = etree.SubElement(timewise, "measure", number=str(number + 1))
        for part in root.findall("part"):
            row = etree.SubElement(measure, "part", id=part.get("id", ""))
            for element in part.findall("measure")[number]:
                row.append(element)
    plain = read_session("a.musicxml", BASE)
    assert diff(plain, read_session("a.xml", etree.tostring(timewise))) == []


def test_other_xml_is_no_session() -> None:
    with pytest.raises(BadInput, match="no session of a known format"):
        read_session("pom.xml", b"<?xml version='1.0'?><project/>")


def test_a_second_voice_goes_back_and_a_short_bar_is_as_long_as_its_notes() -> None:
    first = note("C", 5) + note("D", 5) + "<backup><duration>4</duration></backup>"
    second = "<forward><duration>2</duration></forward>" + note("E", 4)
    session = read_session("a.musicxml", score(first + second, note("F", 4)))
    assert notes(session) == [
        (72, Fraction(0), Fraction(1)),
        (64, Fraction(1), Fraction(1)),
        (74, Fraction(1), Fraction(1)),
        (65, Fraction(2), Fraction(1)),
    ]


def test_divisions_may_change_in_the_middle() -> None:
    finer = "<attributes><divisions>12</divisions></attributes>"
    session = read_session("a.musicxml", score(note("C", 4), finer + note("D", 4, 4)))
    assert notes(session) == [(60, Fraction(0), Fraction(1)), (62, Fraction(1), Fraction(1, 3))]


def test_percussion_sounds_by_its_instrument() -> None:
    kit = '<midi-instrument id="P1-I39"><midi-unpitched>39</midi-unpitched></midi-instrument>'
    hit = (
        "<note><unpitched><display-step>C</display-step><display-octave>5</display-octave>"
        "</unpitched><duration>2</duration>{}<voice>1</voice></note>"
    )
    bar = hit.format('<instrument id="P1-I39"/>') + hit.format("")
    session = read_session("a.musicxml", score(bar, parts=kit))
    assert [pitch for pitch, _, _ in notes(session)] == [38, 72]


def test_a_loudness_in_percent_of_forte_is_a_velocity() -> None:
    loud = note("C", 4).replace("<note>", '<note dynamics="120">')
    session = read_session("a.musicxml", score(loud + note("D", 4)))
    assert [n.velocity for n in session.tracks[0].clips[0].notes] == [108, 80]


def test_cues_are_kept_as_silent_notes_and_graces_take_no_time() -> None:
    bar = (
        note("C", 4, first="<cue/>")
        + "<note><grace/><pitch><step>B</step><octave>3</octave></pitch></note>"
        + note("D", 4)
    )
    (clip,) = read_session("a.musicxml", score(bar)).tracks[0].clips
    assert [(n.pitch, n.length > 0, n.muted) for n in clip.notes] == [
        (60, True, True),
        (59, False, False),
        (62, True, False),
    ]


def test_a_printed_metronome_mark_is_a_tempo_unless_the_sound_tells_another() -> None:
    mark = (
        "<direction><direction-type><metronome><beat-unit>half</beat-unit><beat-unit-dot/>"
        "<per-minute>40</per-minute></metronome></direction-type>{}</direction>"
    )
    printed = read_session("a.musicxml", score(mark.format("") + note("C", 4)))
    sounding = read_session("a.musicxml", score(mark.format('<sound tempo="90"/>') + note("C", 4)))
    assert [p.bpm for p in printed.tempo] == ["120"]
    assert [p.bpm for p in sounding.tempo] == ["90"]


def test_a_metre_of_two_groups_is_their_sum() -> None:
    metre = (
        "<attributes><time><beats>3+2</beats><beat-type>8</beat-type></time></attributes>"
        + note("C", 4, 5)
    )
    session = read_session("a.musicxml", score(metre))
    assert [(p.numerator, p.denominator) for p in session.tempo] == [(5, 8)]


def test_what_is_not_understood_is_counted() -> None:
    bar = "<figured-bass/><figured-bass/>" + note("C", 4).replace(
        "</step>", "</step><alter>0.5</alter>"
    )
    assert dict(read_session("a.musicxml", score(bar)).unread) == {
        "figured-bass": 2,
        "microtone": 1,
    }


def metre(beats: str, times: int = 1) -> str:
    pairs = f"<beats>{beats}</beats><beat-type>8</beat-type>" * times
    return f"<attributes><time>{pairs}</time></attributes>"


def test_a_metre_of_64_groups_is_the_longest() -> None:
    session = read_session("a.musicxml", score(metre("+".join(["1"] * 64)) + note("C", 4, 64)))
    assert [(p.numerator, p.denominator) for p in session.tempo] == [(64, 8)]


def test_going_back_and_forth_in_odd_divisions_does_not_make_sums_without_end() -> None:
    primes = [n for n in range(3, 4000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    back = (
        "<attributes><divisions>{}</divisions></attributes><backup><duration>1</duration></backup>"
    )
    bar = "<forward><duration>1000</duration></forward>" + "".join(map(back.format, primes))
    with pytest.raises(BadInput, match="beyond all measure"):
        read_session("a.musicxml", score(bar))


def test_going_back_beyond_the_bar_stops_at_its_beginning() -> None:
    bar = note("C", 4) + "<backup><duration>99</duration></backup>" + note("D", 4)
    places = notes(read_session("a.musicxml", score(note("C", 4, 8), bar)))
    assert places[1:] == [(60, Fraction(4), Fraction(1)), (62, Fraction(4), Fraction(1))]


REFUSED = {
    "a metre of 65 groups": score(metre("+".join(["1"] * 65))),
    "a metre of 65 pairs": score(metre("1", 65)),
    "a metre of a million groups": score(metre("999" + "+999" * 1_000_000)),
    "a metre of primes": score(
        "<attributes><time>"
        + "".join(
            f"<beats>1</beats><beat-type>{p}</beat-type>"
            for p in (1021, 1019, 1013, 1009, 997, 991)
        )
        + "</time></attributes>"
    ),
    "an entity": b'<!DOCTYPE score-partwise [<!ENTITY a "b">]>' + score(note("C", 4)),
    "a default attribute": b'<!DOCTYPE score-partwise [<!ATTLIST note x CDATA "y">]>'
    + score(note("C", 4)),
    "divisions of zero": score(note("C", 4), divisions="0"),
    "divisions of words": score(note("C", 4), divisions="two"),
    "a duration below zero": score(note("C", 4, -2)),
    "a duration that is no number": score(note("C", 4).replace(">2<", ">nan<")),
    "a duration beyond all measure": score(*[note("C", 4, 10**12)] * 2, divisions="1"),
    "a metre of nothing": score(
        "<attributes><time><beats>4</beats><beat-type>0</beat-type></time></attributes>"
    ),
    "a transposition of a thousand": score(
        "<attributes><transpose><chromatic>1000</chromatic></transpose></attributes>"
    ),
    "a tempo of a million": score('<sound tempo="1000000"/>'),
    "two parts of one id": score(note("C", 4)).replace(
        b"</score-partwise>", b'<part id="P1"/></score-partwise>'
    ),
    "half of UTF-16": b"\xff\xfe" + BASE.decode().encode("utf-16-le")[:-1],
    "a lone surrogate": b"\xff\xfe<\0s\0c\0o\0r\0e\0-\0p\0a\0r\0t\0w\0i\0s\0e\0\x00\xd8<\0",
}
PACKED: dict[str, dict[str, bytes | str]] = {
    "no container": {"song.xml": BASE},
    "a container that names nothing": {"META-INF/container.xml": "<container/>"},
    "a container that names a file outside": {
        "META-INF/container.xml": CONTAINER.replace("song.xml", "../../etc/passwd"),
        "song.xml": BASE,
    },
    "a container of a megabyte": {"META-INF/container.xml": " " * 1_000_000, "song.xml": BASE},
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_one_sentence(what: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_session("a.xml", REFUSED[what])
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("what", PACKED)
def test_a_package_is_refused_in_one_sentence(what: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_session("a.mxl", pack(PACKED[what]))
    assert str(refused.value).isprintable()


def test_damaged_scores_are_read_or_refused() -> None:
    dice = random.Random(9)
    for _ in range(300):
        damaged = bytearray(BASE)
        for _ in range(dice.choice((1, 2, 8))):
            damaged[dice.randrange(len(damaged))] = dice.choice(b"<>/0129-aZ\xff")
        try:
            session = read_session("a.musicxml", bytes(damaged))
        except BadInput as error:
            assert str(error).isprintable()
        else:
            assert diff(session, session) == []


def test_a_score_cut_anywhere_is_refused() -> None:
    body = BASE.rstrip()
    for end in range(0, len(body), 61):
        with pytest.raises(BadInput):
            read_session("a.musicxml", body[:end])
