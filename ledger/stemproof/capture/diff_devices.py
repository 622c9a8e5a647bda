"""Devices of one chain compared: added, removed, moved, switched, set."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from .decision import Change, Scope, Subject
from .findings import Findings
from .match import Key, find_reordered, pair_things
from .sentences import device_label, device_title, plain
from .sessions.model import Device, PluginKind

# Parts that every LMMS track has: nobody adds or removes them.
_FIXED_PARTS = frozenset({"lmms:eldata", "lmms:arpeggiator", "lmms:chordcreator"})
_SCOPES = {"instrument": Scope.INSTRUMENT, "input": Scope.INPUT, "take": Scope.CLIP}


@dataclass(frozen=True, slots=True)
class LooseDevice:
    """A device that came or went; it may have moved from one track to another."""

    subject: Subject
    device: Device


def compare_chain(
    findings: Findings, subject: Subject, before: Sequence[Device], after: Sequence[Device]
) -> tuple[list[LooseDevice], list[LooseDevice]]:
    """Report what changed in place; give back what came and went."""
    if before == after:
        return [], []
    pairing = pair_things(before, after, _KEYS)
    reordered = find_reordered(pairing.pairs)
    for old, new in pairing.pairs:
        one, two = before[old], after[new]
        if new in reordered:
            text = f"{subject.label}: {device_label(two)} moved from place {old + 1} to {new + 1}"
            change = _change("device.reordered", "order of devices", text, two)
            findings.add(subject, replace(change, before=str(old + 1), after=str(new + 1)))
        if one != two:
            compare_device(findings, subject, one, two)
    gone = [LooseDevice(subject, before[i]) for i in pairing.removed]
    come = [LooseDevice(subject, after[i]) for i in pairing.added]
    return gone, come


def compare_device(findings: Findings, subject: Subject, one: Device, two: Device) -> None:
    """Report each changed property of one device."""
    name = device_label(two)
    if one.name != two.name and not findings.upgraded:
        text = f"{subject.label}: {device_label(one)} renamed to {name}"
        change = _change("device.renamed", f"{device_label(one)} name", text, two)
        findings.add(subject, replace(change, before=one.name, after=two.name))
    if one.enabled != two.enabled:
        states = [("on" if d.enabled else "bypassed") for d in (one, two)]
        text = f"{subject.label}: {name} {'switched on' if two.enabled else 'bypassed'}"
        change = _change("device.enabled", f"{name} on", text, two)
        findings.add(subject, replace(change, before=states[0], after=states[1]))
    if one.preset != two.preset and two.preset:
        text = (
            f"{subject.label}: {name} preset {plain(one.preset) or 'none'} -> {plain(two.preset)}"
        )
        change = _change("device.preset", f"{name} preset", text, two)
        findings.add(subject, replace(change, before=one.preset, after=two.preset))
    elif one.state != two.state and not _is_rewritten(findings, two):
        _add_state(findings, subject, one, two)
    pattern = _change("device.parameter", name, "", two)
    findings.compare_parameters(subject, one.parameters, two.parameters, pattern)
    owner = replace(subject, identity=two.identity or subject.identity, device=name)
    findings.compare_automations(owner, one.automations, two.automations, _scope(two))


def report_loose(
    findings: Findings, gone: Sequence[LooseDevice], come: Sequence[LooseDevice]
) -> None:
    """Report devices that came and went; equal ones on both sides have moved."""
    pairing = pair_things(gone, come, (_loose_identity, _loose_equal))
    for old, new in pairing.pairs:
        one, two = gone[old], come[new]
        where = f"from {one.subject.label} to {two.subject.label}"
        text = f"{device_title(two.device)} moved {where}"
        change = _change("device.moved", device_label(two.device), text, two.device)
        findings.add(
            two.subject, replace(change, before=one.subject.label, after=two.subject.label)
        )
        if one.device != two.device:
            compare_device(findings, two.subject, one.device, two.device)
    for index in pairing.removed:
        _report(findings, gone[index], "removed")
    for index in pairing.added:
        _report(findings, come[index], "added")


def _report(findings: Findings, loose: LooseDevice, verb: str) -> None:
    device = loose.device
    if any(i.value in _FIXED_PARTS for i in device.ids):
        return
    title = device_title(device)
    text = f"{loose.subject.label}: {title} {verb}"
    change = _change(f"device.{verb}", device_label(device), text, device)
    one, two = (title, None) if verb == "removed" else (None, title)
    findings.add(loose.subject, replace(change, before=one, after=two))


def _add_state(findings: Findings, subject: Subject, one: Device, two: Device) -> None:
    name = device_label(two)
    sizes = [f"{d.state.size if d.state else 0} bytes" for d in (one, two)]
    text = f"{subject.label}: {name} settings changed"
    change = _change("device.state", f"{name} settings", text, two)
    digests = [
        f"{d.state.digest[:16] if d.state else 'none'}, {s}"
        for d, s in zip((one, two), sizes, strict=True)
    ]
    findings.add(subject, replace(change, before=digests[0], after=digests[1]))


def _is_rewritten(findings: Findings, device: Device) -> bool:
    """Tell whether a new version of the program alone explains other bytes."""
    return findings.upgraded and any(i.kind is PluginKind.NATIVE for i in device.ids)


def _change(kind: str, what: str, text: str, device: Device) -> Change:
    return Change(
        kind,
        what,
        text,
        object_id=device.identity,
        scope=_scope(device),
        devices=device.ids,
        device=device_label(device),
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


_KEYS: tuple[Key[Device], ...] = (_identity, _equal, _named, _same_plugin, _same_title)


def _loose_identity(loose: LooseDevice) -> Hashable:
    return loose.device.identity or None


def _loose_equal(loose: LooseDevice) -> Hashable:
    # What moved to another chain may have got another identity there.
    return replace(loose.device, identity="", place="", automations=())
