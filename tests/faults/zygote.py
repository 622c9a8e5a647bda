"""A process that loads all of stemproof once, then forks a child for each command it is given.

    python zygote.py        one JSON object a line in, one a line out

Asked: {"args": [...], "folder": where the child works and writes what it answers, "die_at": n,
"passphrase": ..., "under": what the system refuses}.
Answered at once with {"pid": n}; when the child has ended with {"code": n}, negative for a signal.
The child runs the real command. `die_at` n has it killed by SIGKILL just before the nth time that
it is about to touch a file, a database or a socket; 0 lets it live and only counts.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

LOADED = (
    "stemproof.acts.anchoring",
    "stemproof.acts.claiming",
    "stemproof.acts.gather",
    "stemproof.acts.pinning",
    "stemproof.acts.watch",
    "stemproof.anchor.capture",
    "stemproof.anchor.evm",
    "stemproof.anchor.follow",
    "stemproof.anchor.publish",
    "stemproof.audio.observe",
    "stemproof.keys.ring",
    "stemproof.log.check",
    "stemproof.pin.age",
    "stemproof.pin.ipfs",
    "stemproof.testnet.deploy",
    "stemproof.verify.bundle",
    "eth_account",
    "ipfshttpclient",
    "pyrage",
)
TOUCHING_TYPES = ("Connection", "Cursor", "socket", "FileIO", "BufferedWriter", "BufferedRandom")
TOUCHING_NAMES = frozenset(
    ("open", "mkdir", "rename", "replace", "link", "unlink", "remove", "fsync", "write", "flock")
)
NOT_TOUCHING = frozenset(("fetchone", "fetchall", "fileno", "close", "closed", "readable"))


class Points:
    """Counts the points at which something outside is about to change."""

    def __init__(self, die_at: int) -> None:
        self.die_at = die_at
        self.passed = 0

    # Any: what sys.setprofile hands over differs by event.
    def __call__(self, _frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and _touches(called):
            self.passed += 1
            if self.passed == self.die_at:
                os.kill(os.getpid(), signal.SIGKILL)


def _touches(called: Any) -> bool:
    name = called.__name__
    if name in NOT_TOUCHING:
        return False
    owner = getattr(called, "__self__", None)
    return type(owner).__name__ in TOUCHING_TYPES or name in TOUCHING_NAMES


def serve() -> None:
    """Answer until the input ends."""
    for name in LOADED:
        importlib.import_module(name)
    from stemproof_cli import context, main, say

    main.load_groups()
    _tell({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if not pid:
            points = Points(asked["die_at"])
            _arrange(Path(asked["folder"]), asked["passphrase"])
            _limit(**asked["under"])
            threading.setprofile(points)
            sys.setprofile(points)
            code = say.run(main.app, context.move_settings_first(asked["args"]))
            sys.setprofile(None)
            sys.stdout.flush()
            Path("points").write_text(str(points.passed))
            os._exit(code)
        _tell({"pid": pid})
        _, status = os.waitpid(pid, 0)
        _tell({"code": os.waitstatus_to_exitcode(status)})


def _arrange(folder: Path, passphrase: str) -> None:
    """Give the child its folder, its files for answers, and the passphrase on descriptor 9."""
    os.chdir(folder)
    os.environ["TMPDIR"] = str(folder / "temporary")
    (folder / "temporary").mkdir(exist_ok=True)
    reading, writing = os.pipe()
    os.write(writing, passphrase.encode() + b"\n")
    os.close(writing)
    os.dup2(reading, 9)
    for descriptor, name in ((1, "answer"), (2, "talk")):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _limit(file_bytes: int = 0, powerless: int = 0) -> None:
    """Let the system refuse: files beyond a size, as a full disk does, or what root may do."""
    if file_bytes:
        # Python ignores the signal; writing fails with an error instead.
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if powerless:
        # Version 3 of the header, this process; no capability in any of the three sets.
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        if ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()):
            raise OSError("capabilities cannot be dropped")


_PIPE = os.dup(1)


def _tell(fact: dict[str, object]) -> None:
    os.write(_PIPE, json.dumps(fact).encode() + b"\n")


if __name__ == "__main__":
    serve()
