"""Transcripts: what a person types and what the program answers, as a file that can be replayed.

    # why this is here
    $ stemproof verify take3.stemproof
    refuted: take3.stemproof           (standard output; ... alone stands for any lines)
    ! stemproof: error: ...            (standard error)
    ? 1                                (exit code, where it is not 0)

A command runs under bash, in a folder of its own with its own ledger; $TESTS names tests/.
<hex>, <time>, <cid>, <number>, <home> and <any> stand for what differs from run to run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parents[1]
DEADLINE_S = 120

# What a placeholder stands for; --rewrite puts the first four in by itself.
PLACEHOLDERS = {
    "<time>": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?",
    "<cid>": r"\bba[a-z2-7]{50,}",
    "<hex>": r"\b(?:0x)?[0-9a-f]{12,}(?:\.\.\.|…)?",
    "<number>": r"\d+(?:[.,]\d+)*",
    "<any>": r".*",
}
WRITTEN = ("<time>", "<cid>", "<hex>")


@dataclass(slots=True)
class Step:
    """One command, the comment above it, and its answer: lines of out, lines of err, a code."""

    command: str
    above: list[str] = field(default_factory=list)
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    code: int = 0


def parse_transcript(text: str) -> list[Step]:
    """Read the steps; lines above a command, from the last blank one on, are its comment."""
    steps: list[Step] = []
    above: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append(Step(line[2:], above))
            above = []
        elif line == "#" or line.startswith("# "):
            above.append(line)
        elif not steps:
            assert not line, f"an answer without a command: {line}"
        elif line.startswith("! "):
            steps[-1].err.append(line[2:])
        elif line.startswith("? "):
            steps[-1].code = int(line[2:])
        else:
            steps[-1].out.append(line)
    for step in steps:
        step.out = _without_last_blanks(step.out)
    return steps


def format_transcript(steps: Iterable[Step]) -> str:
    """Write the steps, a blank line after each."""
    blocks = []
    for step in steps:
        unclear = [line for line in step.out if re.match(r"[$!?#]( |$)", line)]
        assert not unclear, f"would be read as something else: {unclear[0]}"
        lines = [*step.above, f"$ {step.command}", *step.out, *(f"! {line}" for line in step.err)]
        if step.code:
            lines.append(f"? {step.code}")
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def environment(home: Path) -> dict[str, str]:
    """Describe a person who has just arrived: an empty home, no settings, no colours."""
    kept = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE") if name in os.environ}
    programs = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {
        **kept,
        "PATH": os.pathsep.join(programs),
        "HOME": str(home),
        "STEMPROOF_HOME": str(home / "ledger"),
        "TESTS": str(TESTS),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONUTF8": "1",
        "TZ": "UTC",
    }


def replay(steps: Iterable[Step], home: Path) -> Iterator[Step]:
    """Run each command in turn; yield it with the answer that it gave."""
    for step in steps:
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=home,
            env=environment(home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        out, err = (text.replace(str(home), "<home>") for text in (done.stdout, done.stderr))
        yield Step(step.command, step.above, _lines(out), _lines(err), done.returncode)


def agrees(wanted: list[str], got: list[str]) -> bool:
    """Compare lines, with placeholders, and with ... for any number of lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else _line_pattern(line) + r"\n" for line in wanted
    )
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in got)) is not None


def accept(old: Step, new: Step) -> Step:
    """Shape an answer for writing: keep what still agrees, else hide what differs by run."""
    return Step(
        old.command,
        old.above,
        old.out if agrees(old.out, new.out) else [_hide(line) for line in new.out],
        old.err if agrees(old.err, new.err) else [_hide(line) for line in new.err],
        new.code,
    )


def _hide(line: str) -> str:
    for placeholder in WRITTEN:
        line = re.sub(PLACEHOLDERS[placeholder], placeholder, line)
    return line


def _line_pattern(line: str) -> str:
    pattern = re.escape(line)
    for placeholder, meaning in PLACEHOLDERS.items():
        pattern = pattern.replace(re.escape(placeholder), meaning)
    return pattern


def _lines(text: str) -> list[str]:
    return _without_last_blanks([line.rstrip() for line in text.splitlines()])


def _without_last_blanks(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines
