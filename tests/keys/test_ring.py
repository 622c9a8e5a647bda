"""Keys of a ledger folder: made once, opened by the passphrase only, replaced without loss."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from tests.keys.cheapkeys import encrypt_dearly

from stemproof.errors import BadInput, Locked, Malformed, Unavailable, Undecided
from stemproof.evidence import ethsig
from stemproof.keys import derive, keyfile, renewal, ring, rotation
from stemproof.keys.binding import check_binding, device_id, identity_id
from stemproof.keys.device import is_copied
from stemproof.keys.public import format_public, parse_public, read_public
from stemproof.keys.words import parse_words
from stemproof.seal import ed25519

PASSPHRASE = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Made:
    """A folder and what `create` answered."""

    home: Path
    created: ring.Created


def counted_random(label: str) -> Callable[[int], bytes]:
    """Yield other bytes at each call and the same in each run."""
    calls = count()
    return lambda size: hashlib.sha512(f"{label} {next(calls)}".encode()).digest()[:size]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    home = tmp_path_factory.mktemp("keys") / "home"
    return Made(home, ring.create(home, PASSPHRASE, random=counted_random("made")))


@pytest.fixture
def home(made: Made, tmp_path: Path) -> Path:
    """A copy of the folder that a test may change."""
    return Path(shutil.copytree(made.home, tmp_path / "home"))


def test_opened_keys_are_the_created_ones(made: Made) -> None:
    assert ring.open_keys(made.home, PASSPHRASE) == made.created.keys


def test_every_file_is_its_owners_only(made: Made) -> None:
    names = {path.name for path in made.home.iterdir()}
    assert names == {"keys.age", "keys.json", "device.json", "backup.key"}
    for path in made.home.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE(made.home.stat().st_mode) == 0o700


def test_no_secret_is_in_a_clear_file_or_a_printed_value(made: Made) -> None:
    keys = made.created.keys
    secrets = [made.created.words, keys.age_identity, keys.account_key.hex()]
    secrets += [str(made.created.recovery_words)]
    clear = repr(made.created) + "".join(
        (made.home / name).read_text() for name in ("keys.json", "device.json", "backup.key")
    )
    assert not [secret for secret in secrets if secret in clear]


def test_public_keys_are_read_while_locked(made: Made) -> None:
    public = read_public(made.home)
    assert public == made.created.keys.public
    assert public.origin == (
        f"stemproof/{identity_id(public.identity_key)}/{device_id(public.log_key)}"
    )


def test_signatures_fit_the_public_keys(made: Made) -> None:
    keys = made.created.keys
    ed25519.check_signature(keys.public.identity_key, b"m", keys.sign_identity(b"m"))
    ed25519.check_signature(keys.public.log_key, b"m", keys.sign_log(b"m"))
    address = ethsig.parse_address(keys.account_address)
    ethsig.check_signature(bytes(32), keys.sign_account(bytes(32)), address)


def test_event_0_binds_these_keys(made: Made) -> None:
    bound = check_binding(made.created.keys.make_binding((31337,)))
    public = made.created.keys.public
    assert (bound.origin, bound.chains) == (public.origin, (31337,))
    assert (bound.log_key, bound.identity_key) == (public.log_key, public.identity_key)
    assert ethsig.format_address(bound.account) == public.account_address
    assert bound.recovery == public.recovery


def test_the_recovery_key_is_not_derived_from_the_words(made: Made) -> None:
    recovery = ed25519.public_of(parse_words(str(made.created.recovery_words)))
    keys = made.created.keys
    assert hashlib.sha256(recovery).digest() == keys.public.recovery
    assert recovery not in (keys.public.identity_key, keys.public.log_key)


def test_a_second_creation_is_refused_and_changes_nothing(made: Made) -> None:
    before = (made.home / "keys.age").read_bytes()
    with pytest.raises(BadInput):
        ring.create(made.home, PASSPHRASE)
    assert (made.home / "keys.age").read_bytes() == before


def test_a_wrong_passphrase_is_locked(made: Made) -> None:
    with pytest.raises(Locked) as refusal:
        ring.open_keys(made.home, PASSPHRASE + "!")
    assert "24 words" in str(refusal.value.hint)
    assert PASSPHRASE not in str(refusal.value)


def test_a_passphrase_is_one_however_its_accents_are_composed() -> None:
    assert keyfile.normal_passphrase("u\u0308ber") == keyfile.normal_passphrase("\u00fcber")


@pytest.mark.parametrize("passphrase", ["", "x" * 1025])
def test_an_empty_or_endless_passphrase_is_refused(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(Locked):
        ring.create(tmp_path / "new", passphrase)
    assert not list(tmp_path.rglob("keys.*"))


def test_no_key_file_is_locked(tmp_path: Path) -> None:
    with pytest.raises(Locked):
        ring.open_keys(tmp_path, PASSPHRASE)
    with pytest.raises(Locked):
        read_public(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not age", b"age-encryption.org/v1\n-> X25519 x\n"])
def test_another_file_in_its_place_is_named(home: Path, content: bytes) -> None:
    (home / "keys.age").write_bytes(content)
    with pytest.raises(BadInput, match="not a key file"):
        ring.open_keys(home, PASSPHRASE)


def test_a_truncated_key_file_does_not_open(home: Path) -> None:
    whole = (home / "keys.age").read_bytes()
    (home / "keys.age").write_bytes(whole[:-5])
    with pytest.raises(Locked, match="damaged"):
        ring.open_keys(home, PASSPHRASE)


def test_an_endless_key_file_is_not_read(home: Path) -> None:
    with (home / "keys.age").open("wb") as file:
        file.truncate(keyfile.MAX_KEY_FILE + 1)
    with pytest.raises(BadInput, match="longer"):
        ring.open_keys(home, PASSPHRASE)


def test_a_newer_key_file_is_undecided(home: Path) -> None:
    from pyrage import passphrase as age

    newer = {"kind": "keys", "v": keyfile.VERSION + 1}
    content = json.dumps(newer, separators=(",", ":")).encode()
    (home / "keys.age").write_bytes(age.encrypt(content, PASSPHRASE))
    with pytest.raises(Undecided, match="version 1"):
        ring.open_keys(home, PASSPHRASE)


def test_the_key_file_is_a_stock_age_file(made: Made) -> None:
    from pyrage import passphrase as age

    content = age.decrypt((made.home / "keys.age").read_bytes(), PASSPHRASE)
    assert json.loads(content)["kind"] == "keys"


def test_a_passphrase_is_stretched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pyrage

    monkeypatch.setattr(pyrage.passphrase, "encrypt", encrypt_dearly)
    ring.create(tmp_path, PASSPHRASE, random=counted_random("stretched"))
    stanza = (tmp_path / "keys.age").read_bytes().split(b"\n")[1]
    # The library measures the machine: a second's work, less where it is busy.
    assert int(stanza.split()[-1]) >= 14
    assert ring.open_keys(tmp_path, PASSPHRASE).public == read_public(tmp_path)


@pytest.mark.parametrize(
    "edit",
    [
        {"entropy": "00"},
        {"entropy": 7},
        {"devices": []},
        {"devices": [7]},
        {"devices": [{"origin": "x", "seed": "zz" * 32}]},
        {"former": ["0g"]},
        {"former": ["AA" * 32]},
        {"rotations": [1]},
        {"recovery": None},
        {"kind": "binding"},
        {"extra": 1},
        {"recovery_seed": None},
        {"recovery_seed": ""},
        {"recovery_seed": "00" * 32},
        {"recovery_seed": "ZZ" * 32},
    ],
)
def test_secrets_in_another_form_are_refused_unshown(edit: dict[str, object]) -> None:
    stored = keyfile.Secrets(bytes(32), bytes(32), (keyfile.Device("o", b"\x5a" * 32),))
    members = {**json.loads(keyfile.format_secrets(stored)), **edit}
    content = json.dumps(members, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(Malformed) as refusal:
        keyfile.parse_secrets(content)
    assert "5a5a" not in str(refusal.value)


def test_the_recovery_key_waits_in_the_key_file_until_it_is_dropped(made: Made, home: Path) -> None:
    shown = ring.open_keys(home, PASSPHRASE)
    assert shown.recovery_words == made.created.recovery_words
    after = ring.forget_recovery(home, PASSPHRASE)
    again = ring.open_keys(home, PASSPHRASE)
    assert after.recovery_words is None
    assert again == after
    # What event 0 binds does not change.
    assert again.public == shown.public
    sealed = (home / "keys.age").read_bytes()
    assert ring.forget_recovery(home, PASSPHRASE) == after
    assert (home / "keys.age").read_bytes() == sealed


def test_secrets_with_and_without_a_recovery_key_are_read_as_written() -> None:
    seed = b"\x07" * 32
    digest = derive.recovery_digest_of(seed)
    for kept in (None, seed):
        stored = keyfile.Secrets(
            bytes(32), digest, (keyfile.Device("o", bytes(32)),), recovery_seed=kept
        )
        content = keyfile.format_secrets(stored)
        assert keyfile.parse_secrets(content) == stored
        assert (b"recovery_seed" in content) == (kept is not None)
        assert "0707" not in repr(stored)


def test_lost_public_files_come_back_on_unlock(home: Path) -> None:
    wanted = {name: (home / name).read_bytes() for name in ("keys.json", "backup.key")}
    (home / "keys.json").write_text("{}")
    (home / "backup.key").unlink()
    with pytest.raises(BadInput, match="damaged"):
        read_public(home)
    ring.open_keys(home, PASSPHRASE)
    assert {name: (home / name).read_bytes() for name in wanted} == wanted


def test_public_keys_in_another_form_are_refused(made: Made) -> None:
    content = format_public(made.created.keys.public)
    assert format_public(parse_public(content)) == content
    for altered in (content + b"\n", content.replace(b"}", b',"x":1}', 1), b"[]", b"{}"):
        with pytest.raises(Malformed):
            parse_public(altered)


def test_a_new_device_has_a_new_log_and_keeps_the_old_key(made: Made, home: Path) -> None:
    assert is_copied(home) == "the folder is a copy of another one on this computer"
    keys = ring.new_device(home, PASSPHRASE, random=counted_random("device"))
    old = made.created.keys
    assert is_copied(home) is None
    assert keys.origin != old.origin
    assert keys.origin.split("/")[1] == old.origin.split("/")[1]
    assert [log.origin for log in read_public(home).logs] == [old.origin, keys.origin]
    assert keys.sign_log(b"m", origin=old.origin) == old.sign_log(b"m")
    with pytest.raises(Locked):
        keys.sign_log(b"m", origin="stemproof/x/y")
    assert check_binding(keys.make_binding()).origin == keys.origin


def test_a_new_passphrase_replaces_the_old_one(made: Made, home: Path) -> None:
    ring.change_passphrase(home, PASSPHRASE, "another one")
    assert ring.open_keys(home, "another one") == made.created.keys
    with pytest.raises(Locked):
        ring.open_keys(home, PASSPHRASE)


def test_the_words_alone_restore_identity_account_and_age_key(made: Made, tmp_path: Path) -> None:
    words = made.created.words
    restored = ring.restore(tmp_path / "new", "other", words, random=counted_random("restore"))
    old, new = made.created.keys, restored.keys
    assert new.account_address == old.account_address
    assert new.public.identity_key == old.public.identity_key
    assert new.age_identity == old.age_identity
    assert new.origin != old.origin
    assert restored.recovery_words is not None


def test_restoring_into_known_keys_keeps_the_recovery_key_and_the_old_file(
    made: Made, home: Path
) -> None:
    before = (home / "keys.age").read_bytes()
    restored = ring.restore(home, "other", made.created.words)
    assert restored.recovery_words is None
    assert restored.keys.public.recovery == made.created.keys.public.recovery
    assert (home / "keys.1.age").read_bytes() == before
    assert is_copied(home) is None


def test_words_of_another_identity_do_not_replace_the_keys(made: Made, home: Path) -> None:
    before = (home / "keys.age").read_bytes()
    with pytest.raises(BadInput, match="another identity"):
        ring.restore(home, "other", str(made.created.recovery_words))
    assert (home / "keys.age").read_bytes() == before


def test_rotation_keeps_the_log_and_opens_what_was_encrypted_before(made: Made, home: Path) -> None:
    old = made.created.keys
    renewed = renewal.rotate(home, PASSPHRASE, random=counted_random("rotate"))
    start = rotation.holder_of(check_binding(old.make_binding()))
    after = rotation.check_rotation(renewed.rotation, start)
    assert renewed.keys.origin == old.origin
    assert renewed.keys.public.identity_key == after.identity_key != old.public.identity_key
    assert renewed.keys.public.recovery == old.public.recovery
    assert renewed.keys.age_identities == (renewed.keys.age_identity, old.age_identity)
    assert renewed.keys.words != old.words
    # Not shown yet, so still to be shown.
    assert renewed.keys.recovery_words == made.created.recovery_words

    again = renewal.rotate_by_recovery(home, PASSPHRASE, str(made.created.recovery_words))
    last = rotation.check_rotation(again.rotation, after)
    assert last.recovery == again.keys.public.recovery != old.public.recovery
    assert again.keys.recovery_words not in (None, made.created.recovery_words)
    assert ring.open_keys(home, PASSPHRASE).rotations == (renewed.rotation, again.rotation)


def test_other_words_than_the_recovery_keys_do_not_rotate(made: Made, home: Path) -> None:
    before = (home / "keys.age").read_bytes()
    with pytest.raises(BadInput, match="recovery key"):
        renewal.rotate_by_recovery(home, PASSPHRASE, made.created.words)
    assert (home / "keys.age").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(Unavailable, match="could not be made"):
        ring.create(blocked / "home", PASSPHRASE)
