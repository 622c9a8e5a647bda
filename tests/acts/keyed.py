"""A room whose ledger has keys, made without stretching a passphrase."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.acts.room import Room, make_room

from stemproof.acts.home import opened
from stemproof.acts.vault import open_with, opened_vault
from stemproof.keys.derive import recovery_digest_of
from stemproof.keys.keyfile import Device, Secrets
from stemproof.keys.public import PUBLIC_FILE, format_public
from stemproof.keys.ring import BACKUP_KEY_FILE, Keys


@dataclass(frozen=True)
class Keyed:
    """A room and the keys of its ledger."""

    room: Room
    keys: Keys

    def kept(self, digest: bytes) -> bytes | None:
        """Read a file out of the vault."""
        with opened(self.room.home) as log, opened_vault(log) as vault:
            assert vault is not None
            return vault.fetch(self.room.work.id, digest, open_with(self.keys.age_identities))

    def count(self) -> int:
        """Count what the vault keeps."""
        with opened(self.room.home) as log, opened_vault(log) as vault:
            return 0 if vault is None else sum(size.files for size in vault.sizes())


def make_keyed(tmp_path: Path) -> Keyed:
    """Make a room and give its ledger keys."""
    room = make_room(tmp_path)
    device = Device(f"stemproof/{'1' * 32}/{'2' * 32}", bytes(range(32)))
    stored = Secrets(bytes(range(1, 33)), recovery_digest_of(bytes(range(2, 34))), (device,))
    keys = Keys.of(stored)
    (room.home.path / PUBLIC_FILE).write_bytes(format_public(keys.public))
    (room.home.path / BACKUP_KEY_FILE).write_bytes(bytes(32).hex().encode())
    return Keyed(room, keys)
