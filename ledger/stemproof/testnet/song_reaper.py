"""The demo's mix session as REAPER 6 saves it: `format_project` yields the bytes of Mix.rpp.

Stock JS effects only (loser/3BandEQ, loser/MGA_JSLimiter), since their settings are plain numbers.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from stemproof.testnet.song_mix import Equaliser, Master, Strip
from stemproof.testnet.song_score import TEMPO

_NAMESPACE = uuid.UUID("5f0d3c1e-6b1c-4f0a-9a37-6f2f3cb0f6a1")
_SLIDERS = 64


def format_project(
    strips: Sequence[Strip], *, length_s: float, master: Master | None, saved_at: int
) -> bytes:
    """Write a session with one track a stem, its wave file at 0, and the master's chain."""
    lines = [
        f'<REAPER_PROJECT 0.1 "6.82/linux-x86_64" {saved_at}',
        *_settings(master),
        *(line for strip in strips for line in _track(strip, length_s)),
        "  <EXTENSIONS",
        "  >",
        ">",
    ]
    return ("\n".join(lines) + "\n").encode()


def _settings(master: Master | None) -> Iterable[str]:
    yield from (
        "  <NOTES 0 2",
        "  >",
        "  RIPPLE 0",
        "  GROUPOVERRIDE 0 0 0",
        "  AUTOXFADE 129",
        "  PANLAW 1",
        "  PROJOFFS 0 0 0",
        "  PANMODE 3",
        "  CURSOR 0",
        "  ZOOM 40 0 0",
        '  RECORD_PATH "" ""',
        '  RENDER_FILE ""',
        "  RENDER_FMT 0 2 0",
        "  SAMPLERATE 44100 1 0",
        "  GLOBAL_AUTO -1",
        f"  TEMPO {TEMPO} 4 4",
        "  PLAYRATE 1 0 0.25 4",
        "  MASTERAUTOMODE 0",
        "  MASTERMUTESOLO 0",
        "  MASTER_NCH 2 2",
        "  MASTER_VOLUME 1 0 -1 -1 1",
        "  MASTER_PANMODE 3",
        "  MASTER_FX 1",
        "  MASTER_SEL 0",
    )
    if master is not None:
        yield "  <MASTERFXLIST"
        yield from _chain_head()
        yield from _effect("loser/3BandEQ", _equaliser_sliders(master.equaliser), "master eq")
        # This limiter raises by as much as its ceiling lies above its threshold.
        threshold = master.ceiling_db - master.gain_db
        limiter = (threshold, 200.0, master.ceiling_db)
        yield from _effect("loser/MGA_JSLimiter", limiter, "master limiter")
        yield "  >"
    yield "  <PROJBAY"
    yield "  >"


def _track(strip: Strip, length_s: float) -> Iterable[str]:
    name = strip.stem.capitalize()
    yield from (
        f"  <TRACK {_guid('track', strip.stem)}",
        f"    NAME {name}",
        "    PEAKCOL 16576",
        "    BEAT -1",
        "    AUTOMODE 0",
        f"    VOLPAN {strip.volume:.14g} {strip.pan:.14g} -1 -1 1",
        "    MUTESOLO 0 0 0",
        "    IPHASE 0",
        "    PLAYOFFS 0 1",
        "    ISBUS 0 0",
        "    BUSCOMP 0 0 0 0 0",
        "    SHOWINMIX 1 0.6667 0.5 1 0.5 -1 -1 -1",
        "    SEL 0",
        "    REC 0 0 1 0 0 0 0 0",
        "    VU 2",
        "    TRACKHEIGHT 0 0 0 0 0 0",
        "    INQ 0 0 0 0.5 100 0 0 100",
        "    NCHAN 2",
        "    FX 1",
        f"    TRACKID {_guid('track', strip.stem)}",
        "    PERF 0",
        "    MIDIOUT -1",
        "    MAINSEND 1 0",
    )
    if strip.equaliser != Equaliser():
        yield "    <FXCHAIN"
        for line in (
            *_chain_head(),
            *_effect("loser/3BandEQ", _equaliser_sliders(strip.equaliser), strip.stem),
        ):
            yield f"  {line}"
        yield "    >"
    yield from _item(strip.stem, length_s)
    yield "  >"


def _item(stem: str, length_s: float) -> Iterable[str]:
    yield from (
        "    <ITEM",
        "      POSITION 0",
        "      SNAPOFFS 0",
        f"      LENGTH {length_s:.14g}",
        "      LOOP 0",
        "      ALLTAKES 0",
        "      FADEIN 1 0 0 1 0 0 0",
        "      FADEOUT 1 0 0 1 0 0 0",
        "      MUTE 0 0",
        "      SEL 0",
        f"      IGUID {_guid('item', stem)}",
        "      IID 1",
        f"      NAME {stem}.wav",
        "      VOLPAN 1 0 1 -1",
        "      SOFFS 0",
        "      PLAYRATE 1 1 0 -1 0 0.0025",
        "      CHANMODE 0",
        f"      GUID {_guid('take', stem)}",
        "      <SOURCE WAVE",
        f'        FILE "stems/{stem}.wav"',
        "      >",
        "    >",
    )


def _chain_head() -> Iterable[str]:
    return ("    SHOW 0", "    LASTSEL 0", "    DOCKED 0")


def _effect(name: str, sliders: Sequence[float], place: str) -> Iterable[str]:
    values = [f"{value:.6f}" for value in sliders] + ["-"] * (_SLIDERS - len(sliders))
    return (
        "    BYPASS 0 0 0",
        f'    <JS {name} ""',
        f"      {' '.join(values)} ",
        "    >",
        "    FLOATPOS 0 0 0 0",
        f"    FXID {_guid(name, place)}",
        "    WAK 0 0",
    )


def _equaliser_sliders(equaliser: Equaliser) -> Sequence[float]:
    one = equaliser
    return (one.low_db, one.low_hz, one.mid_db, one.high_hz, one.high_db, 0.0)


def _guid(kind: str, name: str) -> str:
    return "{" + str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}")).upper() + "}"
