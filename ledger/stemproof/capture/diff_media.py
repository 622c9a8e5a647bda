"""Media in another place: the same recording under another path is relinked, not replaced."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from .decision import Change, Subject
from .findings import Findings
from .sentences import clip_label, plain
from .sessions.model import AUDIO_PARAMETER, Clip, MediaRef, Parameter


def compare_media(findings: Findings, subject: Subject, one: Clip, two: Clip) -> None:
    """Report another file in a clip; the same one in another place is told once at the end."""
    inside = inner_audio(one), inner_audio(two)
    if None not in inside and inside[0] != inside[1]:
        text = f"{subject.label}: audio of {clip_label(two)} changed"
        found = Change("clip.audio", clip_label(two), text, *inside, two.identity)
        findings.add(subject, found)
    before, after = one.media, two.media
    if before == after or (before and after and findings.is_relinked(before, after)):
        return
    paths = [plain(media.path) if media else "nothing" for media in (before, after)]
    if paths[0] == paths[1]:
        text = f"{subject.label}: '{paths[1]}' in {clip_label(two)} is another recording now"
    else:
        text = f"{subject.label}: {clip_label(one)} now plays '{paths[1]}', not '{paths[0]}'"
    media = (after.path,) if after else ()
    change = Change("clip.media", clip_label(two), text, paths[0], paths[1], two.identity)
    findings.add(subject, replace(change, media=media))


def report_relinked(findings: Findings, whole: Subject) -> None:
    """Report each file that is now taken from elsewhere, once for all clips that play it."""
    for (before, after), count in findings.relinked.items():
        name = plain(MediaRef(after).file_name)
        used = "" if count == 1 else f", {count} times"
        text = f"Session: '{name}' relinked to '{plain(after)}', not '{plain(before)}'{used}"
        change = Change("media.relinked", name, text, before, after, media=(after,))
        findings.add(whole, change)
    findings.relinked = Counter()


def inner_audio(clip: Clip) -> str | None:
    """Give the digest of audio that lies in the session file itself; None for any other clip."""
    return next((p.value for p in clip.parameters if p.name == AUDIO_PARAMETER), None)


def settings_of(clip: Clip) -> list[Parameter]:
    """Give the settings of a clip without the digest of its audio, which is told in words."""
    return [parameter for parameter in clip.parameters if parameter.name != AUDIO_PARAMETER]
