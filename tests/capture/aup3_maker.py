"""Makes small Audacity projects: binary XML in an SQLite file, as Audacity 3 writes them."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
from dataclasses import dataclass, field

APPLICATION_ID = 0x41554459


@dataclass
class Writer:
    """Writes fields and remembers the names that they use."""

    width: int = 4
    names: dict[str, int] = field(default_factory=dict)
    doc: bytearray = field(default_factory=bytearray)

    def encode(self, text: str) -> bytes:
        return text.encode({1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[self.width])

    def number(self, name: str) -> int:
        return self.names.setdefault(name, len(self.names))

    def start(self, tag: str, **attributes: str | float | bool) -> None:
        self.doc += struct.pack("<BH", 1, self.number(tag))
        for name, value in attributes.items():
            self.put(name, value)

    def put(self, name: str, value: str | float | bool) -> None:
        number = self.number(name)
        if isinstance(value, bool):
            self.doc += struct.pack("<BHB", 5, number, value)
        elif isinstance(value, int):
            self.doc += struct.pack("<BHq", 7, number, value)
        elif isinstance(value, float):
            self.doc += struct.pack("<BHdi", 10, number, value, 12)
        else:
            text = self.encode(value)
            self.doc += struct.pack("<BHi", 3, number, len(text)) + text

    def end(self, tag: str) -> None:
        self.doc += struct.pack("<BH", 2, self.number(tag))

    def dictionary(self) -> bytes:
        out = bytearray((0, self.width))
        for name, number in self.names.items():
            text = self.encode(name)
            out += struct.pack("<BHH", 15, number, len(text)) + text
        return bytes(out)


@dataclass(frozen=True)
class Wave:
    """One clip: where it begins, in seconds, and its samples at 1000 Hz in blocks."""

    offset: float = 0.0
    samples: int = 4000
    blocks: tuple[int, ...] = (1,)
    name: str = "take 1"
    trim_left: float = 0.0
    envelope: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Band:
    """One track."""

    name: str = "Guitar"
    clips: tuple[Wave, ...] = (Wave(),)
    gain: float = 1.0
    pan: float = 0.0
    mute: bool = False
    linked: int = 0
    channel: int = 2
    effects: tuple[tuple[str, dict[str, str]], ...] = ()


def make_project(
    *bands: Band,
    labels: tuple[tuple[float, float, str], ...] = (),
    version: str = "3.4.2",
    tempo: float = 120.0,
    width: int = 4,
    zoom: float = 86.1,
) -> bytes:
    """Make the bytes of a project."""
    writer = Writer(width)
    writer.doc += b"\x0c" + struct.pack("<i", 4 * width) + writer.encode("<?xm")
    writer.start("project", version="1.3.0", audacityversion=version, zoom=zoom, rate=44100.0)
    writer.put("time_signature_tempo", tempo)
    writer.start("tags")
    writer.start("tag", name="TITLE", value="A song")
    writer.end("tag")
    writer.end("tags")
    for band in bands:
        _write_band(writer, band)
    if labels:
        writer.start("labeltrack", name="Labels")
        for begin, end, title in labels:
            writer.start("label", t=begin, t1=end, title=title)
            writer.end("label")
        writer.end("labeltrack")
    writer.end("project")
    return pack(writer.dictionary(), bytes(writer.doc))


def _write_band(writer: Writer, band: Band) -> None:
    writer.start(
        "wavetrack",
        name=band.name,
        channel=band.channel,
        linked=band.linked,
        mute=band.mute,
        solo=False,
        rate=1000,
        gain=band.gain,
        pan=band.pan,
        height=150,
    )
    for clip in band.clips:
        writer.start("waveclip", offset=clip.offset, trimLeft=clip.trim_left, name=clip.name)
        writer.start("sequence", maxsamples=262144, numsamples=clip.samples)
        for place, block in enumerate(clip.blocks):
            writer.start("waveblock", start=place * 1000, blockid=block)
            writer.end("waveblock")
        writer.end("sequence")
        writer.start("envelope", numpoints=len(clip.envelope))
        for at, value in clip.envelope:
            writer.start("controlpoint", t=at, val=value)
            writer.end("controlpoint")
        writer.end("envelope")
        writer.end("waveclip")
    if band.effects:
        writer.start("effects", active=True)
        for identity, values in band.effects:
            writer.start("effect", id=identity, active=True)
            writer.start("parameters")
            for name, setting in values.items():
                writer.start("parameter", name=name, value=setting)
                writer.end("parameter")
            writer.end("parameters")
            writer.end("effect")
        writer.end("effects")
    writer.end("wavetrack")


def pack(names: object, doc: object, *, table: str = "project", wal: bool = False) -> bytes:
    """Put two blobs into an SQLite file as Audacity does."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"PRAGMA application_id={APPLICATION_ID}")
        for name in ("project", "autosave"):
            database.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, dict BLOB, doc BLOB)")
        database.execute(
            "CREATE TABLE sampleblocks (blockid INTEGER PRIMARY KEY AUTOINCREMENT, samples BLOB)"
        )
        database.execute("INSERT INTO sampleblocks (samples) VALUES (?)", (bytes(5000),))
        database.execute(f"INSERT INTO {table} VALUES (1, ?, ?)", (names, doc))  # noqa: S608 - our own names
        database.commit()
        data = database.serialize()
    return data[:18] + b"\x02\x02" + data[20:] if wal else data
