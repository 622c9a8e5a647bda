"""One audio file, and every mark in it.

report = inspect_audio(Path("song.mp3"))
report.findings      what was found, generators first; nothing found proves nothing
report.problems      sentences about tags that could not be read
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stemproof.audio.marks.containers import read_tags
from stemproof.audio.marks.model import Finding
from stemproof.audio.marks.recognise import find_marks


@dataclass(frozen=True, slots=True)
class Report:
    """What one file's marks say, and what could not be read."""

    container: str
    findings: tuple[Finding, ...]
    problems: tuple[str, ...]

    @property
    def generators(self) -> tuple[Finding, ...]:
        """The findings that speak of AI."""
        return tuple(one for one in self.findings if one.kind != "program")

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that are named as having written the file."""
        return tuple(one.text for one in self.findings if one.kind == "program")


def inspect_audio(path: Path, *, anchors: str = "") -> Report:
    """Read and recognise the marks of one file; `anchors` are PEM certificates of trusted signers.

    What is no audio is BadInput. The file is read twice where Content Credentials are checked.
    """
    tags = read_tags(path)
    findings = find_marks(tags)
    if tags.credentials:
        from stemproof.audio.marks.credentials import check_credentials

        checked = check_credentials(path, tags.container, tags.credentials, anchors)
        findings.insert(0, checked)
    return Report(tags.container, tuple(findings), tuple(dict.fromkeys(tags.problems)))
