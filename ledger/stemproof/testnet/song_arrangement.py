"""The demo's arrangement as Bitwig Studio exports it: `format_arrangement` yields a DAWproject.

A zip of `project.xml` and `metadata.xml` (DAWproject 1.0): the three stems on three tracks, from
the beat at which each comes in, and the fader of the lead as automation. The stems stay outside.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from itertools import count

_DAY = (2026, 1, 1, 0, 0, 0)
"""A fixed day: saves must not differ by the clock."""


def format_arrangement(
    title: str, tempo: int, entries: Mapping[str, float], length: float, fade: Sequence[float]
) -> bytes:
    """Write the arrangement.

    `entries`: the beat at which each stem comes in; `length`: beats of a stem;
    `fade`: values of the lead's fader, one a bar from its entry on, or none.
    """
    number = count()
    tracks, lanes = [], []
    master = "idMaster"
    for stem, entry in entries.items():
        track, fader = f"id{next(number)}", f"id{next(number)}"
        tracks.append(
            f'    <Track contentType="audio" loaded="true" id="{track}" name="{stem.capitalize()}">'
            f'<Channel audioChannels="2" destination="{master}" role="regular" solo="false"'
            f' id="id{next(number)}"><Volume max="2.000000" min="0.000000" unit="linear"'
            f' value="1.000000" id="{fader}" name="Volume"/></Channel></Track>\n'
        )
        drawn = _automation(fader, entry, fade) if stem == "lead" and fade else ""
        lanes.append(
            f'      <Lanes track="{track}" id="id{next(number)}">'
            f"{_clip(stem, entry, length)}{drawn}</Lanes>\n"
        )
    project = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Project version="1.0">\n'
        '  <Application name="Bitwig Studio" version="5.3.12"/>\n  <Transport>'
        f'<Tempo max="666.000000" min="20.000000" unit="bpm" value="{tempo}.000000" id="idTempo"'
        ' name="Tempo"/><TimeSignature denominator="4" numerator="4" id="idTime"/></Transport>\n'
        f"  <Structure>\n{''.join(tracks)}"
        f'    <Track contentType="audio notes" loaded="true" id="idMain" name="Master">'
        f'<Channel audioChannels="2" role="master" solo="false" id="{master}"><Volume'
        ' max="2.000000" min="0.000000" unit="linear" value="1.000000" id="idOut" name="Volume"/>'
        "</Channel></Track>\n  </Structure>\n"
        '  <Arrangement id="idAll"><Lanes timeUnit="beats" id="idLanes">\n'
        f"{''.join(lanes)}  </Lanes></Arrangement>\n</Project>\n"
    )
    about = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f"<MetaData><Title>{title}</Title></MetaData>\n"
    )
    return _zipped({"project.xml": project.encode(), "metadata.xml": about.encode()})


def _clip(stem: str, entry: float, length: float) -> str:
    return (
        f'<Clips><Clip time="{entry}" duration="{length}" playStart="0.0" name="{stem}">'
        f'<Audio channels="2" duration="{length}" sampleRate="44100">'
        f'<File path="stems/{stem}.wav" external="true"/></Audio></Clip></Clips>'
    )


def _automation(fader: str, entry: float, fade: Sequence[float]) -> str:
    points = "".join(
        f'<RealPoint value="{value:f}" interpolation="linear" time="{entry + 4 * bar}"/>'
        for bar, value in enumerate(fade)
    )
    return f'<Points unit="linear"><Target parameter="{fader}"/>{points}</Points>'


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _DAY), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
