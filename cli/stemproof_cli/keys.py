"""key: show, back up, restore and replace the keys of a ledger."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from stemproof_cli import context, say

key_app = typer.Typer(help="The keys of this ledger, and the words that restore them.")

Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
WordsFd = Annotated[
    int | None, typer.Option(help="Read the words from this file descriptor, on one line or more.")
]
WORD_COLUMNS = 4


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    from stemproof_cli import delegates, endings

    delegates.add_to(key_app)
    endings.add_to(key_app)
    app.add_typer(key_app, name="key", no_args_is_help=True)


@key_app.command()
def show(json: Json = False) -> None:
    """Show the public keys: what others may know; nothing is unlocked."""
    from stemproof.keys.device import is_copied
    from stemproof.keys.public import read_public

    home = context.home()
    public = read_public(home.path)
    copied = is_copied(home.path)
    if json:
        say.answer_json(
            {
                "v": 0,
                "account": public.account_address,
                "identity_key": public.identity_key.hex(),
                "origin": public.origin,
                "age_recipient": public.age_recipient,
                "recovery": public.recovery.hex(),
                "copied": copied,
                "devices": [
                    {"origin": log.origin, "log_key": log.log_key.hex()} for log in public.logs
                ],
            }
        )
        return
    say.answer(
        f"account        {public.account_address}",
        f"identity key   {public.identity_key.hex()}",
        f"log            {public.origin}",
        f"age recipient  {public.age_recipient}",
        "devices",
    )
    for log in public.logs:
        mark = "  (writes now)" if log.origin == public.origin and copied is None else ""
        say.answer(f"  {log.origin.rpartition('/')[2]}{mark}")
    if copied is not None:
        say.answer(f"not written here: {copied}; see `stemproof key new-device`")


@key_app.command()
def backup(yes: Yes = False) -> None:
    """Show the words to write down: the 24 of the keys, and once those of the recovery key."""
    from stemproof.acts.home import now
    from stemproof.acts.keeping import confirm_words, unlock
    from stemproof.errors import Usage

    home = context.home()
    terminals = (sys.stdin, sys.stdout, sys.stderr)
    if not yes and not all(stream.isatty() for stream in terminals):
        raise Usage(
            "the words are secrets and are shown on a terminal only",
            hint="run it in a terminal, or give --yes to have them written all the same",
        )
    passphrase = context.passphrase(home)
    keys = unlock(home, passphrase, now())
    recovery = keys.recovery_words
    _show_words(
        keys.words, "your 24 words: they restore your keys on any computer, with nothing else"
    )
    say.answer()
    if recovery is None:
        say.answer("the words of the recovery key were shown before; they are not kept here")
    else:
        _show_words(
            recovery,
            "your recovery words: if the 24 words are ever lost to a thief, these and only these",
            "put new keys in their place for good; keep them apart from the 24 words",
        )
        say.answer("", "the recovery words are shown until you say that you have them, never again")
    say.talk("write them on paper, in order; whoever has the 24 words can sign as you")
    say.confirm("have you written all of them down?", yes=yes)
    confirm_words(home, passphrase, now())
    say.talk("noted; the recovery key is in your hands alone now")


@key_app.command()
def restore(words_fd: WordsFd = None) -> None:
    """Make the keys anew from the 24 words, and go on here as a new device."""
    from stemproof.acts.home import now
    from stemproof.acts.keeping import restore_keys
    from stemproof.keys.passphrase import choose_passphrase

    home = context.home()
    words = read_words("the 24 words", words_fd)
    passphrase = choose_passphrase(
        descriptor=context.settings.passphrase_fd, prompt=context.prompt()
    )
    with say.waiting("making the keys"):
        keys = restore_keys(home, passphrase, words, now())
    keep_passphrase(keys.account_address, passphrase)
    say.answer(f"restored account {keys.account_address}", f"new log {keys.origin}")
    say.talk("the words restore your keys, a backup restores your history: `stemproof restore`")
    if keys.recovery_words is not None:
        say.talk("there is a new recovery key; write its words down soon: `stemproof key backup`")


@key_app.command()
def rotate(
    recovery: Annotated[
        bool, typer.Option("--recovery", help="Allow it by the recovery key, and replace it too.")
    ] = False,
    words_fd: WordsFd = None,
    end: Annotated[
        bool | None,
        typer.Option(
            "--end/--no-end", help="End the former account's logs on chain, handed to the new one."
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """Put new words, identity and account in the place of those that may be known to others."""
    from stemproof.acts import keeping
    from stemproof.acts.home import now
    from stemproof.keys.passphrase import forget_in_keyring, read_keyring
    from stemproof.keys.public import read_public
    from stemproof_cli import handovers

    home = context.ledger()
    keeping.check_place(home)
    old = read_public(home.path).account_address
    say.talk(f"the account {old} signs no more for this log; its coins stay where they are")
    say.confirm("make new keys?", yes=yes)
    words = read_words("the recovery words", words_fd) if recovery else None
    passphrase = context.passphrase(home)
    with say.waiting("making new keys"):
        keys = keeping.rotate(home, passphrase, now(), recovery_words=words)
    if read_keyring(old) is not None:
        keep_passphrase(keys.account_address, passphrase)
        forget_in_keyring(old)
    say.answer(f"new account {keys.account_address}", f"same log {keys.origin}")
    say.talk("the old words open none of this any more: `stemproof key backup` shows the new ones")
    say.talk("the new account has no coins yet; the next `stemproof anchor` is paid from it")
    say.talk("backups go to a new file from now on")
    handovers.hand_over(home, keys, old, end)


@key_app.command("new-device")
def new_device(yes: Yes = False) -> None:
    """Go on under a log of its own, where the ledger folder was copied to another place."""
    from stemproof.acts.home import now
    from stemproof.acts.keeping import go_on_as_new_device
    from stemproof.keys.device import is_copied

    home = context.ledger()
    if is_copied(home.path) is None:
        say.talk("this folder is where its device was made; its log so far would end here")
        say.confirm("begin another log all the same?", yes=yes)
    passphrase = context.passphrase(home)
    with say.waiting("making the new device's key"):
        keys = go_on_as_new_device(home, passphrase, now())
    say.answer(f"new log {keys.origin}")
    say.talk("what was recorded before stays readable, and counts in claims once it is anchored")


@key_app.command()
def passphrase(
    new_passphrase_fd: Annotated[
        int | None, typer.Option(help="Read the new passphrase from this file descriptor.")
    ] = None,
) -> None:
    """Change the passphrase that opens the key file on this computer."""
    from stemproof.acts.keeping import change_passphrase
    from stemproof.keys.passphrase import choose_passphrase, keep_in_keyring, read_keyring
    from stemproof.keys.public import read_public

    home = context.home()
    old = context.passphrase(home)
    new = choose_passphrase(descriptor=new_passphrase_fd, prompt=context.prompt())
    with say.waiting("encrypting the key file anew"):
        change_passphrase(home, old, new)
    account = read_public(home.path).account_address
    if read_keyring(account) is not None:
        keep_in_keyring(account, new)
    say.answer("the passphrase is changed")
    say.talk("copies of the key file made before, in backups too, still open with the old one")


@key_app.command()
def forget() -> None:
    """Take the passphrase out of the system's keyring; it is asked for from now on."""
    from stemproof.keys.passphrase import forget_in_keyring
    from stemproof.keys.public import read_public

    account = read_public(context.home().path).account_address
    if forget_in_keyring(account):
        say.answer("the passphrase is no longer in the keyring")
    else:
        say.answer("the keyring held no passphrase of this ledger")


def read_words(what: str, descriptor: int | None) -> str:
    """Take words from a descriptor or a person, and refuse slips before anything is done."""
    from stemproof.keys.passphrase import find_words
    from stemproof.keys.words import parse_words

    asks = context.prompt() is not None
    words = find_words(what, descriptor=descriptor, prompt=_ask_words if asks else None)
    parse_words(words)
    return words


def keep_passphrase(account: str, passphrase: str) -> None:
    """Offer a passphrase that a person typed to the system's keyring."""
    from stemproof.keys.passphrase import keep_in_keyring

    if context.settings.passphrase_fd is None and keep_in_keyring(account, passphrase):
        say.talk("the passphrase is in your system's keyring: you will not be asked again")


def _ask_words(question: str) -> str:
    # Shown while they are typed: nobody types 24 words blind without a slip.
    say.talk(question)
    return context.answered(input, "")


def _show_words(words: str, *heading: str) -> None:
    """Write words in four columns, numbered as one reads: along the lines."""
    say.answer(*heading, "")
    numbered = [f"{number:2d}. {word}" for number, word in enumerate(words.split(), start=1)]
    for start in range(0, len(numbered), WORD_COLUMNS):
        row = numbered[start : start + WORD_COLUMNS]
        say.answer("  " + "".join(cell.ljust(16) for cell in row).rstrip())
