"""What every command needs: the ledger folder, and the keys when they must be unlocked."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stemproof.errors import BadInput

if TYPE_CHECKING:
    from stemproof.acts.home import Home
    from stemproof.keys.passphrase import Prompt
    from stemproof.keys.ring import Keys

_WITH_VALUE = ("--home", "--passphrase-fd")


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said before the command's name."""

    home: Path | None = None
    passphrase_fd: int | None = None


settings = Settings()


def move_settings_first(arguments: list[str]) -> list[str]:
    """Let --home and --passphrase-fd stand anywhere, as people type them."""
    first: list[str] = []
    rest: list[str] = []
    items = iter(arguments)
    for item in items:
        if item == "--":
            rest += [item, *items]
        elif item in _WITH_VALUE:
            first += [item, *([value] if (value := next(items, None)) is not None else [])]
        elif item.startswith(tuple(name + "=" for name in _WITH_VALUE)):
            first.append(item)
        else:
            rest.append(item)
    return first + rest


def find_word(arguments: list[str]) -> str:
    """Find the first word after the settings: a command, an option or nothing."""
    items = iter(arguments)
    for item in items:
        if item in _WITH_VALUE:
            next(items, None)
        elif not item.startswith(tuple(name + "=" for name in _WITH_VALUE)):
            return item
    return ""


def home() -> Home:
    """Give the ledger folder that this command works on, made or not."""
    from stemproof.acts.home import Home

    if settings.home is not None:
        return Home(settings.home.expanduser().absolute())
    import platformdirs

    return Home(Path(platformdirs.user_data_dir("stemproof", appauthor=False)))


def ledger() -> Home:
    """Give the ledger folder, and refuse where there is no ledger in it."""
    found = home()
    if not found.exists:
        raise BadInput(
            f"there is no ledger at {found.path}", hint="make one with `stemproof start DIR`"
        )
    return found


def prompt() -> Prompt | None:
    """Give a way to ask for a passphrase, if a person sits at a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from getpass import getpass

    return lambda question: answered(getpass, question)


def answered(ask: Prompt, question: str) -> str:
    """Ask a person; Ctrl-D instead of an answer stops the command."""
    try:
        return ask(question)
    except EOFError:
        raise typer.Abort from None


def writable() -> Home:
    """Give the ledger for a command that records something: refused where it was copied."""
    from stemproof.acts.keeping import check_place

    found = ledger()
    check_place(found)
    return found


def passphrase(found: Home) -> str:
    """Take the passphrase of the ledger's keys, by descriptor, keyring or question."""
    from stemproof.errors import Locked
    from stemproof.keys.keyfile import KEY_FILE
    from stemproof.keys.passphrase import find_passphrase
    from stemproof.keys.public import read_public

    try:
        account = read_public(found.path).account_address
    except (BadInput, Locked):
        # The key file alone is enough: opening it writes the public keys anew.
        if not (found.path / KEY_FILE).exists():
            raise
        account = ""
    return find_passphrase(account, descriptor=settings.passphrase_fd, prompt=prompt())


def unlock(found: Home) -> Keys:
    """Unlock the keys of a ledger that may be written, and bring its log up to them."""
    from stemproof.acts import keeping
    from stemproof.acts.home import now

    # Before anybody is asked for anything.
    keeping.check_place(found)
    return keeping.unlock(found, passphrase(found), now())
