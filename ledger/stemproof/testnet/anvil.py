"""A local EVM chain: anvil with kept state, on loopback only, outliving the command.

    testnet = start(folder, 8545, anvil=program)      again: the same one
    testnet.rpc_url                                   'http://127.0.0.1:8545'
    stop(folder)

One block a transaction, chain id 31337, `finalized` two blocks behind. It survives SIGKILL: what
was mined more than about a second before is there after the next start, unless the kill falls
into anvil's writing; what was there at the last `save` is there in any case.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import signal
import socket
import subprocess
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from stemproof.anchor.filelock import hold_lock
from stemproof.errors import BadInput, Unavailable
from stemproof.testnet.rpc import LOOPBACK, call_local, call_text
from stemproof.testnet.state import Run, StateDir

#: The chain id that every tool knows as "a private chain on one computer".
CHAIN_ID = 31337
#: Rules of the chain; pinned so that gas figures stay comparable.
HARDFORK = "osaka"
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
# A chain of ten thousand blocks is some hundred megabytes.
_DUMP_TIMEOUT_S = 120.0
_POLL_S = 0.03


@dataclass(frozen=True, slots=True)
class Testnet:
    """A running local chain."""

    rpc_url: str
    chain_id: int
    pid: int

    # pytest collects classes by the name Test*: this is none.
    __test__ = False

    @property
    def port(self) -> int:
        """The port in `rpc_url`."""
        return int(self.rpc_url.rpartition(":")[2])


def start(state_dir: Path, port: int = 8545, *, anvil: Path) -> Testnet:
    """Start the chain kept in `state_dir`, or return the one that runs there already.

    `port` 0 takes any free port. A chain that runs on another port than asked is an error.
    """
    folder = StateDir(state_dir.resolve())
    folder.make_private()
    with hold_lock(folder.path / "anvil.lock", timeout_s=2 * _START_TIMEOUT_S):
        return _start(folder, port, anvil)


def status(state_dir: Path) -> Testnet | None:
    """Return the chain that runs in `state_dir`, None when none does."""
    folder = StateDir(state_dir.resolve())
    run = folder.read_run()
    if run is None or _instance_on(run.port) != run.instance:
        return None
    folder.refresh_good_copy()
    return Testnet(f"http://{LOOPBACK}:{run.port}", CHAIN_ID, run.pid)


def stop(state_dir: Path, *, patience_s: float = _STOP_TIMEOUT_S) -> bool:
    """Stop the chain in `state_dir`, keeping its state; False when none ran.

    What does not end by itself within `patience_s` is killed.
    """
    folder = StateDir(state_dir.resolve())
    run = folder.read_run()
    if run is None:
        return False
    # A process id is used again after a while: only one that proves to be this anvil is ended.
    ours = _instance_on(run.port) == run.instance or _is_anvil_of(run.pid, folder)
    if ours and not _end(run.pid, patience_s):
        raise Unavailable(f"the local chain (process {run.pid}) does not stop")
    folder.run.unlink(missing_ok=True)
    folder.keep_good_copy()
    return ours


def save(state_dir: Path) -> None:
    """Make all that the running chain holds now durable: not even a kill at once loses it."""
    folder = StateDir(state_dir.resolve())
    running = status(folder.path)
    if running is None:
        raise Unavailable(f"no local chain runs in {state_dir}")
    dumped = call_text(running.port, "anvil_dumpState", True, timeout_s=_DUMP_TIMEOUT_S)
    try:
        state = gzip.decompress(bytes.fromhex(dumped.removeprefix("0x")))
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise Unavailable("the local chain does not hand over its state") from error
    folder.write_good(state)


def _start(folder: StateDir, port: int, anvil: Path) -> Testnet:
    running = status(folder.path)
    if running is not None:
        if port not in (0, running.port):
            raise BadInput(
                f"this local chain runs on port {running.port} already, not on {port}",
                hint="stop it first, or use its port",
            )
        return running
    folder.mend()
    is_kept = folder.state.exists()
    chosen = _take_port(port)
    pid = _spawn(anvil, folder, chosen)
    try:
        instance = _wait_until_up(folder, pid, chosen)
        if is_kept:
            # After a restart anvil tells a contract a wrong hash of the block that it had
            # kept last: an anchor in the next one could not be proved. Of this run's it is right.
            call_local(chosen, "anvil_mine", "0x1")
        folder.write_run(Run(pid, chosen, instance))
        folder.make_private()
    except BaseException:
        _end(pid, _STOP_TIMEOUT_S)
        raise
    return Testnet(f"http://{LOOPBACK}:{chosen}", CHAIN_ID, pid)


def _spawn(anvil: Path, folder: StateDir, port: int) -> int:
    command = [
        str(anvil),
        *("--host", LOOPBACK, "--port", str(port), "--chain-id", str(CHAIN_ID)),
        *("--hardfork", HARDFORK, "--slots-in-an-epoch", "1"),
        *("--state", str(folder.state), "--state-interval", "1", "--preserve-historical-states"),
        # Without CORS a browser lets no page send JSON here, and HTTP takes nothing else.
        *("--quiet", "--no-cors"),
    ]
    try:
        if hasattr(os, "posix_spawn"):
            return _spawn_posix(command, folder)
        return _spawn_windows(command, folder)
    except OSError as error:
        raise Unavailable(f"{anvil} could not be run: {error.strerror}") from error


def _spawn_posix(command: list[str], folder: StateDir) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawn(
        command[0],
        command,
        # Its own home: no settings or states of another Foundry on this computer mix in.
        {"HOME": str(folder.path)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder.log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        # A session of its own: closing the terminal does not end the chain.
        setsid=True,
    )


def _spawn_windows(command: list[str], folder: StateDir) -> int:
    detached = getattr(subprocess, "DETACHED_PROCESS", 0)
    group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with folder.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the found anvil, fixed arguments, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            creationflags=detached | group,
        )
    return process.pid


def _take_port(port: int) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Else a port whose last connections are closing counts as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise Unavailable(
                f"port {port} on {LOOPBACK} is taken by another program, or may not be used",
                hint="choose another port",
            ) from error
        chosen: int = probe.getsockname()[1]
        return chosen


def _wait_until_up(folder: StateDir, pid: int, port: int) -> str:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        instance = _instance_on(port)
        if instance is not None:
            return instance
        if not _is_alive(pid):
            raise Unavailable(f"anvil ended at once: {folder.last_words() or 'it says nothing'}")
        time.sleep(_POLL_S)
    raise Unavailable(f"anvil did not answer within {_START_TIMEOUT_S:.0f} s")


def _instance_on(port: int) -> str | None:
    try:
        answer = call_local(port, "anvil_metadata", timeout_s=3.0)
    except Unavailable:
        return None
    instance = answer.get("instanceId") if isinstance(answer, dict) else None
    return instance if isinstance(instance, str) else None


def _is_anvil_of(pid: int, folder: StateDir) -> bool:
    """Whether a process that does not answer is this folder's anvil all the same (Linux)."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return os.fsencode(folder.state) in arguments


def _is_alive(pid: int) -> bool:
    if hasattr(os, "WNOHANG"):
        # Our own child stays a zombie until it is waited for.
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(pid, os.WNOHANG) == (0, 0)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return b") Z " in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False


def _end(pid: int, timeout_s: float) -> bool:
    """End a process, gently first: anvil writes its state at SIGTERM."""
    for how, patience_s in ((signal.SIGTERM, timeout_s), (_kill_signal(), 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not _is_alive(pid):
                return True
            time.sleep(_POLL_S)
    return False


def _kill_signal() -> signal.Signals:
    return getattr(signal, "SIGKILL", signal.SIGTERM)
