"""git told to show sessions as decisions: a textconv and a diff driver of its own.

    *.rpp diff=stemproof          in .gitattributes, which everybody who clones gets
    [diff "stemproof"]            in .git/config, which is this computer's alone
        textconv = … diff --textconv
        command = … diff --git-driver

`git diff` then lists decisions; `git log -p` and `git show`, which never call a diff command,
compare the text form. Written only inside one repository, never for the whole user.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.errors import BadInput, Unavailable

DRIVER: Final = "stemproof"
_TIMEOUT_S: Final = 60
# Other things than music carry these names: their diffs stay as they are.
_TOO_COMMON: Final = frozenset(
    {".xml", ".json", ".txt", ".zip", ".bak", ".history", "metadata.plist"}
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written, and where."""

    attributes: Path
    lines: tuple[str, ...]  # those that are not there yet
    settings: tuple[tuple[str, str], ...]


def plan_driver(folder: Path, program: Sequence[str], extensions: Sequence[str]) -> Plan:
    """Find the repository around `folder` and say what showing sessions in it needs."""
    top = Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    attributes = top / ".gitattributes"
    if attributes.is_symlink():
        raise BadInput(
            f"{attributes} is a link, which git does not follow",
            hint="put a file of the repository's own in its place",
        )
    known = _lines(attributes)
    wanted = [f"*{name} diff={DRIVER}" for name in _spellings(extensions)]
    command = " ".join(shlex.quote(word) for word in program)
    settings = (
        (f"diff.{DRIVER}.textconv", f"{command} diff --textconv --"),
        (f"diff.{DRIVER}.command", f"{command} diff --git-driver --"),
    )
    return Plan(attributes, tuple(line for line in wanted if line not in known), settings)


def install_driver(plan: Plan) -> None:
    """Write what a plan says."""
    if plan.lines:
        old = _read(plan.attributes)
        ends = "" if not old or old.endswith("\n") else "\n"
        try:
            with plan.attributes.open("a", encoding="utf-8") as file:
                file.write(ends + "".join(f"{line}\n" for line in plan.lines))
        except OSError as error:
            raise BadInput(f"cannot write {plan.attributes}: {error.strerror}") from error
    for name, value in plan.settings:
        _git(plan.attributes.parent, "config", "--local", name, value)


def _spellings(extensions: Sequence[str]) -> list[str]:
    # git's patterns tell capitals apart: REAPER's users write .RPP, Logic writes ProjectData.
    plain = [name for name in dict.fromkeys(extensions) if name not in _TOO_COMMON]
    return ["".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name) for name in plain]


def _lines(path: Path) -> set[str]:
    return {line.strip() for line in _read(path).splitlines()}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error


def _git(folder: Path, *words: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise Unavailable("git is not on this computer")
    try:
        done = subprocess.run(  # noqa: S603 - the found git, our own words, no shell
            [git, "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"git {words[0]} did not end within {_TIMEOUT_S} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BadInput(
            f"git {words[0]} failed: {said[-1] if said else 'it did not say why'}",
            hint="give this command inside the git repository of the project",
        )
    return done.stdout
