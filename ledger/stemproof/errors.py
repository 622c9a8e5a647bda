"""One family of errors, split by what the reader of the message should do.

A message names what, where and what was expected; a `hint` says what to do.
`exit_code` is what the command line returns; docs/errors.md lists them all.
"""

from __future__ import annotations

from typing import ClassVar


class StemproofError(Exception):
    """Anything we foresee. `exit_code` is what the command returns."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class Refuted(StemproofError):
    """The evidence is wrong: the answer is no."""

    exit_code = 1


class Malformed(Refuted):
    """A bundle, proof or record that is not even evidence."""

    def __init__(self, what: str, got: object, want: str) -> None:
        # Escaped and cut: a stranger may have written it.
        super().__init__(f"{what} is {got!r:.80}, want {want}")


class Usage(StemproofError):
    """The command was called in a way that cannot mean anything."""

    exit_code = 2


class BadInput(StemproofError):
    """A session, audio or settings file that we cannot use."""

    exit_code = 3


class Undecided(StemproofError):
    """We could not find out: network, pending, unknown kind, newer format."""

    exit_code = 3


class Unavailable(Undecided):
    """A chain, node, program or folder that is absent, slow or broken."""


class Locked(StemproofError):
    """A key is locked: no passphrase, or a wrong one."""

    exit_code = 3
