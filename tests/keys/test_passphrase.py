"""Sources of a passphrase, with real descriptors and a real keyring backend."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.backends.null import Keyring as OffKeyring
from keyring.errors import PasswordDeleteError

from stemproof.errors import BadInput, Locked
from stemproof.keys import passphrase


class MemoryKeyring(KeyringBackend):
    """A keyring that lasts as long as the test."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # keyring leaves it untyped
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError(username)


class DeafKeyring(MemoryKeyring):
    """A keyring whose service does not answer."""

    def get_password(self, service: str, username: str) -> str | None:
        raise OSError("no bus")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("no bus")


def no_keyring() -> KeyringBackend:
    """Yield what `keyring` falls back to on a system without any."""
    return NoKeyring()  # type: ignore[no-untyped-call] # keyring leaves it untyped


@contextmanager
def installed(backend: KeyringBackend) -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    try:
        yield
    finally:
        keyring.set_keyring(before)


@contextmanager
def descriptor_with(content: bytes) -> Iterator[int]:
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    try:
        yield reader
    finally:
        os.close(reader)


@pytest.mark.parametrize("content", [b"secret", b"secret\n", b"secret\r\n", b"secret\nmore"])
def test_a_descriptor_gives_one_line(content: bytes) -> None:
    with descriptor_with(content) as reader:
        assert passphrase.read_descriptor(reader) == "secret"


def test_what_follows_the_line_is_left_in_the_descriptor() -> None:
    with descriptor_with(b"old\nnew\n") as reader:
        assert passphrase.read_descriptor(reader) == "old"
        assert passphrase.read_descriptor(reader) == "new"


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 5000])
def test_an_empty_or_endless_line_is_locked(content: bytes) -> None:
    with descriptor_with(content) as reader, pytest.raises(Locked):
        passphrase.read_descriptor(reader)


def test_a_line_that_is_not_text_is_refused_unshown() -> None:
    with descriptor_with(b"\xffsecret\n") as reader, pytest.raises(BadInput) as refusal:
        passphrase.read_descriptor(reader)
    assert "secret" not in str(refusal.value)


def test_a_closed_descriptor_is_named() -> None:
    with pytest.raises(BadInput, match="descriptor 987"):
        passphrase.read_descriptor(987)


@pytest.mark.parametrize(
    "content", [b"w " * 24, b"w " * 24 + b"\nmore", b"w\n" * 24 + b"more", b"w w\n\n" * 12]
)
def test_a_descriptor_gives_24_words_on_one_line_or_more(content: bytes) -> None:
    with descriptor_with(content) as reader:
        words = passphrase.find_words("the words", descriptor=reader, prompt=lambda _: "typed")
    assert words.split() == ["w"] * 24


def test_words_are_read_within_bounds_and_as_text() -> None:
    with descriptor_with(b"x" * 5000) as reader:
        assert len(passphrase.find_words("the words", descriptor=reader)) < 2000
    with descriptor_with(b"\xff\n") as reader, pytest.raises(BadInput, match="UTF-8"):
        passphrase.find_words("the words", descriptor=reader)
    with pytest.raises(BadInput, match="descriptor 987"):
        passphrase.find_words("the words", descriptor=987)


def test_words_are_asked_for_by_name() -> None:
    assert passphrase.find_words("the words", prompt=lambda question: question) == "the words: "
    with pytest.raises(Locked, match="the words are needed"):
        passphrase.find_words("the words")


def test_the_keyring_keeps_and_forgets() -> None:
    with installed(MemoryKeyring()):
        assert passphrase.read_keyring("0xA") is None
        assert passphrase.keep_in_keyring("0xA", "secret")
        assert passphrase.find_passphrase("0xA") == "secret"
        assert passphrase.read_keyring("0xB") is None
        assert passphrase.forget_in_keyring("0xA")
        assert not passphrase.forget_in_keyring("0xA")


@pytest.mark.parametrize("backend", [no_keyring, DeafKeyring, OffKeyring])
def test_no_keyring_is_no_error(backend: Callable[[], KeyringBackend]) -> None:
    with installed(backend()):
        assert passphrase.read_keyring("0xA") is None
        assert not passphrase.keep_in_keyring("0xA", "secret")
        assert not passphrase.forget_in_keyring("0xA")
        assert passphrase.find_passphrase("0xA", prompt=lambda _: "typed") == "typed"


def test_nobody_to_ask_is_locked() -> None:
    with installed(no_keyring()), pytest.raises(Locked, match="nobody can be asked"):
        passphrase.find_passphrase("0xA")
    with pytest.raises(Locked, match="nobody can be asked"):
        passphrase.choose_passphrase()


def test_the_descriptor_goes_before_keyring_and_person() -> None:
    with installed(MemoryKeyring()), descriptor_with(b"piped\n") as reader:
        passphrase.keep_in_keyring("0xA", "kept")
        found = passphrase.find_passphrase("0xA", descriptor=reader, prompt=lambda _: "typed")
    assert found == "piped"


def test_a_new_passphrase_is_typed_twice() -> None:
    answers = iter(["one by one", "one by one", "one by one", "two by two"])
    assert passphrase.choose_passphrase(prompt=lambda _: next(answers)) == "one by one"
    with pytest.raises(BadInput, match="differ"):
        passphrase.choose_passphrase(prompt=lambda _: next(answers))


def test_a_new_passphrase_comes_from_a_descriptor() -> None:
    with descriptor_with(b"piped in here\n") as reader:
        assert passphrase.choose_passphrase(descriptor=reader) == "piped in here"


@pytest.mark.parametrize("short", ["abc", "seven77", "\u0065\u0301" * 7])
def test_a_short_new_passphrase_is_refused_before_it_is_asked_for_again(short: str) -> None:
    answers = iter([short])
    with pytest.raises(BadInput, match="at least 8 characters") as refused:
        passphrase.choose_passphrase(prompt=lambda _: next(answers))
    assert short not in str(refused.value)
    with (
        descriptor_with(short.encode() + b"\n") as reader,
        pytest.raises(BadInput, match="at least 8"),
    ):
        passphrase.choose_passphrase(descriptor=reader)


def test_a_short_passphrase_chosen_before_still_opens() -> None:
    with installed(no_keyring()), descriptor_with(b"abc\n") as reader:
        assert passphrase.find_passphrase("0xA", descriptor=reader) == "abc"
