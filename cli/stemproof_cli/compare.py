"""diff: what was decided between two saves of a session, for people, programs and git."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.capture.decision import Decision
    from stemproof.capture.sessions.model import Session
    from stemproof.record.canonical import Json as JsonValue

NOWHERE = "/dev/null"
# git calls a diff command with path, old file, its hash and mode, new file, its hash and mode;
# after a rename also with the new path and what git says about it; with the path alone when
# two branches disagree.
GIT_UNMERGED = 1
GIT_WORDS = (7, 9)


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(diff)


def diff(
    saves: Annotated[
        list[str] | None,
        typer.Argument(metavar="A B", help="The earlier and the later save.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Tell each of many alike decisions, not their number.")
    ] = False,
    textconv: Annotated[
        bool, typer.Option("--textconv", help="Write one save as plain lines, as git wants them.")
    ] = False,
    git_install: Annotated[
        bool,
        typer.Option("--git-install", help="Let git show sessions so, in this repository."),
    ] = False,
    git_driver: Annotated[bool, typer.Option("--git-driver", hidden=True)] = False,
) -> None:
    """Show what was decided between two saves of a session, by track and device."""
    from stemproof.errors import Usage

    words = saves or []
    if git_driver:
        _answer_git(words)
    elif git_install:
        if words:
            raise Usage("--git-install takes no files")
        _install()
    elif textconv:
        if len(words) != 1:
            raise Usage(f"--textconv takes one save, not {len(words)}")
        _write_text(Path(words[0]))
    elif len(words) != 2:
        raise Usage(f"want two saves to compare, not {len(words)}", hint="stemproof diff A B")
    else:
        _compare(Path(words[0]), Path(words[1]), as_json=json, every=every)


def _compare(one: Path, two: Path, *, as_json: bool, every: bool) -> None:
    from stemproof.capture.diff import diff as find_decisions

    sessions = [_read(one), _read(two)]
    decisions = find_decisions(*sessions)
    if as_json:
        say.answer_json(_document((one, two), sessions, decisions))
    else:
        _show((one.name, two.name), sessions, decisions, every=every)


def _show(
    names: Sequence[str],
    sessions: Sequence[Session],
    decisions: Sequence[Decision],
    *,
    every: bool,
) -> None:
    from stemproof.capture.summary import Line, summarise
    from stemproof_cli.side_by_side import show_changes, show_head, show_totals

    say.answer(*show_head(names, sessions))
    lines = [Line(d.text, (d,)) for d in decisions] if every else summarise(decisions)
    say.answer(*show_changes(lines))
    made = [decision for decision in decisions if not decision.is_note]
    say.answer("", show_totals(made) if made else "no decision between them")


def _document(
    paths: Sequence[Path], sessions: Sequence[Session], decisions: Sequence[Decision]
) -> dict[str, JsonValue]:
    saves = zip(("before", "after"), paths, sessions, strict=True)
    document: dict[str, JsonValue] = {
        name: {
            "path": str(path),
            "sha256": session.digest,
            "format": session.format,
            "application": f"{session.application} {session.version}".strip(),
        }
        for name, path, session in saves
    }
    document |= {
        "v": 0,
        "notes": [_as_json(decision) for decision in decisions if decision.is_note],
        "decisions": [_as_json(decision) for decision in decisions if not decision.is_note],
    }
    return document


def _as_json(decision: Decision) -> dict[str, JsonValue]:
    one, two = decision.shown or (decision.before, decision.after)
    return {
        "stage": "unknown" if decision.stage == "none" else decision.stage,
        "kind": decision.kind,
        "track": decision.track,
        "device": decision.device,
        "what": decision.what,
        "from": decision.before,
        "to": decision.after,
        "shown_from": one,
        "shown_to": two,
        "text": decision.text,
        "object": decision.object_id,
        "count": decision.count,
    }


def _read(path: Path) -> Session:
    from stemproof.acts.showing import show_session
    from stemproof.acts.survey import FileGone, read_session_file
    from stemproof.capture.sessions.registry import read_session
    from stemproof.errors import BadInput

    if path.is_dir():
        return show_session(path).session
    try:
        return read_session(path.name, read_session_file(path))
    except FileGone as error:
        raise BadInput(f"there is no file {str(path)!r}") from error


def _write_text(path: Path) -> None:
    """Write the text form; of a file that cannot be read, its digest: git wants an answer."""
    from stemproof.acts.survey import read_session_file
    from stemproof.capture.text_form import text_form
    from stemproof.errors import BadInput

    if not path.exists():
        raise BadInput(f"there is no file {str(path)!r}")
    try:
        for line in text_form(_read(path)):
            say.answer(line)
    except BadInput as error:
        from hashlib import sha256

        data = read_session_file(path)
        say.answer(f"not shown: {error}", f"{len(data)} bytes, {sha256(data).hexdigest()}")


def _answer_git(words: Sequence[str]) -> None:
    """Answer git's call of a diff command; only an answer and exit code 0 lets git go on."""
    from stemproof.errors import BadInput, Usage

    if len(words) == GIT_UNMERGED:
        say.answer(f"{words[0]}: two branches changed it; choose one save")
        return
    if len(words) not in GIT_WORDS:
        raise Usage(f"git hands over {GIT_WORDS[0]} or {GIT_WORDS[1]} words, not {len(words)}")
    name, old, new = words[0], words[1], words[4]
    later = words[7] if len(words) == GIT_WORDS[1] else name
    say.answer(say.strong(say.clean(f"session {name}" + (f" -> {later}" if later != name else ""))))
    try:
        if NOWHERE in (old, new):
            _tell_alone(
                Path(old if new == NOWHERE else new), "removed" if new == NOWHERE else "new"
            )
        else:
            from stemproof.capture.diff import diff as find_decisions

            sessions = [_read(Path(old)), _read(Path(new))]
            decisions = find_decisions(*sessions)
            _show(("before", "after"), sessions, decisions, every=False)
    except BadInput as error:
        say.answer(f"not shown: {error}")
    say.answer("")


def _tell_alone(path: Path, verb: str) -> None:
    from stemproof.capture.unused import count_used

    session = _read(path)
    tracks = count_used(session.tracks)
    by = f"{session.application} {session.version}".strip()
    say.answer(f"{verb}: {tracks} track{'' if tracks == 1 else 's'}, saved by {by}")


def _install() -> None:
    from stemproof.capture.git import DRIVER, install_driver, plan_driver
    from stemproof.capture.sessions.registry import known_formats

    program = [sys.executable, "-P", "-m", "stemproof_cli"]
    extensions = [name for one in known_formats() for name in one.extensions]
    plan = plan_driver(Path.cwd(), program, extensions)
    say.answer(f"in {plan.attributes}:")
    say.answer(*(f"  {line}" for line in plan.lines or ("nothing new, all is there",)))
    say.answer("in this repository's own git configuration:")
    say.answer(*(f"  {name} = {value}" for name, value in plan.settings))
    install_driver(plan)
    say.answer("done: `git diff` lists decisions, `git log -p` and `git show` compare plain lines")
    say.talk("commit .gitattributes; each clone gives this command once")
    say.talk(f"undo: git config --remove-section diff.{shlex.quote(DRIVER)}")
    say.talk("past it, for a patch to apply: git diff --no-ext-diff --no-textconv")
