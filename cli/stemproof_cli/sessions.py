"""show: what is in a session, for people and programs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.acts.showing import Shown
    from stemproof.capture.sessions.model import Device, Parameter, Session, Track
    from stemproof.capture.tools.catalogue import Catalogue
    from stemproof.record.canonical import Json as JsonValue


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(show)


def show(
    session: Annotated[
        Path, typer.Argument(help="A session file, or the folder of a Logic or GarageBand project.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Show what is in a session: tracks, devices, files, tempo, and what could not be read."""
    from stemproof.acts.showing import show_session
    from stemproof_cli.tools import rows_in_force

    shown, catalogue = show_session(session), rows_in_force()
    if json:
        say.answer_json(_document(shown, catalogue))
        return
    from stemproof_cli.session_view import write_view

    write_view(shown, catalogue)


def device_rows(tracks: Sequence[Track]) -> Iterator[tuple[Track, Device]]:
    """Give every device with its track, those on clips included."""
    for track in tracks:
        for device in track.devices:
            yield track, device
        for clip in track.clips:
            for device in clip.devices:
                yield track, device


def count_clips(track: Track) -> int:
    """Count what a person put on a track: the fixed cells of a pattern grid count where filled."""
    return sum(1 for clip in track.clips if clip.kind.value != "slot" or clip.notes)


def count_notes(track: Track) -> int:
    """Count the notes of a track."""
    return sum(len(clip.notes) for clip in track.clips)


def _document(shown: Shown, catalogue: Catalogue) -> dict[str, JsonValue]:
    session = shown.session
    clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(shown.modified))
    return {
        "v": 0,
        "file": shown.path.name,
        "modified": clock,
        "format": session.format,
        "application": session.application,
        "version": session.version,
        "bytes": session.size,
        "sha256": session.digest,
        "tempo": [
            {
                "at": str(float(point.at.value)),
                "unit": point.at.unit.value,
                "bpm": point.bpm,
                "time_signature": f"{point.numerator}/{point.denominator}",
            }
            for point in session.tempo
        ],
        "parameters": _parameters(session.parameters),
        "markers": [
            {"name": marker.name, "at": str(float(marker.at.value)), "unit": marker.at.unit.value}
            for marker in session.markers
        ],
        "tracks": [_track(track, catalogue) for track in session.tracks],
        "media": [
            {"path": one.path, "state": one.state, "where": one.where or None}
            for one in shown.media
        ],
        "opaque": _opaque(session),
        "unread": [{"what": what, "count": count} for what, count in session.unread],
        "advice": shown.advice or None,
    }


def _track(track: Track, catalogue: Catalogue) -> dict[str, JsonValue]:
    mixer = track.mixer
    return {
        "name": track.name,
        "kind": track.kind.value,
        "id": track.identity or None,
        "parent": track.parent or None,
        "volume": mixer.volume.value if mixer.volume else None,
        "pan": mixer.pan.value if mixer.pan else None,
        "muted": mixer.mute,
        "soloed": mixer.solo,
        "output": mixer.output or None,
        "sends": [send.target for send in mixer.sends],
        "clips": count_clips(track),
        "notes": count_notes(track),
        "envelopes": len(track.automations),
        "parameters": _parameters(track.parameters),
        "devices": [_device(device, catalogue) for _, device in device_rows([track])],
    }


def _device(device: Device, catalogue: Catalogue) -> dict[str, JsonValue]:
    state, tool = device.state, catalogue.match(device)
    return {
        "name": device.name,
        "vendor": device.vendor or None,
        "role": device.role,
        "ids": [{"kind": one.kind.value, "id": one.value} for one in device.ids],
        "enabled": device.enabled,
        "preset": device.preset or None,
        "parameters": _parameters(device.parameters),
        "state": None if state is None else {"sha256": state.digest, "bytes": state.size},
        "tool": None
        if tool is None
        else {"id": tool.tool.id, "kind": tool.tool.kind.value, "how": tool.how},
    }


def _parameters(parameters: Sequence[Parameter]) -> list[JsonValue]:
    return [{"name": p.name, "value": p.value, "unit": p.unit.value or None} for p in parameters]


def _opaque(session: Session) -> list[JsonValue]:
    """List what only its digest tells: the whole session, or the states of plug-ins."""
    found: list[JsonValue] = []
    if session.opaque is not None:
        whole = session.opaque
        found.append({"what": "session", "sha256": whole.digest, "bytes": whole.size})
    for track, device in device_rows(session.tracks):
        if device.state is not None:
            found.append(
                {
                    "what": "device",
                    "track": track.name,
                    "device": device.name,
                    "family": family_of(device),
                    "sha256": device.state.digest,
                    "bytes": device.state.size,
                }
            )
    return found


def family_of(device: Device) -> str:
    """Name the family of a device: the kind of plug-in that it is."""
    return device.ids[0].kind.value if device.ids else "native"
