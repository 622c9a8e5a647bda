"""The device mark: was this ledger folder copied, restored, or carried to another computer?

Two folders with one log key would write two histories under one name. `device.json`
holds salted digests of the computer's id and host name and the folder's inode:

    {"folder":["66306","1835021"],"host":"<64 hex>","machine":"<64 hex>","salt":"<32 hex>","v":0}

It notices slips, not forgers: a cloned disk image looks like its original. What stops two
logs of one name is the chain, whose anchor contract takes only growth of the one it knows.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stemproof.errors import Malformed, Unavailable
from stemproof.keys.durable import read_bounded, write_whole
from stemproof.keys.fields import Fields
from stemproof.record.canonical import Json, canonical_bytes

DEVICE_FILE: Final = "device.json"
VERSION: Final = 0
_MAX_DEVICE_FILE = 4096
_MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


@dataclass(frozen=True, slots=True)
class Machine:
    """What tells one computer from another; `id` is empty where the system has none."""

    id: str
    host: str


def read_machine() -> Machine:
    """Ask the operating system which computer this is."""
    return Machine(id=_machine_id(), host=platform.node())


def mark_device(
    home: Path,
    *,
    machine: Machine | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> None:
    """Note that this folder on this computer is where the current device lives."""
    here = machine or read_machine()
    salt = random(16)
    status = _status(home)
    mark: Json = {
        # As strings: they may need more than the 53 bits of a JSON integer.
        "folder": [str(status.st_dev), str(status.st_ino)],
        "host": _digest(salt, "host", here.host),
        "machine": _digest(salt, "machine", here.id),
        "salt": salt.hex(),
        "v": VERSION,
    }
    write_whole(home / DEVICE_FILE, canonical_bytes(mark))


def is_copied(home: Path, *, machine: Machine | None = None) -> str | None:
    """Say why this folder is not where its device was made; None if it is the same place."""
    content = read_bounded(home / DEVICE_FILE, max_bytes=_MAX_DEVICE_FILE)
    if content is None:
        return "the folder has no device mark: it was restored or copied in part"
    try:
        fields = Fields.parse(
            content, what="device mark", version=VERSION, max_bytes=_MAX_DEVICE_FILE
        )
        salt = fields.hex_bytes("salt", 16)
        machine_then, host_then = fields.text("machine"), fields.text("host")
        _device_number, inode = fields.texts("folder")
    except (Malformed, ValueError):
        return "the device mark is damaged"
    here = machine or read_machine()
    if machine_then != _digest(salt, "machine", here.id):
        return "the folder was made on another computer"
    # Host names change with the network; they count only where there is nothing better.
    if not here.id and host_then != _digest(salt, "host", here.host):
        return "the folder was made on a computer of another name"
    # The device number is kept for people: it changes from boot to boot, the inode does not.
    if inode != str(_status(home).st_ino):
        return "the folder is a copy of another one on this computer"
    return None


def _digest(salt: bytes, what: str, value: str) -> str:
    return hashlib.sha256(
        b"stemproof/v0/device-mark\x00" + salt + what.encode() + b"\x00" + value.encode()
    ).hexdigest()


def _status(home: Path) -> os.stat_result:
    try:
        return home.stat()
    except OSError as error:
        raise Unavailable(f"{home} could not be read: {error.strerror}") from error


def _machine_id() -> str:
    if sys.platform == "darwin":
        return _darwin_id()
    if sys.platform == "win32":
        return _windows_id()
    for path in _MACHINE_ID_FILES:
        try:
            text = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text:
            return text[:128]
    return ""


def _darwin_id() -> str:
    command = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"]
    try:
        # S603: a fixed program with fixed arguments.
        answer = subprocess.run(command, capture_output=True, timeout=10, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ""
    for line in answer.stdout.decode("utf-8", "replace").splitlines():
        if '"IOPlatformUUID"' in line:
            return line.rsplit('"', 2)[1]
    return ""


def _windows_id() -> str:
    if sys.platform != "win32":
        return ""
    import winreg

    try:
        with winreg.OpenKey(
            winreg.HKEY_LOCAL_MACHINE,
            r"SOFTWARE\Microsoft\Cryptography",
            access=winreg.KEY_READ | winreg.KEY_WOW64_64KEY,
        ) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    except OSError:
        return ""
