"""Every format of the table, fed with damaged saves: BadInput or a session, in bounded time.

Seeds are the saves among the fixtures, and small ones of the corpus where it is; a format that
joins the table is fuzzed as soon as one save of it lies there. Packed formats are also damaged
inside and packed again, so that damage gets past their checksums.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.capture.aup3_maker import Band, make_project

from stemproof.capture.diff import diff
from stemproof.capture.sessions.registry import FORMATS, Format, find_format
from stemproof.errors import BadInput

HERE = Path(__file__).parent
CORPUS = Path(os.environ.get("STEMPROOF_CORPUS", HERE.parents[2] / "shared" / "corpus"))
SECONDS = float(os.environ.get("STEMPROOF_FUZZ_SECONDS", "15"))
SLOWEST_S = 20
LARGEST = 400_000
SEEDS = 12
CUT_EVERY = 1000
NAMES = [one.name for one in FORMATS]

pytestmark = pytest.mark.deep


# Formats whose saves the tests write field by field, so that none lies among the fixtures.
MADE: dict[str, Callable[[], tuple[str, bytes]]] = {
    "aup3": lambda: ("made.aup3", make_project(Band(), Band("Voice"), zoom=1.0)),
}


@cache
def seeds() -> dict[str, list[tuple[str, bytes]]]:
    found: dict[str, list[tuple[str, bytes]]] = {name: [] for name in NAMES}
    files = [*(HERE / "fixtures").rglob("*"), *(CORPUS / "sessions").rglob("*")]
    for path in sorted((p for p in files if p.is_file()), key=lambda p: p.stat().st_size):
        data, name = path.read_bytes(), path.name
        if name.endswith(".gz"):
            data, name = gzip.decompress(data), name.removesuffix(".gz")
        try:
            known = found.setdefault(find_format(name, data).name, [])
        except BadInput:
            continue
        if len(known) < SEEDS and len(data) <= LARGEST and (name, data) not in known:
            known.append((name, data))
    for name, make in MADE.items():
        found.setdefault(name, []).append(make())
    return found


def seeds_of(name: str) -> list[tuple[str, bytes]]:
    found = seeds().get(name, [])
    if not found:
        pytest.skip(f"no save of the format {name} among the fixtures or in the corpus")
    return found


def format_of(name: str) -> Format:
    return next(one for one in FORMATS if one.name == name)


def read_or_refuse(name: str, data: bytes) -> None:
    """Read by the format's own reader; anything but BadInput escapes and fails the test."""
    begin = time.perf_counter()
    try:
        session = format_of(name).read(data)
    except BadInput as error:
        assert str(error).isprintable()
        assert len(str(error)) < 500
    else:
        assert diff(session, session) == []
    assert time.perf_counter() - begin < SLOWEST_S


def flipped(dice: random.Random, data: bytes, other: bytes) -> bytes:
    damaged = bytearray(data)
    for _times in range(dice.choice((1, 1, 2, 4, 16))):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def spliced(dice: random.Random, data: bytes, other: bytes) -> bytes:
    at, width = dice.randrange(len(data)), dice.choice((1, 4, 16, 200))
    start = dice.randrange(len(other))
    piece = other[start : start + width]
    end = at + dice.choice((0, width))
    return data[:at] + piece * dice.choice((0, 1, 1, 3)) + data[end:]


def renumbered(dice: random.Random, data: bytes, _: bytes) -> bytes:
    numbers = (b"0", b"-1", b"99999999999999999999", b"1e308", b"nan", b"", b"\xff", b"1/0")
    digit = dice.choice(b"0123456789")
    places = [n for n, byte in enumerate(data) if byte == digit] or [0]
    at = dice.choice(places)
    return data[:at] + dice.choice(numbers) + data[at + 1 :]


def cut(dice: random.Random, data: bytes, _: bytes) -> bytes:
    return data[: dice.randrange(len(data))]


DAMAGES: tuple[Callable[[random.Random, bytes, bytes], bytes], ...] = (
    flipped,
    spliced,
    renumbered,
    cut,
)


def damaged(dice: random.Random, data: bytes, other: bytes) -> bytes:
    """Damage the bytes, or what is packed in them."""
    harm = dice.choice(DAMAGES)
    if dice.random() < 0.4:
        return harm(dice, data, other)
    if data[:2] == b"\x1f\x8b":
        return gzip.compress(harm(dice, gzip.decompress(data), other), 1)
    if data[4:5] == b"\x78" and int.from_bytes(data[4:6], "big") % 31 == 0:
        inner = harm(dice, zlib.decompress(data[4:]), other)
        return len(inner).to_bytes(4, "big") + zlib.compress(inner, 1)
    if data[:4] == b"PK\x03\x04":
        return zipped_anew(dice, data, harm, other)
    return harm(dice, data, other)


def zipped_anew(
    dice: random.Random,
    data: bytes,
    harm: Callable[[random.Random, bytes, bytes], bytes],
    other: bytes,
) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
        names = [name for name in old.namelist() if not name.endswith("/")]
        hurt = dice.choice(names)
        for name in names:
            inner = old.read(name)
            new.writestr(name, harm(dice, inner, other) if name == hurt and inner else inner)
    return packed.getvalue()


def cuts(data: bytes) -> Iterator[bytes]:
    return (data[:end] for end in range(0, len(data), CUT_EVERY))


@pytest.mark.parametrize("name", NAMES)
def test_a_save_cut_at_every_thousandth_byte_is_read_or_refused(name: str) -> None:
    begin = time.monotonic()
    for _, data in seeds_of(name):
        for part in cuts(data):
            read_or_refuse(name, part)
            if time.monotonic() - begin > SECONDS:
                return


@pytest.mark.parametrize("name", NAMES)
def test_damaged_saves_are_read_or_refused(name: str, tmp_path: Path) -> None:
    found = [data for _, data in seeds_of(name)]
    dice = random.Random(os.environ.get("STEMPROOF_FUZZ_SEED", "1"))
    begin, tried = time.monotonic(), 0
    while time.monotonic() - begin < SECONDS:
        data = damaged(dice, dice.choice(found), dice.choice(found))
        try:
            read_or_refuse(name, data)
        except Exception as error:  # said with the bytes that did it, to be tried again
            kept = tmp_path / "damaged"
            kept.write_bytes(data)
            raise AssertionError(f"try {tried}, kept in {kept}: {error!r:.300}") from error
        tried += 1
    assert tried > 20
