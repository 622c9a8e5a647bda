"""Ceilings on what one file and one function may be, and what neither may be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "ledger").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

FILE_LINES = 350
FUNCTION_LINES = 60
ARGUMENTS = 6

# These names say where code lies, not what it is.
EMPTY_NAMES = {"base", "common", "core", "data", "helpers", "lib", "manager", "misc", "utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function))


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=name_of)
def test_a_file_is_short_enough_to_be_one_thing(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= FILE_LINES


@pytest.mark.parametrize("path", SOURCES + SCRIPTS, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    long = {
        node.name: lines
        for node in functions(path)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize(
    # A command's parameters are its options; Typer wants them as arguments.
    "path",
    [path for path in SOURCES + SCRIPTS if "stemproof_cli" not in path.parts],
    ids=name_of,
)
def test_a_function_takes_few_arguments(path: Path) -> None:
    many = {}
    for node in functions(path):
        listed = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = [argument.arg for argument in listed if argument.arg not in {"self", "cls"}]
        if len(names) > ARGUMENTS:
            many[node.name] = len(names)
    assert many == {}


@pytest.mark.parametrize("path", SOURCES + SCRIPTS + TESTS, ids=name_of)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", SOURCES + SCRIPTS + TESTS, ids=name_of)
def test_a_module_is_named_after_a_thing(path: Path) -> None:
    names = {part.removeprefix("test_") for part in path.relative_to(ROOT).with_suffix("").parts}
    assert names & EMPTY_NAMES == set()
