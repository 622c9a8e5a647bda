"""stemproof's own small IPFS node: a block store, an RPC port and a gateway port.

It keeps blocks and hands them out; it has no peers and announces nothing. Both ports are on
loopback unless the owner opens the gateway. One process serves a folder: it holds `node.lock` for
as long as it lives, so that a stale pid file is never believed.

    node.json   pid, ports and version of the process that serves
    node.log    what it had to say
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from stemproof.errors import StemproofError, Unavailable, Usage
from stemproof.pin import lock
from stemproof.pin.blocks import BlockStore
from stemproof.pin.durable import written_beside
from stemproof.pin.rpc import AGENT, Rpc
from stemproof.pin.server import HttpServer
from stemproof.pin.trustless import Gateway

LOOPBACK: Final = "127.0.0.1"
DEFAULT_API_PORT: Final = 5711
DEFAULT_GATEWAY_PORT: Final = 5780
MAX_UPLOAD_BYTES: Final = 1 << 38

_LOOPBACK_NAMES: Final = frozenset((LOOPBACK, "localhost"))
_POLL_S: Final = 0.05
_DYING_S: Final = 5.0  # a killed process keeps its lock until the write it was in has ended


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Where a node keeps its blocks and where it listens; port 0 takes any free one.

    `gateway_host` other than loopback lets others fetch; they must call it by one of
    `gateway_names`. The RPC stays on loopback.
    """

    folder: Path
    api_port: int = DEFAULT_API_PORT
    gateway_port: int = DEFAULT_GATEWAY_PORT
    gateway_host: str = LOOPBACK
    gateway_names: tuple[str, ...] = ()
    max_upload_bytes: int = MAX_UPLOAD_BYTES


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node that serves: its process and its addresses."""

    pid: int
    api_port: int
    gateway_host: str
    gateway_port: int
    agent: str

    @property
    def gateway_url(self) -> str:
        """The address that gateway.fetch takes."""
        return f"http://{self.gateway_host}:{self.gateway_port}"


def serve_forever(
    config: NodeConfig, stop: threading.Event, on_ready: Callable[[NodeStatus], None]
) -> None:
    """Serve `config.folder` in this process until `stop` is set; say when it listens."""
    try:
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Unavailable(f"{config.folder} cannot be used: {error.strerror}") from error
    with ExitStack() as stack:
        _take_folder(config.folder, stack)
        api, gateway = _listen(config, stack)
        ready = _write_status(config, api, gateway)
        stack.callback(_status_path(config.folder).unlink, missing_ok=True)
        for server in (api, gateway):
            threading.Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True).start()
            stack.callback(server.shutdown)
        on_ready(ready)
        stop.wait()


def start(config: NodeConfig, *, wait_s: float = 15.0) -> NodeStatus:
    """Start a node as a process of its own and wait until it answers."""
    found = status(config.folder)
    if found is not None and (is_answering(found) or not _is_free_soon(config.folder)):
        raise Usage(f"a node already serves {config.folder}, with pid {found.pid}")
    try:
        config.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = open(config.folder / "node.log", "wb", opener=_open_private)
    except OSError as error:
        raise Unavailable(f"{config.folder} cannot be used: {error.strerror}") from error
    with log:
        try:
            # The program is this Python and the arguments are ours; no shell takes part.
            done = subprocess.run(  # noqa: S603
                _command(config),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=wait_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            stop(config.folder)
            raise Unavailable(f"the node does not start within {wait_s:g} s") from error
    found = status(config.folder)
    if done.returncode != 0 or found is None:
        said = (config.folder / "node.log").read_text("utf-8", "replace").strip().splitlines()
        raise Unavailable(f"the node does not start: {said[-1] if said else 'it ended at once'}")
    return found


def stop(folder: Path, *, wait_s: float = 15.0) -> bool:
    """Stop the node that serves `folder`; False if none does."""
    found = status(folder)
    if found is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(found.pid, number)
        except ProcessLookupError:
            return True
        if _is_free_soon(folder, wait_s):
            return True
    raise Unavailable(f"the node with pid {found.pid} does not stop")


def status(folder: Path) -> NodeStatus | None:
    """Describe the node that serves `folder`, if a living process does."""
    if not lock.is_held(_lock_path(folder)):
        return None
    try:
        document = json.loads(_status_path(folder).read_bytes())
        return NodeStatus(**document)
    except FileNotFoundError:
        return None  # it has just been started
    except (OSError, ValueError, TypeError) as error:
        raise Unavailable(f"{_status_path(folder)} cannot be read") from error


def is_answering(node: NodeStatus) -> bool:
    """Ask the node's RPC port for its version."""
    with closing(HTTPConnection(LOOPBACK, node.api_port, timeout=5)) as connection:
        try:
            connection.request("POST", "/api/v0/version")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def _take_folder(folder: Path, stack: ExitStack) -> None:
    # Whoever asks for the status holds the lock for a moment: try for a while.
    for is_last in [False] * 20 + [True]:
        try:
            stack.enter_context(lock.exclusive_now(_lock_path(folder)))
            break
        except BlockingIOError as error:
            if is_last:
                raise Usage(f"a node already serves {folder}") from error
            time.sleep(_POLL_S)
    # What a killed predecessor left: its pid may be somebody else's by now.
    _status_path(folder).unlink(missing_ok=True)


def _listen(config: NodeConfig, stack: ExitStack) -> tuple[HttpServer, HttpServer]:
    store = BlockStore(config.folder)
    rpc = Rpc(store, max_upload_bytes=config.max_upload_bytes)
    api = HttpServer(
        (LOOPBACK, config.api_port),
        rpc.handle,
        methods=frozenset(("POST",)),
        names=_LOOPBACK_NAMES,
        max_upload_bytes=config.max_upload_bytes,
    )
    stack.callback(api.server_close)
    gateway = HttpServer(
        (config.gateway_host, config.gateway_port),
        Gateway(store).handle,
        methods=frozenset(("GET", "HEAD")),
        names=_LOOPBACK_NAMES | {config.gateway_host, *config.gateway_names},
        max_upload_bytes=0,
    )
    stack.callback(gateway.server_close)
    return api, gateway


def _write_status(config: NodeConfig, api: HttpServer, gateway: HttpServer) -> NodeStatus:
    found = NodeStatus(
        os.getpid(),
        api.server_address[1],
        config.gateway_host,
        gateway.server_address[1],
        AGENT,
    )
    with written_beside(_status_path(config.folder)) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(json.dumps(asdict(found)).encode("ascii"))
    return found


def _is_free_soon(folder: Path, wait_s: float = _DYING_S) -> bool:
    deadline = time.monotonic() + wait_s
    while lock.is_held(_lock_path(folder)):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _status_path(folder: Path) -> Path:
    return folder / "node.json"


def _lock_path(folder: Path) -> Path:
    return folder / "node.lock"


def _command(config: NodeConfig) -> list[str]:
    words = [sys.executable, "-P", "-m", "stemproof.pin.node", str(config.folder.absolute())]
    words += ["--api-port", str(config.api_port), "--gateway-port", str(config.gateway_port)]
    words += ["--gateway-host", config.gateway_host]
    for name in config.gateway_names:
        words += ["--gateway-name", name]
    return [*words, "--max-upload-bytes", str(config.max_upload_bytes)]


def run(argv: Sequence[str]) -> int:
    """Leave a process behind that serves until SIGTERM; return when it listens, or cannot."""
    parser = argparse.ArgumentParser(prog="stemproof-node")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--api-port", type=int, default=DEFAULT_API_PORT)
    parser.add_argument("--gateway-port", type=int, default=DEFAULT_GATEWAY_PORT)
    parser.add_argument("--gateway-host", default=LOOPBACK)
    parser.add_argument("--gateway-name", action="append", default=[], dest="gateway_names")
    parser.add_argument("--max-upload-bytes", type=int, default=MAX_UPLOAD_BYTES)
    fields = vars(parser.parse_args(argv))
    fields["gateway_names"] = tuple(fields["gateway_names"])
    reading, writing = os.pipe()
    # Nobody waits for the node, so it is made a grandchild: no zombie, no controlling terminal.
    if os.fork():
        os.close(writing)
        with open(reading, "rb") as pipe:
            return 0 if pipe.read() else Unavailable.exit_code
    os.close(reading)
    os.setsid()
    logging.basicConfig(format="%(message)s")
    try:
        serve_forever(NodeConfig(**fields), _stop_signal(), lambda _: _say_ready(writing))
    except StemproofError as error:
        logging.getLogger(__name__).error("%s", error)
        return error.exit_code
    return 0


def _say_ready(pipe: int) -> None:
    os.write(pipe, b"1")
    os.close(pipe)


def _stop_signal() -> threading.Event:
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
