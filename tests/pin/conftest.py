"""Real nodes on loopback: stemproof's own, and Kubo where scripts/get-kubo has built it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stemproof.pin import node
from stemproof.pin.backend import Backend
from stemproof.pin.ipfs import IpfsNode

ROOT = Path(__file__).parents[2]
KUBO_START_S = 60.0


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[node.NodeStatus]:
    """A node of our own for tests that do not harm it."""
    folder = tmp_path_factory.mktemp("node")
    yield node.start(node.NodeConfig(folder, api_port=0, gateway_port=0))
    node.stop(folder)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[node.NodeStatus]:
    """A fresh node of our own for tests that kill, fill or count."""
    folder = tmp_path / "own"
    yield node.start(node.NodeConfig(folder, api_port=0, gateway_port=0))
    node.stop(folder)


def api_of(status: node.NodeStatus) -> str:
    """The address that IpfsNode takes."""
    return f"http://127.0.0.1:{status.api_port}"


@pytest.fixture(scope="session")
def kubo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A real Kubo, offline, on free loopback ports: the addresses of its RPC and its gateway."""
    program = _kubo_program()
    repo = tmp_path_factory.mktemp("kubo") / "repo"
    # Its own environment: no other IPFS_PATH, nothing sent to anybody.
    environment = {"IPFS_PATH": str(repo), "IPFS_TELEMETRY": "off", "HOME": str(repo.parent)}
    subprocess.run(
        [program, "init", "--profile", "test"], env=environment, check=True, capture_output=True
    )
    with open(repo.parent / "log", "wb") as log:
        daemon = subprocess.Popen(
            [program, "daemon", "--offline"], env=environment, stdout=log, stderr=log
        )
    try:
        api = _multiaddr_url(_wait_for(repo / "api", daemon))
        gateway = _wait_for(repo / "gateway", daemon)
        yield api, gateway
    finally:
        daemon.terminate()
        daemon.wait(30)


def _kubo_program() -> str:
    built = sorted((ROOT / ".tools" / "kubo").glob("v*/ipfs"))
    found = str(built[-1]) if built else shutil.which("ipfs")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Kubo is missing: run scripts/get-kubo")
        pytest.skip("Kubo is missing: run scripts/get-kubo")
    return found


def _wait_for(path: Path, daemon: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + KUBO_START_S
    while time.monotonic() < deadline and daemon.poll() is None:
        if path.is_file() and (text := path.read_text().strip()):
            return text
        time.sleep(0.05)
    return pytest.fail(f"Kubo does not start: {(path.parents[1] / 'log').read_text()[-500:]}")


def _multiaddr_url(text: str) -> str:
    match = re.fullmatch(r"/ip4/127\.0\.0\.1/tcp/(\d+)", text)
    assert match is not None, text
    return f"http://127.0.0.1:{match[1]}"


@pytest.fixture(
    params=["stemproof-node", pytest.param("kubo", marks=pytest.mark.kubo)], scope="session"
)
def home(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The addresses (RPC, gateway) of each kind of node in turn."""
    if request.param == "kubo":
        found: tuple[str, str] = request.getfixturevalue("kubo")
        return found
    status: node.NodeStatus = request.getfixturevalue("running")
    return api_of(status), status.gateway_url


@pytest.fixture
def backend(home: tuple[str, str]) -> Backend:
    """Each kind of backend in turn: what holds for one holds for all."""
    return IpfsNode(home[0])
