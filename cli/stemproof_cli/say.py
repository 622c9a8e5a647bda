"""What goes where: stdout is the answer, stderr is talk.

Errors are `stemproof: error: …` and, where there is something to do, `stemproof: hint: …`.
Strangers' text is stripped of control characters before it reaches a terminal.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import TextWrapper
from typing import TYPE_CHECKING, Final

import typer

from stemproof.errors import StemproofError

if TYPE_CHECKING:
    from stemproof.record.canonical import Json

INTERNAL_ERROR = 70
INTERRUPTED = 130
PIPE_CLOSED = 141
"""As a shell names the end by SIGPIPE: nothing was said to the end, so nothing was found."""
# Narrower columns are not wrapped: one word a line is harder to read than a long line.
NARROWEST: Final = 24
# What we style is marked by a word that no stranger's text can know.
_OURS: Final = secrets.token_hex(8)
_STYLES: Final = re.compile(f"\x1b{_OURS}(\\[[0-9]{{1,2}}m)")
# By the kinds of error of what checks the values: its sentences speak of strings and parsing.
_WANTED: Final = {
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}
_COLOURS: Final = {"removed": "31", "added": "32", "changed": "33", "stage": "36", "quiet": "2"}


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Run the app and turn whatever happens into an exit code."""
    try:
        code = app(args=arguments, prog_name="stemproof", standalone_mode=False)
        sys.stdout.flush()
        # Typer makes an exit of Ctrl-C; no command of ours ends so by itself.
        return interrupted() if code == INTERRUPTED else code if isinstance(code, int) else 0
    except StemproofError as error:
        complain(str(error), error.hint)
        return error.exit_code
    except typer.TyperException as error:
        return _usage(error)
    except typer.Abort:
        complain("stopped")
        return INTERRUPTED
    except KeyboardInterrupt:
        return interrupted()
    except (BrokenPipeError, SystemExit) as left:
        # Typer makes an exit with 1 of it, which would read as a verdict.
        if isinstance(left, SystemExit) and not isinstance(left.__context__, BrokenPipeError):
            raise
        # The reader has left: `stemproof log show | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0 if "--git-driver" in arguments else PIPE_CLOSED
    except Exception as error:
        if os.environ.get("STEMPROOF_DEBUG"):
            raise
        complain(
            f"this should not have happened: {type(error).__name__}: {clean(str(error))[:300]}",
            "run it again with STEMPROOF_DEBUG=1 and report what it prints",
        )
        return INTERNAL_ERROR


def interrupted() -> int:
    """Say that Ctrl-C ended it, once, and what became of the record."""
    talk("stemproof: interrupted; what was recorded stays")
    return INTERRUPTED


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    hint = None if context is None else f"see `{context.command_path} --help`"
    told = error.format_message() if hasattr(error, "format_message") else str(error)
    message = _own_sentence(error) or told
    # By name, as Typer does: it does not publish the class. The message is the whole help.
    if type(error).__name__ == "NoArgsIsHelpError":
        for line in message.splitlines():
            talk(line)
        return 2
    complain(message.rstrip(".").replace("\n", " "), hint)
    return 2


def _own_sentence(error: typer.TyperException) -> str:
    """Say of a value that does not fit what it is and what is wanted; nothing of other errors."""
    find = getattr(error.__cause__, "errors", None)
    if not isinstance(error, typer.BadParameter) or error.param is None or find is None:
        return ""
    first = find()[0]
    want = _WANTED.get(first["type"])
    if want is None:
        return ""
    name = error.param.get_error_hint().strip("'")
    return f"{name} is {first['input']!r:.40}, want {want.format(**first.get('ctx', {}))}"


def clean(text: str) -> str:
    """Strip control characters, so that a stranger's text cannot steer a terminal."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)


def answer(*lines: str) -> None:
    """Write lines of the answer; what cannot be shown in a line is replaced, a newline too."""
    for line in lines:
        sys.stdout.write(_guarded(line) + "\n")


def _guarded(line: str) -> str:
    """Let nothing but text through to a terminal, and what `strong` and `coloured` make."""
    if line.isprintable():
        return line
    # Text and styles take turns in what `split` gives.
    return "".join(
        f"\x1b{part}" if place % 2 else clean(part)
        for place, part in enumerate(_STYLES.split(line))
    )


def strong(text: str) -> str:
    """Make a text stand out, where the answer goes to a terminal that can show it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return _styled(text, "1")


def coloured(text: str, meaning: str) -> str:
    """Colour a text by what it means, where colours are shown; words must say it too."""
    # git hands the answer to its pager, which shows them.
    is_shown = sys.stdout.isatty() or os.environ.get("GIT_PAGER_IN_USE")
    if not text or not is_shown or os.environ.get("NO_COLOR"):
        return text
    return _styled(text, _COLOURS[meaning])


def _styled(text: str, code: str) -> str:
    return f"\x1b{_OURS}[{code}m{text}\x1b{_OURS}[0m"


def answer_json(document: Mapping[str, Json]) -> None:
    """Write the answer as one JSON document."""
    # In ASCII: JSON leaves some characters as they are that steer a terminal.
    answer(*json.dumps(document, indent=2, sort_keys=True).split("\n"))


def talk(text: str) -> None:
    """Write a line that is not the answer, after what was answered so far."""
    sys.stdout.flush()
    sys.stderr.write(_guarded(text) + "\n")
    sys.stderr.flush()


def complain(text: str, hint: str | None = None) -> None:
    """Write an error, and what to do about it."""
    talk(f"stemproof: error: {clean(text)}")
    if hint:
        talk(f"stemproof: hint: {clean(hint)}")


def paragraph(text: str) -> None:
    """Write a sentence of the answer; on a terminal its lines end between words."""
    answer(*_wrap(text, _width()))


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows under headings, as wide as they are.

    When piped, a row is a line and nothing is cut; on a terminal the last column is wrapped
    under its heading.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [
        max([len(name), *(len(row[place]) for row in cells)]) for place, name in enumerate(columns)
    ]
    indent = sum(widths[:-1]) + 2 * (len(widths) - 1)
    for row in [[name.upper() for name in columns], *cells]:
        *first, last = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        line, *more = _wrap(last.rstrip(), _width() - indent)
        answer("  ".join([*first, line]).rstrip())
        answer(*(" " * indent + part for part in more))


def hanging(lead: str, text: str, meaning: str | None = None) -> None:
    """Write a text after its lead; on a terminal further lines begin under the text.

    `meaning` colours the lead, where colours are shown.
    """
    line, *more = _wrap(clean(text), _width() - len(lead))
    answer((coloured(lead, meaning) if meaning else lead) + line)
    answer(*(" " * len(lead) + part for part in more))


def _width() -> float:
    """Give the terminal's width in characters; without a terminal there is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else math.inf


def _wrap(text: str, width: float) -> list[str]:
    if len(text) <= width or width < NARROWEST:
        return [text]
    # A hash, path or address stays in one piece, to be copied.
    wrapper = TextWrapper(int(width), break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text) or [text]


def confirm(question: str, *, yes: bool) -> None:
    """Ask before what cannot be undone; without a terminal only --yes will do."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        from stemproof.errors import Usage

        raise Usage("this cannot be undone and nobody is here to ask", hint="give --yes")
    if not typer.confirm(question, err=True):
        raise typer.Abort


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that something takes its time; silent where stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
