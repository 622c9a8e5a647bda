"""MuseScore: what versions 2, 3 and 4 write, real scores, the program itself, hostile bytes."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import subprocess
import time
import zipfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import PluginKind, Session, TrackKind
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.signs import SignKind
from stemproof.capture.text_form import text_form
from stemproof.errors import BadInput

HERE = Path(__file__).parent
BASE = (HERE / "fixtures/musescore/layout/before.mscx").read_bytes()
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parents[2] / "shared" / "corpus"))
DEMOS = CORPUS / "sessions/musescore/debian-demos-v3"
PROGRAM = shutil.which("mscore3") or shutil.which("musescore3")
needs_corpus = pytest.mark.skipif(not DEMOS.is_dir(), reason="the corpus is not on this machine")


def pack(**files: bytes | str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def notes(session: Session, track: int) -> list[tuple[int, Fraction, Fraction]]:
    clip = session.tracks[track].clips[0]
    return [
        (n.pitch, Fraction(n.start, clip.ppq), Fraction(n.length, clip.ppq)) for n in clip.notes
    ]


def signs(session: Session, kind: SignKind) -> list[str]:
    return [s.text for t in session.tracks for c in t.clips for s in c.signs if s.kind is kind]


def score(body: str, *, version: str = "3.02", part: str = "") -> bytes:
    return (
        f'<museScore version="{version}"><programVersion>{version}</programVersion><Score>'
        f"<Division>480</Division><Part><Staff id='1'/>{part}<trackName>Flute</trackName></Part>"
        f'<Staff id="1">{body}</Staff></Score></museScore>'
    ).encode()


def chord(pitch: int, kind: str = "quarter", extra: str = "", of_note: str = "") -> str:
    return (
        f"<Chord><durationType>{kind}</durationType>{extra}"
        f"<Note>{of_note}<pitch>{pitch}</pitch></Note></Chord>"
    )


def voice(*elements: str) -> str:
    return f"<Measure><voice>{''.join(elements)}</voice></Measure>"


def test_ties_triplets_and_bars_have_exact_places() -> None:
    session = read_session("a.mscx", BASE)
    third = Fraction(1, 3)
    assert notes(session, 0) == [
        (65, Fraction(0), Fraction(1)),
        (69, Fraction(1), Fraction(1)),
        (72, Fraction(2), Fraction(3)),
        (70, Fraction(5), third),
        (69, 5 + third, third),
        (67, 5 + 2 * third, third),
    ]


def test_a_transposing_instrument_is_read_as_it_sounds() -> None:
    session = read_session("a.mscx", BASE)
    assert [pitch for pitch, _, _ in notes(session, 1)] == [53, 55]
    (transposition,) = session.tracks[1].parameters
    assert (transposition.name, transposition.value) == ("transposition", "-2")


def test_tempo_key_words_and_credits_are_read() -> None:
    session = read_session("a.mscx", BASE)
    assert [(p.bpm, p.numerator, p.denominator) for p in session.tempo] == [("96", 4, 4)]
    assert {p.name: p.value for p in session.parameters} == {
        "composer": "A. Nobody",
        "title": "Small Song",
        "key": "F (1 flat)",
        "number of bars": "2",
    }
    assert signs(session, SignKind.LYRICS) == ["Morn-", "ing", "comes"]
    assert signs(session, SignKind.CHORDS) == ["F", "C7"]
    assert signs(session, SignKind.DYNAMICS) == ["p"]


def test_plain_lines_hold_words_and_chords() -> None:
    lines = list(text_form(read_session("a.mscx", BASE)))
    assert "    lyrics bar 1: Morn-" in lines
    assert "    chords bar 2: C7" in lines


def test_packed_and_plain_scores_say_the_same() -> None:
    packed = read_session("a.mscz", pack(song__mscx=BASE))
    plain = read_session("a.mscx", BASE)
    assert packed.digest != plain.digest
    assert diff(plain, packed) == []


def test_an_ottava_sounds_where_its_line_says() -> None:
    begin = '<Spanner type="Ottava"><Ottava><subtype>8va</subtype></Ottava><next/></Spanner>'
    end = '<Spanner type="Ottava"><prev/></Spanner>'
    body = voice(chord(60), begin, chord(62), chord(64), end, chord(65))
    session = read_session("a.mscx", score(body))
    assert [pitch for pitch, _, _ in notes(session, 0)] == [60, 74, 76, 65]


def test_a_tied_note_goes_on_as_it_began_when_an_ottava_ends_within_it() -> None:
    begin = '<Spanner type="Ottava"><Ottava><subtype>8vb</subtype></Ottava><next/></Spanner>'
    end = '<Spanner type="Ottava"><prev/></Spanner>'
    held = chord(50, of_note='<Spanner type="Tie"><Tie/><next/></Spanner>')
    last = chord(50, of_note='<Spanner type="Tie"><prev/></Spanner>')
    session = read_session("a.mscx", score(voice(begin, held, end, last, chord(50))))
    assert notes(session, 0) == [
        (38, Fraction(0), Fraction(2)),
        (50, Fraction(2), Fraction(1)),
    ]


def test_of_two_scores_in_a_package_the_named_one_is_read() -> None:
    other = score(voice(chord(90)))
    container = '<container><rootfiles><rootfile full-path="song.mscx"/></rootfiles></container>'
    files: dict[str, bytes | str] = {
        "old__mscx": other,
        "song__mscx": BASE,
        "META-INF/container__xml": container,
    }
    packed = read_session("a.mscz", pack(**files))
    assert diff(read_session("a.mscx", BASE), packed) == []


def test_tablature_beside_its_staff_is_no_second_player() -> None:
    bar = voice(chord(52), chord(55))
    staves = (
        "<Staff id='1'><linkedTo>2</linkedTo></Staff><Staff id='2'><linkedTo>1</linkedTo></Staff>"
    )
    xml = score(bar).replace(b"<Staff id='1'/>", staves.encode())
    xml = xml.replace(b"</Score>", f"<Staff id='2'>{bar}</Staff></Score>".encode())
    assert len(notes(read_session("a.mscx", xml), 0)) == 2


def test_nested_tuplets_multiply() -> None:
    three = "<Tuplet><normalNotes>2</normalNotes><actualNotes>3</actualNotes></Tuplet>"
    five = "<Tuplet><normalNotes>4</normalNotes><actualNotes>5</actualNotes></Tuplet>"
    body = voice(three, chord(60), five, *[chord(61, "16th")] * 5, "<endTuplet/>", "<endTuplet/>")
    session = read_session("a.mscx", score(body + voice(chord(62))))
    lengths = [length for _, _, length in notes(session, 0)]
    assert lengths == [Fraction(2, 3), *[Fraction(2, 15)] * 5, Fraction(1)]


def test_a_second_voice_begins_with_its_bar_and_location_moves_within_it() -> None:
    move = "<location><fractions>1/4</fractions></location>"
    body = f"<Measure><voice>{chord(60)}</voice><voice>{move}{chord(48, 'half')}</voice></Measure>"
    assert notes(read_session("a.mscx", score(body)), 0) == [
        (60, Fraction(0), Fraction(1)),
        (48, Fraction(1), Fraction(2)),
    ]


def test_a_pickup_is_a_bar_of_its_own_length() -> None:
    metre = "<TimeSig><sigN>4</sigN><sigD>4</sigD></TimeSig>"
    body = f'<Measure len="1/4"><voice>{metre}{chord(60)}</voice></Measure>' + voice(chord(62))
    session = read_session("a.mscx", score(body))
    assert [(int(p.at.value), p.numerator, p.denominator) for p in session.tempo] == [
        (0, 1, 4),
        (1, 4, 4),
    ]
    assert [start for _, start, _ in notes(session, 0)] == [0, 1]


def test_grace_notes_take_no_time_and_dots_lengthen() -> None:
    body = voice(chord(59, extra="<acciaccatura/>"), chord(60, extra="<dots>2</dots>"), chord(62))
    assert notes(read_session("a.mscx", score(body)), 0) == [
        (59, Fraction(0), Fraction(0)),
        (60, Fraction(0), Fraction(7, 4)),
        (62, Fraction(7, 4), Fraction(1)),
    ]


def test_a_rest_over_many_bars_and_separate_parts_are_not_read_twice() -> None:
    gathered = '<Measure len="8/4"><multiMeasureRest>2</multiMeasureRest><voice/></Measure>'
    body = gathered + voice() + voice() + voice(chord(60))
    data = score(body).replace(b"</Score>", b"<Score><Staff id='1'/></Score></Score>")
    session = read_session("a.mscx", data)
    assert [start for _, start, _ in notes(session, 0)] == [8]
    assert len(session.tracks) == 1


def test_version_2_has_no_voices_and_numbers_its_tuplets_and_ties() -> None:
    body = (
        '<Measure number="1"><TimeSig><sigN>3</sigN><sigD>4</sigD></TimeSig>'
        '<Tuplet id="1"><normalNotes>2</normalNotes><actualNotes>3</actualNotes></Tuplet>'
        + chord(60, "eighth", "<Tuplet>1</Tuplet>") * 3
        + chord(62, "half", of_note='<Tie id="2"/>')
        + "<tick>0</tick>"
        + chord(48, "half", "<track>1</track>")
        + "</Measure><Measure number='2'>"
        + chord(62, "half", of_note='<endSpanner id="2"/>')
        + "</Measure>"
    )
    session = read_session("a.mscx", score(body, version="2.06"))
    assert notes(session, 0) == [
        (48, Fraction(0), Fraction(2)),
        (60, Fraction(0), Fraction(1, 3)),
        (60, Fraction(1, 3), Fraction(1, 3)),
        (60, Fraction(2, 3), Fraction(1, 3)),
        (62, Fraction(1), Fraction(4)),
    ]


def test_a_score_that_calls_itself_3_and_has_no_voices_is_read_as_version_2_wrote() -> None:
    of_triplet = chord(60, "eighth", "<Tuplet>1</Tuplet>")
    body = (
        '<Measure><Tuplet id="1"><normalNotes>2</normalNotes><actualNotes>3</actualNotes></Tuplet>'
        f"{of_triplet * 3}{chord(62)}</Measure>"
    )
    session = read_session("a.mscx", score(body, version="3.00"))
    third = Fraction(1, 3)
    assert notes(session, 0) == [
        *((60, n * third, third) for n in range(3)),
        (62, Fraction(1), Fraction(1)),
    ]


def mixer(volume: float, **more: object) -> str:
    effect = {
        "active": True,
        "resourceMeta": {"id": "Muse Reverb", "vendor": "Muse", "type": "muse_plugin"},
    }
    plugin = {
        "active": False,
        "resourceMeta": {"id": "Some EQ", "vendor": "Somebody", "type": "vst_plugin"},
        "unitConfiguration": {"componentState": "AAAA"},
    }
    track = {
        "partId": "1",
        "instrumentId": "flute",
        "in": {
            "resourceMeta": {
                "id": "42",
                "type": "muse_sampler_sound_pack",
                "vendor": "MuseSounds",
                "attributes": {"museName": "Flute 1"},
            }
        },
        "out": {"volumeDb": volume, "balance": -0.25, "fxChain": {"0": plugin}, "auxSends": []},
        "soloMuteState": {"mute": True, "solo": False},
    }
    master = {"volumeDb": -6, "balance": 0, "fxChain": {"0": effect}}
    return json.dumps({"tracks": [track], "master": master, **more})


FLUTE = "<Instrument id='flute'><longName>Flute</longName></Instrument>"


def with_mixer(settings: str) -> bytes:
    xml = score(voice(chord(60)), version="4.20", part=FLUTE).replace(b"<Part>", b'<Part id="1">')
    return pack(song__mscx=xml, audiosettings__json=settings)


def test_the_mixer_of_version_4_gives_levels_sounds_and_effects() -> None:
    session = read_session("a.mscz", with_mixer(mixer(-3.5)))
    flute, master = session.tracks
    assert flute.mixer.volume is not None and flute.mixer.volume.value == "-3.5"
    assert flute.mixer.mute
    assert [(d.name, d.vendor, d.role, d.enabled) for d in flute.devices] == [
        ("Flute 1", "MuseSounds", "instrument", True),
        ("Some EQ", "Somebody", "effect", False),
    ]
    assert flute.devices[1].ids[0].kind is PluginKind.VST3
    assert flute.devices[1].state is not None
    assert master.kind is TrackKind.MASTER
    assert [d.name for d in master.devices] == ["Muse Reverb"]


def test_a_fader_of_version_4_is_one_decision() -> None:
    one, two = (read_session("a.mscz", with_mixer(mixer(v))) for v in (0, -2.5))
    (decision,) = diff(one, two)
    assert decision.text == "Flute: volume 0.0 -> -2.5 dB"
    assert decision.stage == "mixing"


@pytest.mark.parametrize("settings", ["[]", "{}", '{"tracks": 5}', '{"tracks": [[]], "master": 3}'])
def test_a_mixer_of_another_shape_loses_no_notes(settings: str) -> None:
    assert len(notes(read_session("a.mscz", with_mixer(settings)), 0)) == 1


@needs_corpus
@pytest.mark.parametrize(
    ("name", "parts", "heads"),
    [
        ("Brassed_Up.mscx.gz", 4, 320),
        ("Dynamic_Strings.mscx.gz", 4, 226),
        ("Fugue_1.mscx.gz", 4, 912),
        ("Unclaimed_Gift.mscx.gz", 1, 110),
        ("Reunion.mscz", 1, 345),
    ],
)
def test_real_scores_are_read_completely(name: str, parts: int, heads: int) -> None:
    session = demo(name)
    assert len(session.tracks) == parts
    assert sum(len(t.clips[0].notes) for t in session.tracks) == heads
    assert session.unread == ()
    assert diff(session, session) == []


def demo(name: str) -> Session:
    (path,) = DEMOS.glob(f"*_{name}")
    data = path.read_bytes()
    plain = gzip.decompress(data) if path.suffix == ".gz" else data
    return read_session(path.name.removesuffix(".gz"), plain)


@needs_corpus
@pytest.mark.skipif(PROGRAM is None, reason="MuseScore 3 is not installed (Debian: musescore3)")
@pytest.mark.parametrize("name", ["Brassed_Up", "Fugue_1", "Unclaimed_Gift", "Reunion"])
def test_musescore_itself_says_the_same_in_musicxml(name: str, tmp_path: Path) -> None:
    (path,) = DEMOS.glob(f"*_{name}.msc*")
    data = path.read_bytes()
    plain = gzip.decompress(data) if path.suffix == ".gz" else data
    source = tmp_path / path.name.removesuffix(".gz")
    source.write_bytes(plain)
    tmp_path.chmod(0o700)
    subprocess.run(
        [str(PROGRAM), "-o", "out.musicxml", source.name],
        cwd=tmp_path,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=120,
    )
    ours = read_session(source.name, plain)
    theirs = read_session("out.musicxml", (tmp_path / "out.musicxml").read_bytes())
    assert [t.name for t in ours.tracks] == [t.name for t in theirs.tracks]
    for place in range(len(ours.tracks)):
        assert Counter(notes(ours, place)) == Counter(notes(theirs, place))
    assert [(p.at, p.bpm, p.numerator) for p in ours.tempo] == [
        (p.at, p.bpm, p.numerator) for p in theirs.tempo
    ]


NO_STAFF = b'<museScore version="3.02"/>'
REFUSED = {
    "no score": ("a.mscx", NO_STAFF),
    "version 1": ("a.mscx", score("", version="1.14")),
    "version of a letter": ("a.mscx", score("", version="x")),
    "another root": ("a.mscx", b"<score/><museScore"),
    "pitch of 128": ("a.mscx", score(voice(chord(128)))),
    "pitch of words": ("a.mscx", score(voice(chord(60))).replace(b">60<", b">sixty<")),
    "unknown note value": ("a.mscx", score(voice(chord(60, "2048th")))),
    "fifty dots": ("a.mscx", score(voice(chord(60, extra="<dots>50</dots>")))),
    "tuplet of none": ("a.mscx", score(voice("<Tuplet><actualNotes>0</actualNotes></Tuplet>"))),
    "bar of no length": ("a.mscx", score('<Measure len="0/4"><voice/></Measure>')),
    "bar of a word": ("a.mscx", score('<Measure len="long"><voice/></Measure>')),
    "bar over nothing": ("a.mscx", score('<Measure len="1/0"><voice/></Measure>')),
    "metre of nothing": (
        "a.mscx",
        score(voice("<TimeSig><sigN>4</sigN><sigD>0</sigD></TimeSig>")),
    ),
    "tempo of zero": ("a.mscx", score(voice("<Tempo><tempo>0</tempo></Tempo>"))),
    "division of zero": ("a.mscx", BASE.replace(b">480<", b">0<")),
    "before the beginning": (
        "a.mscx",
        score(voice("<location><fractions>-1/4</fractions></location>")),
    ),
    "no score in the zip": ("a.mscz", pack(readme__txt="x")),
    "two scores in the zip": ("a.mscz", pack(a__mscx=BASE, b__mscx=BASE)),
    "mixer that is no JSON": ("a.mscz", pack(a__mscx=BASE, audiosettings__json="{")),
    "mixer nested too deep": ("a.mscz", pack(a__mscx=BASE, audiosettings__json="[" * 100_000)),
    "zip cut": ("a.mscz", pack(a__mscx=BASE)[:-40]),
    "zip bomb": ("a.mscz", pack(a__mscx=b"<museScore>" + b" " * 200_000_000)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_in_one_sentence(what: str) -> None:
    name, data = REFUSED[what]
    with pytest.raises(BadInput) as refused:
        read_session(name, data)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_tuplets_of_primes_do_not_make_sums_without_end() -> None:
    primes = [n for n in range(3, 4000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    bars = "".join(
        f"<Tuplet><normalNotes>1</normalNotes><actualNotes>{p}</actualNotes></Tuplet>"
        f"{chord(60)}<endTuplet/>"
        for p in primes
    )
    with pytest.raises(BadInput, match="beyond all measure"):
        read_session("a.mscx", score(voice(bars)))


def nested(depth: int, normal: int, actual: int, *, version: int) -> bytes:
    """Give a score of tuplets, each inside the one before it."""
    of = f"<normalNotes>{normal}</normalNotes><actualNotes>{actual}</actualNotes></Tuplet>"
    if version == 3:
        return score(voice(f"<Tuplet>{of}" * depth, chord(60)))
    rows = (f'<Tuplet id="{n}"><Tuplet>{n - 1}</Tuplet>{of}' for n in range(depth))
    note = chord(60, "quarter", f"<Tuplet>{depth - 1}</Tuplet>")
    return score(f"<Measure>{''.join(rows)}{note}</Measure>", version="2.06")


@pytest.mark.parametrize("version", [2, 3])
def test_tuplets_nest_eight_deep_and_no_deeper(version: int) -> None:
    session = read_session("a.mscx", nested(8, 2, 3, version=version))
    assert notes(session, 0) == [(60, Fraction(0), Fraction(2, 3) ** 8)]
    with pytest.raises(BadInput, match="nested deeper than 8"):
        read_session("a.mscx", nested(9, 2, 3, version=version))


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("depth", [4, 30_000])
def test_tuplets_in_tuplets_do_not_make_fractions_without_end(version: int, depth: int) -> None:
    begin = time.process_time()
    with pytest.raises(BadInput, match="a tuplet of tuplets is beyond all measure"):
        read_session("a.mscx", nested(depth, 9973, 9967, version=version))
    # A tuplet of one in the time of one is no deeper in numbers, only in brackets.
    with pytest.raises(BadInput, match="nested deeper"):
        read_session("a.mscx", nested(depth * 10, 1, 1, version=version))
    assert time.process_time() - begin < 5


def test_damaged_scores_are_read_or_refused() -> None:
    dice = random.Random(3)
    for _ in range(300):
        damaged = bytearray(BASE)
        for _ in range(dice.choice((1, 2, 8))):
            damaged[dice.randrange(len(damaged))] = dice.choice(b"<>/0129-aZ\xff")
        try:
            session = read_session("a.mscx", bytes(damaged))
        except BadInput as error:
            assert str(error).isprintable()
        else:
            assert diff(session, session) == []


def test_elements_lost_or_doubled_are_read_or_refused() -> None:
    dice = random.Random(5)
    lines = BASE.split(b"\n")
    for _ in range(300):
        damaged = list(lines)
        for _ in range(dice.randrange(1, 5)):
            one, two = dice.randrange(len(damaged)), dice.randrange(len(damaged))
            if dice.random() < 0.5:
                damaged[one] = damaged[two]
            else:
                damaged[one] = damaged[one].replace(b"4", dice.choice((b"", b"-", b"9" * 30)))
        try:
            read_session("a.mscx", b"\n".join(damaged))
        except BadInput as error:
            assert str(error).isprintable()
