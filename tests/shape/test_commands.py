"""Every command explains itself, stands in the docs, and starts fast."""

from __future__ import annotations

import functools
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "commands.md"]


# Any: Typer carries its own copy of click, which publishes no types.
def walk(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group below, as the words that a person types."""
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield (*words, name), below
            yield from walk(below, (*words, name))


@functools.cache
def commands() -> dict[str, Any]:
    typer = importlib.import_module("typer")
    main = importlib.import_module("stemproof_cli.main")
    main.load_groups()
    root = typer.main.get_command(main.app)
    return {"stemproof": root} | {" ".join(words): below for words, below in walk(root)}


def pages() -> str:
    return "\n".join(page.read_text() for page in PAGES if page.exists())


def test_there_are_commands() -> None:
    assert {"start", "verify", "demo", "anchor"} <= set(commands())


def test_each_group_is_loaded_for_exactly_its_words() -> None:
    main = importlib.import_module("stemproof_cli.main")
    typer = importlib.import_module("typer")
    found = {}
    for name in main.GROUPS:
        app = typer.Typer()
        importlib.import_module(f"stemproof_cli.{name}").register(app)
        named = [info.name or info.callback.__name__ for info in app.registered_commands]
        found[name] = {*named, *(group.name for group in app.registered_groups)}
    assert found == {name: set(words) for name, words in main.GROUPS.items()}


def test_the_list_of_commands_is_whole() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stemproof_cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name, command in commands().items():
        if " " not in name and name != "stemproof":
            sentence = (command.help or "").split("\n\n")[0].split()
            # Long sentences are broken or cut by the width of the terminal.
            line = next(line for line in done.stdout.splitlines() if line.split()[:1] == [name])
            assert line.split()[1:4] == sentence[:3]


@pytest.mark.parametrize("words", [[], ["key"]])
def test_a_group_without_a_command_shows_its_help(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stemproof_cli", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(r"^Commands:\n  \w", done.stderr, re.MULTILINE)


def test_every_command_has_help() -> None:
    assert [name for name, command in commands().items() if not (command.help or "").strip()] == []


def test_every_option_and_argument_has_help() -> None:
    silent = [
        f"{name}: {parameter.name}"
        for name, command in commands().items()
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
        and parameter.name not in {"help", "install_completion", "show_completion"}
        and not getattr(parameter, "help", None)
    ]
    assert silent == []


def test_every_command_is_in_the_docs() -> None:
    text = pages()
    missing = [
        name
        for name, command in commands().items()
        if not hasattr(command, "commands") and f"stemproof {name}" not in text
    ]
    assert missing == []


def test_the_docs_name_no_command_that_is_not_there() -> None:
    known = commands()
    groups = {name for name, command in known.items() if hasattr(command, "commands")}
    unknown = set()
    for line in re.findall(r"^\$ stemproof ([a-z].*)$", pages(), re.MULTILINE):
        words = line.split()
        name = words[0]
        if name in groups and len(words) > 1:
            name = " ".join(words[:2])
        if name not in known:
            unknown.add(name)
    assert unknown == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_command_answers_and_loads_nothing_heavy(option: str) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['stemproof', {option!r}]\n"
        "from stemproof_cli.main import run\n"
        "try:\n"
        "    run()\n"
        "finally:\n"
        "    print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said, _, loaded = done.stdout.partition("LOADED")
    assert said.strip()
    heavy = "acoustid cryptography eth_account ipfshttpclient keyring lxml numpy requests web3"
    assert set(heavy.split()) & set(loaded.split()) == set()


def test_a_page_of_the_docs_that_is_linked_exists() -> None:
    missing = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target and not (page.parent / target).exists():
                missing.append(f"{page.relative_to(ROOT)}: {target}")
    assert missing == []


def test_the_page_of_commands_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "list-commands", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
