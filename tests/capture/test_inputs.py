"""What a track records from: told with a take, and no decision."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stemproof.capture.diff import diff
from stemproof.capture.sessions.model import Session
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.sessions.rpp_input import name_input

FIXTURES = Path(__file__).parent / "fixtures"
RPP = FIXTURES / "rpp" / "item_recorded" / "before.rpp"
ARDOUR = FIXTURES / "ardour" / "clip_moved" / "before.ardour"
ALS = FIXTURES / "als" / "clip_moved" / "before.als"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("0", "input 1"),
        ("3", "input 4"),
        ("1024", "input 1/2"),
        ("1026", "input 3/4"),
        ("2048", "input 1 and up"),
        ("512", "ReaRoute or loopback 1"),
        ("1536", "ReaRoute or loopback 1/2"),
        ("4096", "MIDI"),
        ("6112", "MIDI"),
        ("-1", ""),
        ("", ""),
        ("1.5", ""),
        ("9999999", ""),
        ("\u0663", ""),
    ],
)
def test_reaper_inputs_are_named_as_in_its_menu(word: str, name: str) -> None:
    assert name_input(word) == name


def changed(path: Path, old: bytes, new: bytes) -> tuple[Session, Session]:
    """Read a session as it is, and with one thing in it replaced."""
    data = path.read_bytes()
    plain = gzip.decompress(data) if path.suffix == ".als" else data
    assert old in plain
    return read_session(path.name, plain), read_session(path.name, plain.replace(old, new))


@pytest.mark.parametrize(
    ("path", "old", "new", "source"),
    [
        (RPP, b"REC 0 0 0", b"REC 1 1025 1", "input 2/3"),
        (ARDOUR, b"system:capture_1", b"Mixer:out 3", "Mixer:out 3"),
    ],
)
def test_another_input_is_read_and_is_no_decision(
    path: Path, old: bytes, new: bytes, source: str
) -> None:
    before, after = changed(path, old, new)
    assert source not in {track.source for track in before.tracks}
    assert source in {track.source for track in after.tracks}
    assert diff(before, after) == []


def routing(target: str, upper: str, lower: str) -> bytes:
    return (
        f'<DeviceChain><AudioInputRouting><Target Value="{target}"/>'
        f'<UpperDisplayString Value="{upper}"/><LowerDisplayString Value="{lower}"/>'
        "</AudioInputRouting>"
    ).encode()


@pytest.mark.parametrize(
    ("target", "upper", "lower", "source"),
    [
        ("AudioIn/External/S0", "Ext. In", "1/2", "Ext. In 1/2"),
        ("AudioIn/Track.13/TrackOut", "piano", "Post Mixer", "piano Post Mixer"),
        ("AudioIn/None", "No Input", "", ""),
    ],
)
def test_a_live_input_is_read_as_it_is_shown(
    target: str, upper: str, lower: str, source: str
) -> None:
    wanted = routing(target, upper, lower)
    before, after = changed(ALS, b"<DeviceChain>", wanted)
    assert after.tracks[0].source == source
    assert diff(before, after) == []
