"""From texts to findings: who says what about how the sound was made."""

from __future__ import annotations

from typing import Final

from stemproof.audio.marks.graphs import find_aigc, find_graph
from stemproof.audio.marks.model import Finding, Tag, Tags
from stemproof.audio.marks.table import load_table

_SHOWN: Final = 500
# One file does not name more; a hostile one repeats itself.
MAX_FINDINGS: Final = 50
_UNSIGNED: Final = "not signed: anybody can write or remove it"


def find_marks(tags: Tags) -> list[Finding]:
    """Find the marks in the texts of a file, each once, generators first."""
    found: dict[tuple[str, str, str], Finding] = {}
    for finding in (one for tag in tags.tags for one in _of_tag(tag)):
        found.setdefault((finding.generator, finding.kind, finding.text), finding)
        if len(found) >= MAX_FINDINGS:
            break
    return sorted(_without_repeats(list(found.values())), key=lambda one: one.kind == "program")


def _of_tag(tag: Tag) -> list[Finding]:
    found = [one for one in (find_graph(tag), find_aigc(tag)) if one is not None]
    table = load_table()
    for row in table.generators:
        match = row.find(tag)
        if match is not None:
            said = row.says.format(**{k: v.strip() for k, v in match.groupdict().items() if v})
            found.append(
                Finding(
                    source=tag.source,
                    generator=row.generator,
                    text=_cut(match[0]),
                    says=f"{tag.name}: {said}; {_UNSIGNED}",
                    kind="generator",
                    class_=row.class_,
                )
            )
    program = table.find_program(tag)
    if program is not None:
        found.append(
            Finding(
                source="originator",
                generator=program,
                text=_cut(tag.text),
                says=f"{tag.name}: written by {program}; it says nothing about AI",
                kind="program",
            )
        )
    return found


def _without_repeats(found: list[Finding]) -> list[Finding]:
    """Drop a program that is named twice, and a graph that only repeats what ran."""
    kept: list[Finding] = []
    for one in found:
        if one.kind == "program" and any(
            other.kind == "program" and other.generator == one.generator for other in kept
        ):
            continue
        kept.append(one)
    graphs = [one for one in kept if one.source == "comfyui"]
    best = max(graphs, key=lambda one: (len(one.prompt), len(one.text)), default=None)
    return [one for one in kept if one.source != "comfyui" or one is best]


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
