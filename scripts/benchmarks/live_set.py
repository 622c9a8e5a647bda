"""A Live set of a given size, in the shape of real ones: what a producer's busy year looks like.

Tracks hold a strip with sends, 131 controller targets, a launch grid, clips with notes, an
equaliser, a compressor, a plug-in with published parameters and a state, and envelopes. Every
third is an audio track with warped clips. As in real sets, five elements of six are not about
sound, and each stands in a line of its own behind its tabs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

Node = tuple[str, str, "tuple[Node, ...]"]
CONTROLLERS = 131
SCENES = 8


def format_set(tracks: int, *, louder: int = 0) -> bytes:
    """Write a set; the faders of the first `louder` tracks stand higher."""
    numbers = count(1000)
    inside = tuple(_track(n, numbers, louder=n < louder) for n in range(tracks))
    tempo = _node("Tempo", _value("Manual", "128"), _target(numbers))
    metre = _node("TimeSignature", _value("Manual", "201"), _target(numbers))
    mixer = _node("Mixer", *_strip(numbers, "1"), tempo, metre)
    master = _node("MainTrack", _name("Main"), _node("DeviceChain", mixer))
    scenes = _node("Scenes", *(_node(f'Scene Id="{n}"', _value("Name", "")) for n in range(SCENES)))
    locators = tuple(
        _node(f'Locator Id="{n}"', _value("Time", str(64 * n)), _value("Name", f"Part {n}"))
        for n in range(6)
    )
    markers = _node("Locators", _node("Locators", *locators))
    live_set = _node("LiveSet", _node("Tracks", *inside), master, scenes, markers)
    head = 'Ableton MajorVersion="5" MinorVersion="12.0_12049" Creator="Ableton Live 12.0.5"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', *_lines(_node(head, live_set), 0)]
    return "\n".join(lines).encode() + b"\n"


def _track(number: int, numbers: Iterator[int], *, louder: bool) -> Node:
    is_audio = number % 3 == 2
    kind = "AudioTrack" if is_audio else "MidiTrack"
    clips = tuple((_sample if is_audio else _notes)(number, place) for place in range(8))
    events = _node("ArrangerAutomation", _node("Events", *clips))
    slots = tuple(
        _node(
            f'ClipSlot Id="{n}"',
            _node("ClipSlot", _value_of("")),
            _value("HasStop", "true"),
            _value("NeedRefreeze", "true"),
        )
        for n in range(SCENES)
    )
    targets = tuple(
        _node(f'ControllerTargets.{n} Id="{next(numbers)}"', _value("LockEnvelope", "0"))
        for n in range(0 if is_audio else CONTROLLERS)
    )
    volume_number = next(numbers)
    envelope = _node(
        'AutomationEnvelope Id="0"',
        _node("EnvelopeTarget", _value("PointeeId", str(volume_number))),
        _node("Automation", _node("Events", *_fade())),
    )
    moved = _node("Pan", _value("Manual", "0"), _target(numbers, volume_number))
    sequencer = _node(
        "MainSequencer",
        _node("ClipSlotList", *slots),
        _node("Sample" if is_audio else "ClipTimeable", events),
        _node("MidiControllers", *targets),
    )
    devices = (_rack(numbers, number), _equaliser(numbers), _compressor(numbers))
    chain = _node(
        "DeviceChain",
        _node("Mixer", moved, *_strip(numbers, "0.9" if louder else "0.5")),
        sequencer,
        _node("DeviceChain", _node("Devices", *devices)),
    )
    return _node(
        f'{kind} Id="{number + 10}"',
        _value("LomId", "0"),
        _name(f"{number + 1}-Voice"),
        _value("Color", str(number % 70)),
        _node("AutomationEnvelopes", _node("Envelopes", envelope)),
        _value("TrackGroupId", "-1"),
        chain,
    )


def _strip(numbers: Iterator[int], volume: str) -> tuple[Node, ...]:
    speaker = _node("Speaker", _value("LomId", "0"), _value("Manual", "true"), _target(numbers))
    return (
        speaker,
        _value("SoloSink", "false"),
        _knob("Volume", volume, numbers),
        _knob("SplitStereoPanL", "-1", numbers),
        _knob("SplitStereoPanR", "1", numbers),
    )


def _notes(track: int, place: int) -> Node:
    keys = []
    for key in range(36, 40):
        notes = tuple(
            _leaf(
                f'MidiNoteEvent Time="{0.25 * n + 0.0078125 * (key % 3)}" Duration="0.1875"'
                f' Velocity="{60 + (n * 7 + track) % 60}" OffVelocity="64" NoteId="{n}"'
            )
            for n in range(5)
        )
        keys.append(
            _node(f'KeyTrack Id="{key}"', _node("Notes", *notes), _value("MidiKey", str(key)))
        )
    return _node(
        f'MidiClip Id="{place}" Time="{16 * place}"',
        *_clip(place, f"Idea {place}"),
        _node("Notes", _node("KeyTracks", *keys)),
    )


def _sample(track: int, place: int) -> Node:
    path = f"Samples/Recorded/take {track} {place}.wav"
    file = _node(
        "FileRef",
        _value("RelativePathType", "3"),
        _value("RelativePath", path),
        _value("Path", f"/Users/someone/Music/Song Project/{path}"),
        _value("OriginalFileSize", "3565194"),
    )
    markers = tuple(
        _leaf(f'WarpMarker Id="{n}" SecTime="{n * 0.46875}" BeatTime="{n}"') for n in range(17)
    )
    return _node(
        f'AudioClip Id="{place}" Time="{16 * place}"',
        *_clip(place, f"take {track} {place}"),
        _value("IsWarped", "true"),
        _node("SampleRef", file, _value("DefaultDuration", "891285")),
        _value("SampleVolume", "1"),
        _value("PitchCoarse", "0"),
        _node("WarpMarkers", *markers),
    )


def _clip(place: int, name: str) -> tuple[Node, ...]:
    loop = ("LoopStart", "0"), ("LoopEnd", "16"), ("StartRelative", "0"), ("LoopOn", "true")
    views = ("LomId", "Annotation", "LaunchMode", "LaunchQuantisation", "VelocityAmount", "Color")
    grid = ("FixedNumerator", "FixedDenominator", "GridIntervalPixel", "Ntoles", "SnapToGrid")
    return (
        _value("CurrentStart", str(16 * place)),
        _value("CurrentEnd", str(16 * place + 16)),
        _node("Loop", *(_value(tag, stored) for tag, stored in loop)),
        _value("Name", name),
        *(_value(tag, "0") for tag in views),
        _node("Grid", *(_value(tag, "1") for tag in grid)),
        _node("ScrollerTimePreserver", _value("LeftTime", "0"), _value("RightTime", "16")),
        _value("Disabled", "false"),
    )


def _equaliser(numbers: Iterator[int]) -> Node:
    bands = []
    for band in range(8):
        sides = []
        for side in ("ParameterA", "ParameterB"):
            switch = _node("IsOn", _value("Manual", "true"), _target(numbers))
            mode = _node("Mode", _value("Manual", "3"), _target(numbers))
            knobs = (("Freq", f"{100 * (band + 1)}"), ("Gain", "-1.5"), ("Q", "0.7071067095"))
            sides.append(
                _node(side, switch, mode, *(_knob(tag, stored, numbers) for tag, stored in knobs))
            )
        bands.append(_node(f"Bands.{band}", *sides))
    return _node('Eq8 Id="0"', *_device(numbers), _knob("GlobalGain", "0", numbers), *bands)


def _compressor(numbers: Iterator[int]) -> Node:
    knobs = ("Threshold", "Ratio", "Attack", "Release", "Gain", "DryWet", "Knee", "LookAhead")
    inside = tuple(_knob(tag, "0.25", numbers) for tag in knobs)
    return _node('Compressor2 Id="1"', *_device(numbers), *inside)


def _plugin(numbers: Iterator[int], track: int) -> Node:
    published = tuple(
        _node(
            f'PluginFloatParameter Id="{n}"',
            _value("ParameterName", f"Macro {n}"),
            _value("ParameterId", str(n)),
            _value("VisualIndex", str(n)),
            _knob("ParameterValue", "0.5", numbers),
        )
        for n in range(64)
    )
    uid = _node("Uid", *(_value(f"Fields.{n}", str(1000 + n)) for n in range(4)))
    state = ("ProcessorState", f"{track:08X}" + "5A" * 36_000)
    preset = _node("Preset", _node("Vst3Preset", _text(*state), _value("Name", "Init")))
    info = _node("Vst3PluginInfo", _value("Name", "Synth"), uid, preset)
    return _node(
        'PluginDevice Id="2"',
        *_device(numbers),
        _node("PluginDesc", info),
        _node("ParameterList", *published),
    )


def _rack(numbers: Iterator[int], track: int) -> Node:
    macros = tuple(_knob(f"MacroControls.{n}", "64", numbers) for n in range(16))
    devices = _node("Devices", _plugin(numbers, track), _equaliser(numbers))
    chain = _node("DeviceChain", _node('AudioToAudioDeviceChain Id="0"', devices))
    mixer = _node("MixerDevice", _knob("Volume", "1", numbers), _knob("Panorama", "0", numbers))
    branch = _node('AudioEffectBranch Id="0"', _name("Wide"), chain, mixer)
    return _node(
        'AudioEffectGroupDevice Id="3"', *_device(numbers), *macros, _node("Branches", branch)
    )


def _device(numbers: Iterator[int]) -> tuple[Node, ...]:
    views = ("LomId", "LomIdView", "IsExpanded", "IsFolded", "LastSelectedTimeableIndex")
    switch = _node("On", _value("LomId", "0"), _value("Manual", "true"), _target(numbers))
    return (*(_value(tag, "0") for tag in views), switch, _value("UserName", ""))


def _knob(tag: str, stored: str, numbers: Iterator[int]) -> Node:
    bounds = _node("MidiControllerRange", _value("Min", "0"), _value("Max", "1"))
    modulation = _node(f'ModulationTarget Id="{next(numbers)}"', _value("LockEnvelope", "0"))
    return _node(
        tag, _value("LomId", "0"), _value("Manual", stored), bounds, _target(numbers), modulation
    )


def _target(numbers: Iterator[int], number: int | None = None) -> Node:
    chosen = next(numbers) if number is None else number
    return _node(f'AutomationTarget Id="{chosen}"', _value("LockEnvelope", "0"))


def _fade() -> Iterator[Node]:
    yield _leaf('FloatEvent Id="0" Time="-63072000" Value="0"')
    for n in range(40):
        yield _leaf(f'FloatEvent Id="{n + 1}" Time="{n * 4}" Value="{n / 40}"')


def _name(name: str) -> Node:
    return _node("Name", _value("EffectiveName", name), _value("UserName", ""))


def _value(tag: str, stored: str) -> Node:
    return (f'{tag} Value="{stored}"', "", ())


def _value_of(stored: str) -> Node:
    return ("Value", stored, ())


def _leaf(tag: str) -> Node:
    return (tag, "", ())


def _text(tag: str, text: str) -> Node:
    return (tag, text, ())


def _node(tag: str, *inside: Node) -> Node:
    return (tag, "", inside)


def _lines(node: Node, depth: int) -> Iterator[str]:
    tag, text, inside = node
    tabs = "\t" * depth
    if text:
        yield f"{tabs}<{tag}>{text}</{tag}>"
    elif not inside:
        yield f"{tabs}<{tag} />"
    else:
        yield f"{tabs}<{tag}>"
        for one in inside:
            yield from _lines(one, depth + 1)
        yield f"{tabs}</{tag.partition(' ')[0]}>"
