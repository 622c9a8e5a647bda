"""Where a passphrase or words come from: a file descriptor, the system's keyring, a person.

Never an argument, an environment variable or a clear file: those are read by others.
A system without a keyring is not an error; it has no passphrase for us, that is all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from stemproof.errors import BadInput, Locked
from stemproof.keys.keyfile import MAX_PASSPHRASE, normal_passphrase
from stemproof.keys.words import MAX_TEXT, WORDS

SERVICE: Final = "stemproof"
# UTF-8 takes up to four bytes a character, and a line ends with one or two more.
_MAX_LINE = 4 * MAX_PASSPHRASE + 2
# Whoever copies the key file can try all shorter ones; stretching makes each try dear, not rare.
MIN_PASSPHRASE: Final = 8

Prompt = Callable[[str], str]


def find_passphrase(
    account: str, *, descriptor: int | None = None, prompt: Prompt | None = None
) -> str:
    """Take the passphrase of an account from the first source that has one."""
    if descriptor is not None:
        return read_descriptor(descriptor)
    kept = read_keyring(account)
    if kept is not None:
        return kept
    if prompt is not None:
        return ask(prompt)
    raise Locked(
        "the keys are locked and nobody can be asked for the passphrase",
        hint="run it in a terminal, keep the passphrase in the system's keyring, "
        "or hand in a file descriptor with --passphrase-fd",
    )


def choose_passphrase(*, descriptor: int | None = None, prompt: Prompt | None = None) -> str:
    """Take a new passphrase: from the descriptor, or typed twice by a person."""
    if descriptor is not None:
        return _long_enough(read_descriptor(descriptor))
    if prompt is None:
        raise Locked(
            "new keys need a passphrase and nobody can be asked for one",
            hint="run it in a terminal, or hand in a file descriptor with --passphrase-fd",
        )
    question = "new passphrase; it protects your keys, which sign in your name, on this computer: "
    first = _long_enough(normal_passphrase(prompt(question)))
    if normal_passphrase(prompt("the same again: ")) != first:
        raise BadInput("the two passphrases differ")
    return first


def _long_enough(passphrase: str) -> str:
    if len(passphrase) < MIN_PASSPHRASE:
        # How long it is would tell whoever reads along.
        raise BadInput(
            f"a new passphrase has at least {MIN_PASSPHRASE} characters, this one has fewer",
            hint="four or five words that nobody would guess are easy to keep in mind",
        )
    return passphrase


def ask(prompt: Prompt) -> str:
    """Ask a person once."""
    return normal_passphrase(prompt("passphrase: "))


def read_descriptor(descriptor: int) -> str:
    """Read one line from an open file descriptor; it is left open."""
    line = b""
    try:
        while len(line) <= _MAX_LINE and not line.endswith(b"\n"):
            # One byte at a time: what follows the line belongs to somebody else.
            byte = os.read(descriptor, 1)
            if not byte:
                break
            line += byte
        text = line.decode()
    except OSError as error:
        raise BadInput(
            f"file descriptor {descriptor} could not be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"the passphrase on file descriptor {descriptor} is not UTF-8") from error
    return normal_passphrase(text.removesuffix("\n").removesuffix("\r"))


def find_words(what: str, *, descriptor: int | None = None, prompt: Prompt | None = None) -> str:
    """Take 24 words from a file descriptor or a person; they are not checked here."""
    if descriptor is not None:
        return _read_words(descriptor)
    if prompt is None:
        raise Locked(
            f"{what} are needed and nobody can be asked for them",
            hint="run it in a terminal, or hand in a file descriptor with --words-fd",
        )
    return prompt(f"{what}: ")


def _read_words(descriptor: int) -> str:
    """Read lines until there are 24 words, so that they may stand one a line."""
    data = b""
    try:
        while len(data) <= MAX_TEXT:
            byte = os.read(descriptor, 1)
            data += byte
            if not byte or (byte == b"\n" and len(data.split()) >= WORDS):
                break
        return data.decode()
    except OSError as error:
        raise BadInput(
            f"file descriptor {descriptor} could not be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"the words on file descriptor {descriptor} are not UTF-8") from error


def read_keyring(account: str) -> str | None:
    """Look in the system's keyring; None where it has nothing or there is no keyring."""
    import keyring
    from keyring.errors import KeyringError

    try:
        kept = keyring.get_password(SERVICE, account)
    # Backends let RuntimeError and OSError through where their service does not answer.
    except (KeyringError, RuntimeError, OSError):
        return None
    return normal_passphrase(kept) if kept else None


def keep_in_keyring(account: str, passphrase: str) -> bool:
    """Put a passphrase into the system's keyring; False where there is none to put it in."""
    import keyring
    from keyring.errors import KeyringError

    try:
        keyring.set_password(SERVICE, account, normal_passphrase(passphrase))
    except (KeyringError, RuntimeError, OSError):
        return False
    # A keyring that is switched off takes everything and keeps nothing.
    return read_keyring(account) == normal_passphrase(passphrase)


def forget_in_keyring(account: str) -> bool:
    """Take a passphrase out of the system's keyring; False where none was."""
    import keyring
    from keyring.errors import KeyringError

    if read_keyring(account) is None:
        return False
    try:
        keyring.delete_password(SERVICE, account)
    except (KeyringError, RuntimeError, OSError):
        return False
    return True
