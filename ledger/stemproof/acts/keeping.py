"""Keeping keys: unlock, back up, restore, replace, and go on as a new device.

The key file is the truth, the log follows it: a change is durable in the key file first,
and whatever the log lacks of it is appended there at once, or at the next unlock after a
crash. A folder that was copied is never written under the old device's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import bind_log, list_works
from stemproof.acts.facts import fact
from stemproof.acts.home import Home, opened
from stemproof.errors import BadInput, Unavailable
from stemproof.log.lockfile import hold_lock
from stemproof.log.sealing import sign_waiting
from stemproof.log.store import OWN_WORK, Draft, Log, create_log
from stemproof.record.event import format_time, parse_header

if TYPE_CHECKING:
    from stemproof.keys.ring import Keys

# The time when a person said that the words are written down; empty where they are not.
WORDS_SETTING: Final = "words_backed_up"


def check_place(home: Home) -> None:
    """Refuse a folder that is not where its device was made: two would write one log."""
    from stemproof.keys.device import is_copied

    why = is_copied(home.path)
    if why is not None:
        raise BadInput(
            f"nothing is written here: {why}, and its log may go on elsewhere",
            hint="go on as a new device with `stemproof key new-device`;"
            " what is recorded here stays readable",
        )


def unlock(home: Home, passphrase: str, moment: datetime) -> Keys:
    """Open the keys of a folder that may be written, and bring its log up to them."""
    from stemproof.keys.ring import open_keys

    check_place(home)
    keys = open_keys(home.path, passphrase)
    settle(home, keys, moment)
    return keys


def settle(home: Home, keys: Keys, moment: datetime) -> None:
    """Put into the log what the key file has and the log lacks: its beginning, rotations."""
    with _log_of(home) as log, log.writing():
        origins = [origin for _, origin in log.fetch_all("logs")]
        if keys.origin not in origins:
            _begin_log(log, keys, moment)
        elif keys.origin != origins[-1]:
            raise BadInput(
                f"the key file is older than the ledger: it lacks the key of log {origins[-1]}",
                hint="put the newer key file back, or go on with `stemproof key new-device`",
            )
        for body in rotations_of(log, keys)[count_rotations(log) :]:
            log.append(OWN_WORK, [_rotation_event(body, moment)])
        own = {known.origin for known in keys.public.logs}
        for number, origin in log.fetch_all("logs"):
            if origin in own:
                sign_waiting(log, number, origin, keys.sign_checkpoint)


def rotations_of(log: Log, keys: Keys) -> list[bytes]:
    """Give the rotations of the log being written, by the key file."""
    from stemproof.keys.rotation import parse_rotation

    return [body for body in keys.rotations if parse_rotation(body).after.origin == log.origin]


def count_rotations(log: Log, *, number: int | None = None, start: int = 0) -> int:
    """Count the rotations in the own tree of a log, from event `start` of that tree on."""
    tree = log.tree_of(log.number if number is None else number, OWN_WORK)
    if tree is None:
        return 0
    headers = log.headers(tree, start, log.tree_size(tree))
    return sum(parse_header(data).action == "key.rotate" for data in headers)


def confirm_words(home: Home, passphrase: str, moment: datetime) -> None:
    """Note that the words are written down, and drop the recovery key from the key file."""
    from stemproof.keys.ring import forget_recovery

    with _changing(home):
        forget_recovery(home.path, passphrase)
        with opened(home) as log:
            log.put_setting(WORDS_SETTING, format_time(moment))


def rotate(
    home: Home, passphrase: str, moment: datetime, *, recovery_words: str | None = None
) -> Keys:
    """Replace words, identity and account, allowed by the identity or by the recovery key."""
    from stemproof.keys import renewal

    check_place(home)
    with _changing(home):
        with opened(home) as log:
            # Before the change: a needless reminder does no harm, a missing one does.
            log.put_setting(WORDS_SETTING, "")
        if recovery_words is None:
            renewed = renewal.rotate(home.path, passphrase)
        else:
            renewed = renewal.rotate_by_recovery(home.path, passphrase, recovery_words)
        settle(home, renewed.keys, moment)
    return renewed.keys


def restore_keys(home: Home, passphrase: str, words: str, moment: datetime) -> Keys:
    """Make the keys anew from the words, and go on as a new device."""
    from stemproof.keys.ring import restore

    with _changing(home):
        restored = restore(home.path, passphrase, words)
        settle(home, restored.keys, moment)
        with opened(home) as log:
            # Whoever typed the words has them; a new recovery key was not shown yet.
            shown = format_time(moment) if restored.keys.recovery_words is None else ""
            log.put_setting(WORDS_SETTING, shown)
    return restored.keys


def go_on_as_new_device(home: Home, passphrase: str, moment: datetime) -> Keys:
    """Begin a new log under the same identity; the logs so far are only read from now on."""
    from stemproof.keys.ring import new_device

    with _changing(home):
        keys = new_device(home.path, passphrase)
        settle(home, keys, moment)
    return keys


def change_passphrase(home: Home, old: str, new: str) -> None:
    """Encrypt the key file under another passphrase."""
    from stemproof.keys import ring

    with _changing(home):
        ring.change_passphrase(home.path, old, new)


def _begin_log(log: Log, keys: Keys, moment: datetime) -> None:
    """Begin the device's log, and say in it which log and which works it goes on from."""
    before, size = log.origin, log.size
    bind_log(log, keys, moment)
    if not before:
        return
    log.append(OWN_WORK, [fact("log.continue", moment, {"origin": before, "size": size})])
    for work in list_works(log):
        log.append(work.id, [fact("work.continue", moment, {"origin": before})])
        # A working session belongs to one log: the next change opens a new one.
        log.run("put_session", "", "", work.id)


def _rotation_event(body: bytes, moment: datetime) -> Draft:
    return Draft(
        time=format_time(moment),
        action="key.rotate",
        stage="none",
        class_="unknown",
        observed="tool",
        actor="author",
        tool="capture",
        values={"body": body},
    )


@contextmanager
def _log_of(home: Home) -> Iterator[Log]:
    """Open the log; where keys are all that there is, make it."""
    if home.exists:
        with opened(home) as log:
            yield log
    else:
        with create_log(home.database) as log:
            yield log


@contextmanager
def _changing(home: Home) -> Iterator[None]:
    """Let one process at a time replace the key file."""
    try:
        home.locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        with hold_lock(home.locks / "keys"):
            yield
    except OSError as error:
        raise Unavailable(
            f"{home.locks} cannot be written: {error.strerror}",
            hint="check the folder's permissions, or choose another with --home",
        ) from error
