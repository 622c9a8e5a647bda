"""Devices of one chain compared: added, removed, moved, switched, set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from .decision import Change, Scope, Subject
from .findings import Findings
from .match import Key, Pairing, find_reordered, pair_things
from .sentences import device_label, device_title, plain
from .sessions.model import Device, PluginKind

# Parts that every track of LMMS has, and the empty sampler that a new channel of FL Studio is:
# nobody adds or removes them.
_FIXED_PARTS = frozenset(
    {"lmms:eldata", "lmms:arpeggiator", "lmms:chordcreator", "flstudio:sampler"}
)
_SCOPES = {"instrument": Scope.INSTRUMENT, "input": Scope.INPUT, "take": Scope.CLIP}


@dataclass(frozen=True, slots=True)
class LooseDevice:
    """A device that came or went; it may have moved from one track to another."""

    subject: Subject
    device: Device
    is_silent: bool = False  # its whole track went: not a decision of its own
    is_of_new_track: bool = False  # it came with its track, as a template may have it


def compare_chain(
    findings: Findings, subject: Subject, before: Sequence[Device], after: Sequence[Device]
) -> tuple[list[LooseDevice], list[LooseDevice]]:
    """Report what changed in place; give back what came and went."""
    if before == after:
        return [], []
    pairing = pair_things(before, after, DEVICE_KEYS)
    reordered = find_reordered(pairing.pairs)
    labels = chain_labels(after)
    moves = _moves_between_racks(before, after)
    for old, new in pairing.pairs:
        one, two = before[old], after[new]
        if new in reordered:
            text = f"{subject.label}: {labels[new]} moved from place {old + 1} to {new + 1}"
            change = _change("device.reordered", "order of devices", text, two, labels[new])
            findings.add(subject, replace(change, before=str(old + 1), after=str(new + 1)))
        if (one.place, two.place) in moves:
            _report_moved(findings, LooseDevice(subject, one), LooseDevice(subject, two))
        if one != two:
            compare_device(findings, subject, one, two, labels[new])
    gone = [LooseDevice(subject, before[i]) for i in pairing.removed]
    come = [LooseDevice(subject, after[i]) for i in pairing.added]
    return gone, come


def _moves_between_racks(
    before: Sequence[Device], after: Sequence[Device]
) -> frozenset[tuple[str, str]]:
    """List from which rack to which a device can have moved: a renamed rack moves nothing."""
    one, two = ({"", *(device.place for device in side)} for side in (before, after))
    return frozenset(
        (old, new) for old in one for new in two if old != new and (old in two or new in one)
    )


def chain_labels(devices: Sequence[Device]) -> list[str]:
    """Name the devices of a chain; equal names are numbered."""
    names = [device_label(device) for device in devices]
    total, seen = Counter(names), Counter[str]()
    labels = []
    for name in names:
        seen[name] += 1
        labels.append(name if total[name] == 1 else f"{name} #{seen[name]}")
    return labels


def compare_device(
    findings: Findings, subject: Subject, one: Device, two: Device, name: str
) -> None:
    """Report each changed property of one device, which is called `name` in its chain."""
    if one.name != two.name and not findings.upgraded:
        text = f"{subject.label}: {device_label(one)} renamed to {name}"
        change = _change("device.renamed", f"{device_label(one)} name", text, two, name)
        findings.add(subject, replace(change, before=one.name, after=two.name))
    if one.enabled != two.enabled:
        states = [("on" if d.enabled else "bypassed") for d in (one, two)]
        text = f"{subject.label}: {name} {'switched on' if two.enabled else 'bypassed'}"
        change = _change("device.enabled", f"{name} on", text, two, name)
        findings.add(subject, replace(change, before=states[0], after=states[1]))
    told = len(findings.decisions)
    if one.preset != two.preset and two.preset:
        _add_preset(findings, subject, one, two, name)
    pattern = _change("device.parameter", name, "", two, name)
    findings.compare_parameters(subject, one.parameters, two.parameters, pattern)
    # A setting that is named, or a preset, also changes the bytes: that is told already.
    is_told = len(findings.decisions) > told
    if one.state != two.state and not is_told and not _is_rewritten(findings, two):
        _add_state(findings, subject, one, two, name)
    if one.preset and not two.preset and len(findings.decisions) == told:
        # Programs forget the preset's name when a setting changes: then that is what happened.
        _add_preset(findings, subject, one, two, name)
    owner = replace(subject, identity=two.identity or subject.identity, device=name)
    findings.compare_automations(owner, one.automations, two.automations, _scope(two))


def report_loose(
    findings: Findings,
    gone: Sequence[LooseDevice],
    come: Sequence[LooseDevice],
    known: Mapping[Hashable, Subject] | None = None,
) -> None:
    """Report devices that came and went; equal ones on both sides have moved.

    `known` says where a device of a content stood before: a new one like it is a copy.
    """
    gone, come = ([one for one in side if not is_fixed_part(one.device)] for side in (gone, come))
    pairing = _pair_tweaked(gone, come, pair_things(gone, come, (_loose_identity, _loose_equal)))
    for old, new in pairing.pairs:
        one, two = gone[old], come[new]
        _report_moved(findings, one, two)
        if one.device != two.device:
            label = device_label(two.device)
            compare_device(findings, two.subject, one.device, two.device, label)
    for index in pairing.removed:
        if not gone[index].is_silent:
            _report(findings, gone[index], "removed")
    for index in pairing.added:
        _report_added(findings, come[index], known or {})


def _report_moved(findings: Findings, one: LooseDevice, two: LooseDevice) -> None:
    """Report where a device went: to another track, or into or out of a rack of its own."""
    ends, prefix = (one.subject.label, two.subject.label), ""
    if two.device.name in ends:
        # An effect often gives its track the name.
        ends = (f"track {ends[0]}", f"track {ends[1]}")
    if one.subject.label == two.subject.label:
        if one.device.place == two.device.place:
            return  # it only got another identity
        places = (plain(d.device.place) or "the track's chain" for d in (one, two))
        ends, prefix = (next(places), next(places)), f"{two.subject.label}: "
    title = device_title(replace(two.device, place=""))
    text = f"{prefix}{title} moved from {ends[0]} to {ends[1]}"
    change = _change("device.moved", device_label(two.device), text, two.device)
    findings.add(two.subject, replace(change, before=ends[0], after=ends[1]))


def device_content(device: Device) -> Hashable:
    """What a copy of a device has in common with it; None if that tells nothing."""
    if not device.parameters and device.state is None:
        return None
    return replace(device, identity="", place="", automations=())


def _pair_tweaked(
    gone: Sequence[LooseDevice], come: Sequence[LooseDevice], pairing: Pairing
) -> Pairing:
    """Pair the one plug-in of its kind that went with the one that came, if it sounds alike."""
    left, right = (
        Counter(_plug_in(side[i].device) for i in indices)
        for side, indices in ((gone, pairing.removed), (come, pairing.added))
    )
    lonely = {key for key in left.keys() & right.keys() if left[key] == right[key] == 1}
    one = {_plug_in(gone[i].device): i for i in pairing.removed}
    two = {_plug_in(come[j].device): j for j in pairing.added}
    pairs = [
        (one[key], two[key])
        for key in lonely
        if _is_alike(gone[one[key]].device, come[two[key]].device)
    ]
    return Pairing(
        tuple(sorted([*pairing.pairs, *pairs], key=lambda p: p[1])),
        tuple(i for i in pairing.removed if i not in {p[0] for p in pairs}),
        tuple(j for j in pairing.added if j not in {p[1] for p in pairs}),
    )


def _plug_in(device: Device) -> Hashable:
    return (device.name, device.ids, device.role)


def _is_alike(one: Device, two: Device) -> bool:
    """Tell whether a device that was moved was at most adjusted."""
    if one.state is not None and one.state == two.state:
        return True
    values = {p.name: p.value for p in one.parameters}
    same = sum(1 for p in two.parameters if values.get(p.name) == p.value)
    return 5 * same >= 4 * max(len(one.parameters), len(two.parameters), 1)


def _report_added(
    findings: Findings, loose: LooseDevice, known: Mapping[Hashable, Subject]
) -> None:
    original = known.get(device_content(loose.device))
    if original is None or loose.is_of_new_track:
        _report(findings, loose, "added")
        return
    title = device_title(loose.device)
    text = f"{loose.subject.label}: {title} copied from {original.label}"
    change = _change("device.copied", device_label(loose.device), text, loose.device)
    findings.add(loose.subject, replace(change, after=title))


def is_fixed_part(device: Device) -> bool:
    """Tell whether every instrument has it from the start: nobody adds, moves or removes it."""
    return any(i.value in _FIXED_PARTS for i in device.ids)


def _report(findings: Findings, loose: LooseDevice, verb: str) -> None:
    device = loose.device
    title = device_title(device)
    text = f"{loose.subject.label}: {title} {verb}"
    change = _change(f"device.{verb}", device_label(device), text, device)
    one, two = (title, None) if verb == "removed" else (None, title)
    findings.add(loose.subject, replace(change, before=one, after=two))


def _add_preset(findings: Findings, subject: Subject, one: Device, two: Device, name: str) -> None:
    presets = [plain(device.preset) or "none" for device in (one, two)]
    text = f"{subject.label}: {name} preset {presets[0]} -> {presets[1]}"
    change = _change("device.preset", f"{name} preset", text, two, name)
    findings.add(subject, replace(change, before=one.preset, after=two.preset))


def _add_state(findings: Findings, subject: Subject, one: Device, two: Device, name: str) -> None:
    sizes = [f"{d.state.size if d.state else 0} bytes" for d in (one, two)]
    text = f"{subject.label}: {name} settings changed"
    change = _change("device.state", f"{name} settings", text, two, name)
    digests = [
        f"{d.state.digest[:16] if d.state else 'none'}, {s}"
        for d, s in zip((one, two), sizes, strict=True)
    ]
    findings.add(subject, replace(change, before=digests[0], after=digests[1]))


def _is_rewritten(findings: Findings, device: Device) -> bool:
    """Tell whether a new version of the program alone explains other bytes."""
    return findings.upgraded and any(i.kind is PluginKind.NATIVE for i in device.ids)


def _change(kind: str, what: str, text: str, device: Device, label: str = "") -> Change:
    return Change(
        kind,
        what,
        text,
        object_id=device.identity,
        scope=_scope(device),
        devices=device.ids,
        device=label or device_label(device),
    )


def _scope(device: Device) -> Scope | None:
    return _SCOPES.get(device.role)


def _identity(device: Device) -> Hashable:
    return device.identity or None


def _equal(device: Device) -> Hashable:
    return None if device.identity else device


def _named(device: Device) -> Hashable:
    return None if device.identity else (device.name, device.ids, device.role)


def _same_plugin(device: Device) -> Hashable:
    return None if device.identity or not device.ids else (device.ids[0], device.role)


def _same_title(device: Device) -> Hashable:
    return None if device.identity else (device.name, device.role)


def _same_player(device: Device) -> Hashable:
    # A score knows an instrument by its name alone: with all else equal it was renamed.
    if device.identity or device.ids or device.role != "instrument":
        return None
    return replace(device, name="")


DEVICE_KEYS: tuple[Key[Device], ...] = (
    _identity,
    _equal,
    _named,
    _same_plugin,
    _same_title,
    _same_player,
)


def _loose_identity(loose: LooseDevice) -> Hashable:
    return loose.device.identity or None


def _loose_equal(loose: LooseDevice) -> Hashable:
    # What moved to another chain may have got another identity there.
    return replace(loose.device, identity="", place="", automations=())
