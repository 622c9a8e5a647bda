"""docs/errors.md names every error and every exit code that a command can end with."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import stemproof
from stemproof.errors import StemproofError
from stemproof.verify.verdict import EXIT_CODES

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def family(member: type[StemproofError]) -> Iterator[type[StemproofError]]:
    yield member
    for below in member.__subclasses__():
        yield from family(below)


def every_error() -> set[type[StemproofError]]:
    for module in pkgutil.walk_packages(stemproof.__path__, "stemproof."):
        importlib.import_module(module.name)
    return {one for one in family(StemproofError) if one.__module__.startswith("stemproof.")}


def listed() -> dict[str, int]:
    """Error -> exit code, by the heading that it stands under."""
    found = {}
    for section in PAGE.split("\n### ")[1:]:
        code = re.search(r"exit code (\d+)", section.partition("\n")[0])
        for name in re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE):
            found[name] = int(code[1]) if code else StemproofError.exit_code
    return found


def test_every_error_is_listed_with_its_exit_code() -> None:
    errors = every_error() - {StemproofError}
    assert listed() == {error.__name__: error.exit_code for error in errors}


def test_every_exit_code_is_listed() -> None:
    say = importlib.import_module("stemproof_cli.say")
    codes = {error.exit_code for error in every_error()} | set(EXIT_CODES.values())
    codes |= {say.INTERNAL_ERROR, say.INTERRUPTED, say.PIPE_CLOSED}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == codes
