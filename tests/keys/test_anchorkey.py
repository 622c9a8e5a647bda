"""The anchor-only key in a ledger folder: sealed by the keyring, or in clear if asked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.keys.test_passphrase import DeafKeyring, MemoryKeyring, installed, no_keyring

from stemproof.acts.home import Home
from stemproof.errors import BadInput, Locked, Unavailable
from stemproof.keys import anchorkey
from stemproof.keys.anchorkey import AnchorKey, open_anchor_key
from stemproof_cli.delegates import key_to_allow

ORIGIN = "stemproof/" + "a" * 32 + "/" + "b" * 32
OTHER = "stemproof/" + "a" * 32 + "/" + "c" * 32


def made() -> AnchorKey:
    return anchorkey.make_anchor_key(ORIGIN, random=lambda size: b"\x11" * size)


def test_a_sealed_key_opens_by_the_keyring_and_lies_nowhere_in_clear(tmp_path: Path) -> None:
    key = made()
    with installed(MemoryKeyring()):
        anchorkey.keep_sealed(tmp_path, key)
        opened = open_anchor_key(tmp_path, ORIGIN)
    assert opened == key
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert key.private_key not in path.read_bytes()
            assert key.private_key.hex().encode() not in path.read_bytes()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_what_the_keyring_held_a_sealed_key_stays_locked(tmp_path: Path) -> None:
    with installed(MemoryKeyring()):
        anchorkey.keep_sealed(tmp_path, made())
    with installed(MemoryKeyring()), pytest.raises(Locked, match="keyring does not hold"):
        open_anchor_key(tmp_path, ORIGIN)
    other = MemoryKeyring()
    with installed(other):
        anchorkey.keep_sealed(tmp_path, made())
        kept = dict(other.kept)
        other.kept.clear()
        anchorkey.keep_sealed(tmp_path, made())
        other.kept.update(kept)
        with pytest.raises(Locked, match="does not open"):
            open_anchor_key(tmp_path, ORIGIN)


@pytest.mark.parametrize("keyring", [no_keyring, DeafKeyring])
def test_without_a_keyring_nothing_is_kept_unless_the_owner_takes_a_clear_file(
    tmp_path: Path, keyring: type[MemoryKeyring]
) -> None:
    with installed(keyring()):
        with pytest.raises(Unavailable, match="no keyring") as refusal:
            anchorkey.keep_sealed(tmp_path, made())
        assert "--clear-file" in str(refusal.value.hint)
        assert not (tmp_path / "delegate").exists()
        anchorkey.keep_in_clear(tmp_path, made())
        assert open_anchor_key(tmp_path, ORIGIN) == made()


def test_a_clear_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    anchorkey.keep_in_clear(tmp_path, made())
    path = anchorkey.clear_path(tmp_path, ORIGIN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(BadInput, match="read by others"):
        open_anchor_key(tmp_path, ORIGIN)


def test_a_key_serves_one_log_alone_and_can_be_destroyed(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    with installed(keyring):
        assert open_anchor_key(tmp_path, ORIGIN) is None
        anchorkey.keep_in_clear(tmp_path, made())
        assert open_anchor_key(tmp_path, OTHER) is None
        # Nor under another log's name.
        moved = anchorkey.clear_path(tmp_path, OTHER)
        moved.write_bytes(anchorkey.clear_path(tmp_path, ORIGIN).read_bytes())
        moved.chmod(0o600)
        assert open_anchor_key(tmp_path, OTHER) is None
        moved.unlink()
        anchorkey.keep_sealed(tmp_path, made())
        names = sorted(path.name for path in (tmp_path / "delegate").iterdir())
        assert names == ["bbbbbbbbbbbb.age", "bbbbbbbbbbbb.json.former"]
        assert anchorkey.drop_anchor_key(tmp_path, ORIGIN)
        assert not anchorkey.drop_anchor_key(tmp_path, ORIGIN)
        assert open_anchor_key(tmp_path, ORIGIN) is None
        assert keyring.kept == {}


@pytest.mark.parametrize("is_clear", [False, True])
def test_a_key_that_another_replaces_is_set_aside_and_opens_again_by_its_name(
    tmp_path: Path, is_clear: bool
) -> None:
    sealed = anchorkey.sealed_path(tmp_path, ORIGIN)
    later = anchorkey.make_anchor_key(ORIGIN)
    with installed(MemoryKeyring()):
        anchorkey.keep_sealed(tmp_path, made())
        (anchorkey.keep_in_clear if is_clear else anchorkey.keep_sealed)(tmp_path, later)
        assert open_anchor_key(tmp_path, ORIGIN) == later
        former = sealed.with_name(f"{sealed.name}.former")
        assert stat.S_IMODE(former.stat().st_mode) == 0o600
        # To destroy the key in use leaves the one before it openable.
        assert anchorkey.drop_anchor_key(tmp_path, ORIGIN)
        former.rename(sealed)
        assert open_anchor_key(tmp_path, ORIGIN) == made()


def test_keys_that_are_set_aside_do_not_take_each_others_place(tmp_path: Path) -> None:
    found: list[Path] = []
    for _ in range(3):
        anchorkey.keep_in_clear(tmp_path, anchorkey.make_anchor_key(ORIGIN))
        found += anchorkey.set_aside(tmp_path, ORIGIN)
    assert [path.name.partition(".json")[2] for path in found] == [
        ".former",
        ".former-2",
        ".former-3",
    ]
    assert len({path.read_bytes() for path in found}) == 3
    assert anchorkey.set_aside(tmp_path, ORIGIN) == ()
    assert open_anchor_key(tmp_path, ORIGIN) is None


@pytest.mark.parametrize("clear_file", [False, True])
def test_a_key_behind_a_locked_keyring_is_not_replaced_unless_a_new_one_is_asked_for(
    tmp_path: Path, clear_file: bool
) -> None:
    home, sealed = Home(tmp_path), anchorkey.sealed_path(tmp_path, ORIGIN)
    with installed(MemoryKeyring()):
        anchorkey.keep_sealed(tmp_path, made())
    before = sealed.read_bytes()
    with installed(DeafKeyring()):
        with pytest.raises(Locked) as refusal:
            key_to_allow(home, ORIGIN, is_new=False, clear_file=clear_file)
        assert "--key new" in str(refusal.value.hint)
        assert sealed.read_bytes() == before
        assert len(list(sealed.parent.iterdir())) == 1
        key_to_allow(home, ORIGIN, is_new=True, clear_file=True)
    assert sealed.with_name(f"{sealed.name}.former").read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b'"v":0', b'"v":-1'),
        lambda data: data.replace(b"11", b"1G", 1),
        lambda data: data + b"\n",
        lambda data: data.replace(b"11" * 32, b"00" * 32),
    ],
)
def test_a_damaged_file_is_told_without_its_content(tmp_path: Path, damage: object) -> None:
    anchorkey.keep_in_clear(tmp_path, made())
    path = anchorkey.clear_path(tmp_path, ORIGIN)
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput, match="damaged") as refusal:
        open_anchor_key(tmp_path, ORIGIN)
    assert "1111" not in str(refusal.value)
    assert "1111" not in repr(made())
