"""Signed notes and checkpoints: the strict reader and the one writer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.errors import Malformed, Refuted
from stemproof.seal import ed25519
from stemproof.seal.note import (
    MAX_NOTE_SIZE,
    Note,
    Signer,
    Verifier,
    check_note,
    format_note,
    format_verifier,
    parse_note,
    parse_verifier,
    sign_note,
)
from stemproof.seal.strict import format_base64, parse_base64, parse_number

SIGNER = Signer("example.org/log", bytes(range(32)))
TEXT = "one line\n\nand è another\n"
SIGNED = sign_note(TEXT, SIGNER)

note_texts = st.text(st.characters(min_codepoint=32, codec="utf-8")).map(lambda line: line + "\n")


@given(text=note_texts, seed=st.binary(min_size=32, max_size=32))
def test_a_signed_note_is_read_back_and_checks(text: str, seed: bytes) -> None:
    signer = Signer("k", seed)
    data = sign_note(text, signer)
    note = parse_note(data)
    assert note.text == text
    assert format_note(note) == data
    check_note(note, signer.verifier)


@given(bit=st.integers(0, len(SIGNED) * 8 - 1))
def test_every_flipped_bit_of_a_note_is_refused(bit: int) -> None:
    changed = bytearray(SIGNED)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Refuted):
        check_note(parse_note(bytes(changed)), SIGNER.verifier)


@given(data=st.data())
def test_what_parses_is_written_back_as_it_was(data: st.DataObject) -> None:
    changed = bytearray(SIGNED)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    try:
        note = parse_note(bytes(changed))
    except Malformed:
        return
    assert format_note(note) == changed


def test_a_signature_by_an_unknown_key_is_ignored() -> None:
    other = Signer("other", bytes(32))
    both = SIGNED + sign_note(TEXT, other).split(b"\n\n")[-1]
    check_note(parse_note(both), SIGNER.verifier)
    check_note(parse_note(both), other.verifier)
    with pytest.raises(Refuted, match="no signature by 'third'"):
        check_note(parse_note(both), Verifier("third", SIGNER.verifier.public))


def test_the_same_name_with_another_key_is_refuted() -> None:
    with pytest.raises(Refuted, match="no signature by"):
        check_note(parse_note(SIGNED), Signer(SIGNER.name, bytes(32)).verifier)


def test_a_note_signed_twice_by_one_key_is_malformed() -> None:
    twice = SIGNED + SIGNED.split(b"\n\n")[-1]
    with pytest.raises(Malformed, match="number of signatures"):
        check_note(parse_note(twice), SIGNER.verifier)


def test_a_signature_of_another_length_is_malformed() -> None:
    note = parse_note(SIGNED)
    cut = Note(note.text, (type(note.signatures[0])(SIGNER.name, SIGNER.verifier.key_id, b"x"),))
    with pytest.raises(Malformed, match="64 bytes"):
        check_note(parse_note(format_note(cut)), SIGNER.verifier)


LINE = SIGNED.split(b"\n\n")[-1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"text\n",
        b"text\n\n",
        b"text\n" + LINE,
        b"text\n\n" + LINE[:-1],
        b"text\n\n" + LINE + b"\n",
        b"text\n\n" + LINE + b"more\n",
        b"text\r\n\n" + LINE,
        b"te\x00xt\n\n" + LINE,
        b"te\xffxt\n\n" + LINE,
        b"te\xed\xa0\x80xt\n\n" + LINE,
        b"text\n\n" + LINE.replace("\N{EM DASH}".encode(), b"-"),
        b"text\n\n" + LINE.replace(b" ", b"  ", 1),
        b"text\n\n" + LINE.replace(b"example.org/log", b"exa mple"),
        b"text\n\n" + LINE.replace(b"example.org/log", b"exa+mple"),
        b"text\n\n" + LINE.replace(b"example.org/log", "exa\N{NO-BREAK SPACE}mple".encode()),
        b"text\n\n" + LINE.replace(b"example.org/log", b""),
        b"text\n\n" + LINE.replace(b"=\n", b"\n"),
        b"text\n\n" + "\N{EM DASH} name AAAA\n".encode(),
        b"text\n\n" + "\N{EM DASH} name AAAAAA==\n".encode(),
        b"text\n\n" + "\N{EM DASH} name AAAAAAB=\n".encode(),
        b"text\n\n" + LINE * 101,
        b"t" * MAX_NOTE_SIZE + b"\n\n" + LINE,
    ],
)
def test_bytes_that_we_would_not_write_are_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(data)


def test_a_hundred_signatures_are_read() -> None:
    assert len(parse_note(b"text\n\n" + LINE * 100).signatures) == 100


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\N{EM SPACE}b", "a\x01b"])
def test_a_name_that_a_line_cannot_hold_is_not_signed_with(name: str) -> None:
    with pytest.raises(Malformed, match="key name"):
        sign_note(TEXT, Signer(name, bytes(32)))


@pytest.mark.parametrize("text", ["", "no newline", "a\tb\n", "a\rb\n"])
def test_a_text_that_a_note_cannot_hold_is_not_signed(text: str) -> None:
    with pytest.raises(Malformed, match="note"):
        sign_note(text, SIGNER)


def test_a_signer_does_not_show_its_seed() -> None:
    assert "seed" not in repr(SIGNER)


@given(seed=st.binary(min_size=32, max_size=32))
def test_a_verifier_line_is_read_back(seed: bytes) -> None:
    verifier = Signer("example.org", seed).verifier
    assert parse_verifier(format_verifier(verifier)) == verifier


GOOD_LINE = format_verifier(SIGNER.verifier)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "name",
        GOOD_LINE.replace("example", "elpmaxe"),
        GOOD_LINE.replace("+", "+0", 1),
        GOOD_LINE + "\n",
        GOOD_LINE.rpartition("+")[0] + "+" + format_base64(b"\x04" + SIGNER.verifier.public),
        GOOD_LINE.rpartition("+")[0] + "+" + format_base64(b"\x01" + bytes(32)),
        GOOD_LINE.upper(),
    ],
)
def test_a_verifier_line_that_we_would_not_write_is_malformed(line: str) -> None:
    with pytest.raises(Malformed):
        parse_verifier(line)


def test_a_weak_trusted_key_is_refused_before_anything_else() -> None:
    with pytest.raises(Malformed, match="small order"):
        check_note(parse_note(SIGNED), Verifier(SIGNER.name, bytes(32)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "01",
        "00",
        "1_0",
        "1.0",
        "1e3",
        "0x1",
        "\N{ARABIC-INDIC DIGIT ONE}",
        str(2**64),
        "9" * 99,
    ],
)
def test_a_number_in_another_form_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="decimal number"):
        parse_number("size", text)


@given(number=st.integers(0, 2**64 - 1))
def test_a_number_is_read_back(number: int) -> None:
    assert parse_number("size", str(number)) == number


@pytest.mark.parametrize("text", ["A", "AA", "AA=", "AB==", "AA==\n", "AA!!AA==", "-_==", "é==="])
def test_base64_in_another_form_is_malformed(text: str) -> None:
    with pytest.raises(Malformed, match="base64"):
        parse_base64("root", text)


def test_a_note_covers_its_text_with_the_last_newline_and_no_more() -> None:
    value = parse_note(SIGNED).signatures[0].value
    ed25519.check_signature(SIGNER.verifier.public, TEXT.encode(), value)
