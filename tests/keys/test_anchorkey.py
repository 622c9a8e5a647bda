"""The anchor-only key in a ledger folder: sealed by the keyring, or in clear if asked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.keys.test_passphrase import DeafKeyring, MemoryKeyring, installed, no_keyring

from stemproof.errors import BadInput, Locked, Unavailable
from stemproof.keys import anchorkey
from stemproof.keys.anchorkey import AnchorKey, open_anchor_key

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
        anchorkey.keep_sealed(tmp_path / ".." / tmp_path.name, made())
        kept = dict(other.kept)
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
        assert [path.name for path in (tmp_path / "delegate").iterdir()] == ["bbbbbbbbbbbb.age"]
        assert anchorkey.drop_anchor_key(tmp_path, ORIGIN)
        assert not anchorkey.drop_anchor_key(tmp_path, ORIGIN)
        assert open_anchor_key(tmp_path, ORIGIN) is None
        assert keyring.kept == {}


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
