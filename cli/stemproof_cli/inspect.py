"""inspect: what is written in audio files about how they were made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.audio.marks import Report
    from stemproof.record.canonical import Json as JsonValue

MAX_FILES = 1_000
NOTHING = "no mark was found; that says nothing about who made it"


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command(name="inspect")(inspect_files)


def inspect_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Audio files; they are only read.")
    ],
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust",
            metavar="PEM",
            help="Certificates (PEM) whose signers of Content Credentials you trust.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
) -> None:
    """Show the marks in audio files: generators, signers, AI labels, and the program that wrote it.

    Nothing is recorded and nothing is asked of the network. A mark is what somebody wrote into
    the file; that there is none never means that a human made it.
    """
    from stemproof.audio.marks.credentials import read_anchors
    from stemproof.errors import BadInput, Usage

    if len(files) > MAX_FILES:
        raise Usage(f"these are {len(files)} files, want at most {MAX_FILES}")
    anchors = "" if trust is None else read_anchors(trust)
    reports: list[tuple[Path, Report | BadInput]] = []
    for path in files:
        try:
            reports.append((path, _inspect(path, anchors)))
        except BadInput as error:
            if len(files) == 1:
                raise
            reports.append((path, error))
    if json:
        shown: list[JsonValue] = [_as_json(path, report) for path, report in reports]
        say.answer_json({"v": 0, "files": shown})
    else:
        for path, report in reports:
            _show(path, report)
    if any(isinstance(report, BadInput) for _, report in reports):
        raise typer.Exit(BadInput.exit_code)


def _inspect(path: Path, anchors: str) -> Report:
    from stemproof.audio.marks import inspect_audio

    return inspect_audio(path, anchors=anchors)


def _as_json(path: Path, report: Report | Exception) -> JsonValue:
    name = str(path).encode("utf-8", "replace").decode()
    if isinstance(report, Exception):
        return {"file": name, "error": str(report), "findings": []}
    findings: list[JsonValue] = [dict(finding.as_json()) for finding in report.findings]
    return {
        "file": name,
        "error": None,
        "container": report.container,
        "findings": findings,
        "problems": list(report.problems),
    }


def _show(path: Path, report: Report | Exception) -> None:
    say.answer(say.strong(say.clean(str(path))))
    if isinstance(report, Exception):
        say.answer(say.clean(f"  {report}"))
        return
    for finding in report.findings:
        say.hanging("  ", finding.says)
        if finding.prompt:
            say.hanging("    prompt: ", " ".join(finding.prompt.split())[:400])
    for problem in report.problems:
        say.hanging("  not read: ", problem)
    if not report.generators:
        say.answer(f"  {NOTHING}")
