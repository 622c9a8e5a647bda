"""The list that a comparison fills: changes of one subject become decisions with their stage."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .decision import Change, Decision, Scope, Subject
from .rules import stage_of
from .sentences import plain, same_law, shown_change, shown_value, shown_values
from .sessions.model import MEDIA_PARAMETER, Automation, MediaRef, Parameter
from .sessions.numbers import is_decimal, is_same_number

_MOST_LISTED = 8
_MOST_NAMED = 3
_MAIN = ("master ", "main volume", "main pitch")
_PORT = re.compile(r"port\d{1,4}")


class Findings:
    """Collects decisions. `upgraded`: the saves come from two versions of the program."""

    def __init__(self, *, upgraded: bool) -> None:
        self.upgraded = upgraded
        self.decisions: list[Decision] = []
        self.relinked: Counter[tuple[str, str]] = Counter()

    def add(self, subject: Subject, change: Change) -> None:
        """Record one change of the subject."""
        scope = change.scope or subject.scope
        self.decisions.append(
            Decision(
                kind=change.kind,
                stage=stage_of(change.kind, scope),
                scope=scope,
                track=subject.label,
                what=change.what,
                before=change.before,
                after=change.after,
                text=change.text,
                object_id=change.object_id or subject.identity,
                count=change.count,
                devices=change.devices,
                media=change.media,
                group=change.group,
                device=change.device or subject.device,
                shown=change.shown,
            )
        )

    def is_relinked(self, one: MediaRef, two: MediaRef) -> bool:
        """Tell whether two references play the same; another place is told once at the end."""
        if one.content and two.content:
            is_same = one.content == two.content
        else:
            is_same = one.file_name.casefold() == two.file_name.casefold()
        # Windows and others spell one path in two ways.
        if is_same and one.path.replace("\\", "/") != two.path.replace("\\", "/"):
            self.relinked[(one.path, two.path)] += 1
        return is_same

    def compare_parameters(
        self,
        subject: Subject,
        before: Sequence[Parameter],
        after: Sequence[Parameter],
        pattern: Change,
    ) -> None:
        """Report each parameter whose value changed; `pattern.what` begins its name.

        Settings that only one save has come from another version of the plug-in, or from parts
        of it switched on and off: together they are one change, and none after an upgrade.
        """
        if before == after:
            return
        one, two = _by_name(before), _by_name(after)
        are_ports_new = self.upgraded or _ports(one) != _ports(two)
        for name in (name for name in two if name in one):
            old, new = same_law(one[name], two[name])
            if are_ports_new and _PORT.fullmatch(name):
                continue  # another version of LMMS, or of the LADSPA plug-in, numbers them anew
            if self._is_kept(name, old, new):
                continue
            what = f"{pattern.what} {name}".strip()
            files = _by_file_name(old, new) if name == MEDIA_PARAMETER else (old, new)
            text = f"{subject.title}: {what} {shown_change(*files)}"
            change = replace(pattern, what=what, text=text, before=old.value, after=new.value)
            self.add(subject, replace(change, shown=shown_values(*files)))
        if not self.upgraded and one.keys() != two.keys():
            self._add_settings(subject, one, two, pattern)

    def _is_kept(self, name: str, old: Parameter, new: Parameter) -> bool:
        """Tell whether another value is no decision."""
        if is_same_number(old.value, new.value):
            return True
        if name == MEDIA_PARAMETER and old.value and new.value:
            if self.is_relinked(MediaRef(old.value), MediaRef(new.value)):
                return True
        if old.automated or new.automated:
            return True  # where automation stood when the session was saved
        # A word became a number: another way to store the same setting.
        return self.upgraded and is_decimal(old.value) != is_decimal(new.value)

    def _add_settings(
        self,
        subject: Subject,
        one: dict[str, Parameter],
        two: dict[str, Parameter],
        pattern: Change,
    ) -> None:
        # What automation sets is told as its automation.
        gone = sorted(name for name in one.keys() - two.keys() if not one[name].automated)
        come = sorted(name for name in two.keys() - one.keys() if not two[name].automated)
        if not gone and not come:
            return
        what = f"{pattern.what} settings".strip()
        told = [
            f"{_listed(names, _MOST_NAMED)} {verb}"
            for names, verb in ((come, "added"), (gone, "removed"))
            if names
        ]
        text = f"{subject.title}: {what}: {', '.join(told)}"
        kind = f"{pattern.kind.split('.')[0]}.settings"
        change = replace(pattern, kind=kind, what=what, text=text)
        self.add(subject, replace(change, before=_listed(gone), after=_listed(come)))

    def compare_automations(
        self,
        subject: Subject,
        before: Sequence[Automation],
        after: Sequence[Automation],
        scope: Scope | None = None,
    ) -> None:
        """Report envelopes that came, went, or have other points."""
        if before == after:
            return
        one, two = _by_target(before), _by_target(after)
        for key in (key for key in one if key not in two):
            _add_envelope(self, subject, "removed", one[key], None, scope)
        for key, new in two.items():
            old = one.get(key)
            if old is None:
                _add_envelope(self, subject, "added", None, new, scope)
            elif not _same_points(old, new):
                _add_envelope(self, subject, "changed", old, new, scope)
            elif old.enabled != new.enabled:
                _add_envelope(self, subject, "switched", old, new, scope)


def _listed(names: Sequence[str], most: int = _MOST_LISTED) -> str | None:
    if not names:
        return None
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return plain(", ".join(names[:most])) + more


def _by_file_name(old: Parameter, new: Parameter) -> tuple[Parameter, Parameter]:
    """Show which files they are; where those lie is in the values."""
    one, two = (MediaRef(p.value).file_name for p in (old, new))
    return (replace(old, value=one), replace(new, value=two)) if one != two else (old, new)


def _ports(parameters: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in parameters if _PORT.fullmatch(name))


def _by_name(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    seen: Counter[str] = Counter()
    for parameter in parameters:
        seen[parameter.name] += 1
        number = seen[parameter.name]
        found[parameter.name if number == 1 else f"{parameter.name} {number}"] = parameter
    return found


def _by_target(lanes: Iterable[Automation]) -> dict[str, Automation]:
    found: dict[str, Automation] = {}
    seen: Counter[str] = Counter()
    for lane in lanes:
        key = lane.identity or lane.target
        seen[key] += 1
        found[f"{key} {seen[key]}"] = lane
    return found


def _same_points(one: Automation, two: Automation) -> bool:
    return len(one.points) == len(two.points) and all(
        abs(float(a.at - b.at)) <= 1e-5 and a.shape == b.shape and is_same_number(a.value, b.value)
        for a, b in zip(one.points, two.points, strict=True)
    )


def _add_envelope(
    findings: Findings,
    subject: Subject,
    verb: str,
    old: Automation | None,
    new: Automation | None,
    scope: Scope | None,
) -> None:
    lane = new or old
    if lane is None:
        return
    one = None if old is None else _count(old)
    two = None if new is None else _count(new)
    shown = None
    if old is not None and new is not None and one == two and verb == "changed":
        # As many points as before: their digest tells which.
        shown = (str(one), str(two))
        one, two = f"{one}, {_points_digest(old)}", f"{two}, {_points_digest(new)}"
    if scope is None and not subject.device:
        scope = moved_scope(lane.target)
    name = plain(lane.target) or "unknown target"
    detail = {
        "added": f"added ({two})",
        "removed": f"removed ({one})",
        "switched": "on" if lane.enabled else "off",
        "changed": f"{one} -> {two}" if shown is None else _moved_points(old, new),
    }[verb]
    text = f"{subject.title}: automation of {name} {detail}"
    what = f"automation of {name}"
    change = Change(f"automation.{verb}", what, text, one, two, lane.identity, scope)
    findings.add(subject, replace(change, shown=shown))


def moved_scope(target: str) -> Scope | None:
    """Tell what an envelope moves that belongs to no track: the tempo, the main bus."""
    if target == "tempo":
        return Scope.SESSION
    return Scope.MASTER if target.casefold().startswith(_MAIN) else None


def _points_digest(lane: Automation) -> str:
    said = "\n".join(f"{p.at} {p.value} {p.shape}" for p in lane.points)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _count(lane: Automation) -> str:
    return "1 point" if len(lane.points) == 1 else f"{len(lane.points)} points"


def _moved_points(old: Automation | None, new: Automation | None) -> str:
    if old is None or new is None:
        return ""
    changed = [(a, b) for a, b in zip(old.points, new.points, strict=True) if a != b]
    if len(changed) == 1 and changed[0][0].at == changed[0][1].at:
        before, after = (shown_value(p.value, new.unit) for p in changed[0])
        return f"one point {before} -> {after}"
    count = len(changed)
    return f"{count} of {len(new.points)} points changed"
