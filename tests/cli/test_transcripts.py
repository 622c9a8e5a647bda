"""Every transcript beside this file, and every console block marked as tested, happens as written.

Accept what the commands say now with: pytest tests/cli --rewrite
A block in README.md or docs/ is tested when the line above it is `<!-- tested -->`; the blocks of
one page share one home, and standard error stands where a terminal shows it: among the output.
`<!-- before: COMMAND -->` and `<!-- after: COMMAND -->` run unseen, at the start and at the end.
The passphrase, which a person types, comes from a file descriptor.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.cli.transcript import (
    Step,
    accept,
    agrees,
    format_transcript,
    parse_transcript,
    replay,
)

ROOT = Path(__file__).parents[2]
TRANSCRIPTS = sorted(Path(__file__).parent.glob("*.txt"))
BLOCK = re.compile(r"^<!-- tested -->\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNSEEN = re.compile(r"^<!-- (before|after): (.*?) -->$", re.MULTILINE | re.DOTALL)
TYPED = 'exec 2>&1 3<<<"correct horse battery staple"; export STEMPROOF_PASSPHRASE_FD=3'
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if page.exists() and BLOCK.search(page.read_text())
]


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_happens_as_written(
    path: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    wanted = parse_transcript(path.read_text())
    assert wanted
    if request.config.getoption("--rewrite"):
        accepted = list(map(accept, wanted, replay(wanted, tmp_path)))
        path.write_text(format_transcript(accepted))
        return
    for step, got in zip(wanted, replay(wanted, tmp_path), strict=True):
        same = agrees(step.out, got.out) and agrees(step.err, got.err) and step.code == got.code
        # The comparison of the texts is what pytest shows as a difference.
        assert same or format_transcript([got]) == format_transcript([step])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    unseen = UNSEEN.findall(text)
    wanted = parse_transcript("\n".join(BLOCK.findall(text)))
    steps = [Step(f"{TYPED}; {step.command}") for step in wanted]
    try:
        for done in replay(
            [Step(command) for when, command in unseen if when == "before"], tmp_path
        ):
            assert done.code == 0, done
        for step, got in zip(wanted, replay(steps, tmp_path), strict=True):
            same = agrees(step.out, got.out) or "\n".join(got.out) == "\n".join(step.out)
            assert same, f"{step.command}\n" + "\n".join(got.out)
            assert got.code == step.code, step.command
    finally:
        list(replay([Step(command) for when, command in unseen if when == "after"], tmp_path))
