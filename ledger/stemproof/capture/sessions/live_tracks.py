"""Tracks of a Live set: names, groups, mixer, devices, clips in all three of their places.

    <Tracks> <MidiTrack Id="12"> | AudioTrack | GroupTrack | ReturnTrack … </Tracks>
    <MasterTrack> (until Live 11) or <MainTrack>
      <Name><EffectiveName Value="1-Kit" /><UserName Value="" /></Name>
      <TrackGroupId Value="27" />                   the group that it is in, or -1
      <DeviceChain>  (the master's in Live 8: MasterChain)
        <Mixer> Volume, Pan, Speaker (the activator), SoloSink, Sends
        <MainSequencer> ClipSlotList: the launch grid; ClipTimeable or Sample: the arrangement
        <DeviceChain><Devices>…
      <TakeLanes>                                   from Live 11 on

`FreezeSequencer` holds what Live rendered by itself, `PreHearTrack` how the musician listens,
`Recorder` what is armed: none of them is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .live_clips import CLIPS
from .live_devices import read_chain
from .live_envelopes import Envelopes, words
from .live_xml import is_true, value
from .model import (
    Automation,
    Clip,
    Device,
    Mixer,
    Moment,
    Parameter,
    Send,
    Slot,
    Track,
    TrackKind,
    Unit,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

TRACKS: Final = {
    "MidiTrack": TrackKind.INSTRUMENT,
    "AudioTrack": TrackKind.AUDIO,
    "GroupTrack": TrackKind.FOLDER,
    "ReturnTrack": TrackKind.BUS,
    "MasterTrack": TrackKind.MASTER,
    "MainTrack": TrackKind.MASTER,
}
_MADE_UP: Final = {"MidiTrack": "MIDI", "AudioTrack": "Audio", "GroupTrack": "Group"}
MASTER_NAME: Final = "Main"
"""As Live 12 calls it, whichever version wrote the set: the new name is no decision."""
RETURN_LETTERS: Final = "ABCDEFGHIJKL"
_CROSSFADER: Final = {"0": "A", "1": "none", "2": "B"}
_OUTPUTS: Final = {"Master": "Main", "Main": "Main", "GroupTrack": "Group", "None": "none"}
_WHOLE: Final = (
    ("GlobalGrooveAmount", "groove amount", Unit.PERCENT),
    ("CrossFade", "crossfader", Unit.RAW),
)
_TEMPO: Final = ("Tempo", "TimeSignature")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a track is read among."""

    clips: Mapping[_Element, Clip]  # those that ended before their track did
    unread: Counter[str]
    number: int  # of the track, from 1; of a return track among its like


def read_track(node: _Element, among: Surroundings) -> Track:
    """Read one track; the targets of its sends are still numbers of return tracks."""
    tag = str(node.tag)
    kind = TRACKS[tag]
    identity = "" if kind is TrackKind.MASTER else node.get("Id", "")
    envelopes = Envelopes(node, among.clips.values())
    chain = node.find("DeviceChain")
    chain = node.find("MasterChain") if chain is None else chain
    group = value(node, "TrackGroupId", "-1")
    mixer, parameters, automations = Mixer(), list[Parameter](), list[Automation]()
    devices: tuple[Device, ...] = ()
    clips: tuple[Clip, ...] = ()
    if chain is not None:
        strip = chain.find("Mixer")
        if strip is not None:
            mixer = _mixer(strip, chain, envelopes, automations)
            parameters += _strip_parameters(strip, envelopes, automations)
        holder = chain.find("DeviceChain/Devices")
        devices = read_chain(holder, envelopes, identity or "main", among.unread)
        clips = tuple(_clips(node, chain, envelopes, among))
    parameters += _track_parameters(node)
    envelopes.count_rest(among.unread)
    name, own_name = _name(node, tag, among.number)
    return Track(
        name,
        kind,
        identity=identity,
        own_name=own_name,
        parent="" if group == "-1" else group,
        mixer=mixer,
        devices=devices,
        clips=clips,
        automations=tuple(automations),
        parameters=tuple(parameters),
        source="" if chain is None else _source(chain),
    )


def _name(node: _Element, tag: str, number: int) -> tuple[str, str]:
    """Name a track as Live shows it; beside it what the musician typed, if anything."""
    if TRACKS[tag] is TrackKind.MASTER:
        return MASTER_NAME, ""
    own_name = value(node, "Name/UserName")
    shown = value(node, "Name/EffectiveName") or own_name
    if not shown and tag == "ReturnTrack":
        # Live 8 stores no name that it made up itself.
        shown = f"{RETURN_LETTERS[(number - 1) % len(RETURN_LETTERS)]}-Return"
    return shown or f"{number}-{_MADE_UP.get(tag, tag)}", own_name


def _source(chain: _Element) -> str:
    """Name the audio input as Live shows it: a device or a track, and which channels of it."""
    routing = chain.find("AudioInputRouting")
    if routing is None or value(routing, "Target").endswith("/None"):
        return ""
    names = [value(routing, "UpperDisplayString"), value(routing, "LowerDisplayString")]
    return " ".join(name for name in names if name)


def _mixer(
    strip: _Element, chain: _Element, envelopes: Envelopes, automations: list[Automation]
) -> Mixer:
    volume = _knob(strip, "Volume", ("volume", Unit.GAIN), envelopes, automations)
    pan = _knob(strip, "Pan", ("pan", Unit.PAN_FIFTY), envelopes, automations)
    speaker = _knob(strip, "Speaker", ("track on", Unit.SWITCH), envelopes, automations)
    target = value(chain, "AudioOutputRouting/Target")
    return Mixer(
        volume=volume,
        pan=pan,
        mute=speaker is not None and speaker.value == "0",
        solo=is_true(strip, "SoloSink"),
        output=_output(target),
        sends=tuple(_sends(strip, envelopes, automations)),
    )


def _knob(
    strip: _Element,
    tag: str,
    shown: tuple[str, Unit],
    envelopes: Envelopes,
    automations: list[Automation],
) -> Parameter | None:
    node = strip.find(tag)
    knob = None if node is None else envelopes.knob(node, *shown)
    if knob is None:
        return None
    if knob.automation is not None:
        automations.append(knob.automation)
    return knob.parameter


def _sends(strip: _Element, envelopes: Envelopes, automations: list[Automation]) -> Iterator[Send]:
    for number, holder in enumerate(strip.iterfind("Sends/TrackSendHolder")):
        letter = RETURN_LETTERS[number % len(RETURN_LETTERS)]
        before = len(automations)
        level = _knob(holder, "Send", (f"send {letter}", Unit.GAIN), envelopes, automations)
        if level is None:
            continue
        if value(holder, "Active", "true") == "false":
            continue
        parameter = replace(level, name="level")
        yield Send(str(number), (parameter,), is_fixed=len(automations) == before)


def _output(target: str) -> str:
    """Name where a track goes: the main track, its group, another track by its identity."""
    parts = target.removeprefix("AudioOut/").split("/")
    if parts[0].startswith("Track.") and parts[-1] == "TrackIn":
        return parts[0].removeprefix("Track.")
    return _OUTPUTS.get(parts[0], "/".join(parts))


def _strip_parameters(
    strip: _Element, envelopes: Envelopes, automations: list[Automation]
) -> Iterator[Parameter]:
    cross = _knob(strip, "CrossFadeState", ("crossfade", Unit.TEXT), envelopes, automations)
    if cross is not None:
        yield replace(cross, value=_CROSSFADER.get(cross.value, cross.value))
    for tag, side in (("SplitStereoPanL", "left"), ("SplitStereoPanR", "right")):
        shown = (f"split pan {side}", Unit.PAN_FIFTY)
        split = _knob(strip, tag, shown, envelopes, automations)
        if split is not None:
            yield split
    for tag, name, unit in _WHOLE:
        whole = _knob(strip, tag, (name, unit), envelopes, automations)
        if whole is not None:
            yield whole
    for tag in _TEMPO:
        # They are the session's, see live_tempo.py.
        _knob(strip, tag, (words(tag), Unit.RAW), envelopes, [])


def _track_parameters(node: _Element) -> Iterator[Parameter]:
    delay = node.find("TrackDelay")
    if delay is not None:
        unit = "samples" if is_true(delay, "IsValueSampleBased") else "ms"
        yield Parameter(f"track delay in {unit}", value(delay, "Value", "0"))
    if node.find("Freeze") is not None:
        yield Parameter("frozen", "1" if is_true(node, "Freeze") else "0", Unit.SWITCH)


def _clips(
    node: _Element, chain: _Element, envelopes: Envelopes, among: Surroundings
) -> Iterator[Clip]:
    sequencer = chain.find("MainSequencer")
    if sequencer is not None:
        if any(clip.points for clip in among.clips.values()):
            envelopes.name_targets(sequencer)
        for number, slot in enumerate(sequencer.iterfind("ClipSlotList/ClipSlot"), start=1):
            for holder in slot.iterfind("ClipSlot/Value"):
                place = Slot(f"scene {slot.get('Id', str(number))}", f"scene {number}")
                for clip in _placed(holder, "", envelopes, among):
                    yield replace(clip, slot=place, position=Moment(clip.position.value * 0))
        for path in ("ClipTimeable", "Sample"):
            events = sequencer.find(f"{path}/ArrangerAutomation/Events")
            if events is not None:
                yield from _placed(events, "arrangement", envelopes, among)
    for number, lane in enumerate(node.iterfind("TakeLanes/TakeLanes/TakeLane"), start=1):
        key = f"lane {lane.get('Id', str(number))}"
        name = value(lane, "Name") or value(lane, "Name/UserName")
        label = f"take lane {number}" + (f" '{name}'" if name else "")
        place = Slot(key, label, is_timed=True)
        for events in lane.iterfind("ClipAutomation/Events"):
            for clip in _placed(events, key, envelopes, among):
                yield replace(clip, slot=place)


def _placed(
    holder: _Element, where: str, envelopes: Envelopes, among: Surroundings
) -> Iterator[Clip]:
    """Give the clips of one list; their numbers are their own only there."""
    for node in holder:
        clip = among.clips.get(node)
        if clip is None:
            if node.tag not in CLIPS:
                among.unread[f"clip {str(node.tag)[:40]}"] += 1
            continue
        identity = f"{where} {clip.identity}" if where and clip.identity else ""
        clip = envelopes.named(clip)
        yield clip if identity == clip.identity else replace(clip, identity=identity)
