"""A real geth for tests, the second client beside anvil: built by scripts/get-geth, in dev mode."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from stemproof.anchor.chains import LOCAL_CHAIN_ID, ChainInfo, load_chains
from stemproof.anchor.node import Node
from stemproof.anchor.problems import NodeDown
from stemproof.anchor.signer import KeySigner
from stemproof.evidence.ethsig import address_of_key, format_address

ROOT = Path(__file__).parents[2]
#: geth's developer account; the whole world knows its key.
DEV_KEY = bytes.fromhex("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")
CHAIN_ID = 1337
_START_TIMEOUT_S = 30.0
_STARTED = re.compile(r"HTTP server started\s.*endpoint=127\.0\.0\.1:(\d+)")


@dataclass(frozen=True)
class Geth:
    """A running geth."""

    rpc_url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


def demand_geth() -> Path:
    """Find geth; without it the test is skipped, except in CI, where it fails."""
    tools = Path(os.environ.get("STEMPROOF_TOOLS", ROOT / ".tools"))
    built = sorted((tools / "geth").glob("v*/geth"))
    found = str(built[-1]) if built else shutil.which("geth")
    if found is None:
        missing = "geth is not built: scripts/get-geth (needs Go)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return Path(found)


@contextlib.contextmanager
def running_geth(folder: Path, *options: str) -> Iterator[Geth]:
    """Run `geth --dev` on a free port of loopback, with its files in `folder`."""
    command = [
        str(demand_geth()),
        *("--dev", "--datadir", str(folder / "data"), "--dev.gaslimit", "60000000"),
        *("--http", "--http.addr", "127.0.0.1", "--http.port", "0", "--http.api", "eth,web3"),
        *("--authrpc.port", "0", "--port", "0", "--ipcdisable", "--nodiscover", "--maxpeers", "0"),
        *options,
    ]
    log = folder / "geth.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        rpc_url = f"http://127.0.0.1:{_wait_for_port(process, log)}"
        _wait_until_indexed(rpc_url)
        yield Geth(rpc_url, process)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def write_genesis(folder: Path, fork: str) -> None:
    """Begin a chain whose rules are those of one fork: dev mode alone runs ahead of them all."""
    told = subprocess.run(
        [str(demand_geth()), "--dev", "dumpgenesis"], check=True, capture_output=True, text=True
    )
    genesis = json.loads(told.stdout)
    rules = genesis["config"]
    rules.pop("bogotaTime", None)
    blobs = rules["blobSchedule"]
    blobs["osaka"] = blobs["prague"]
    if fork == "amsterdam":
        rules["amsterdamTime"], blobs["amsterdam"] = 0, blobs["prague"]
    rich = address_of_key(DEV_KEY)
    genesis["alloc"][rich.hex()] = {"balance": hex(10**24)}
    genesis["gasLimit"] = hex(60_000_000)
    (folder / "genesis.json").write_text(json.dumps(genesis))
    begin = ["init", "--datadir", str(folder / "data"), str(folder / "genesis.json")]
    subprocess.run([str(demand_geth()), *begin], check=True, capture_output=True)


def geth_info() -> ChainInfo:
    """Describe the chain of dev mode as a table of chains would."""
    return replace(load_chains()[LOCAL_CHAIN_ID], id=CHAIN_ID, name="geth")


def _wait_for_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        started = _STARTED.search(log.read_text(errors="replace"))
        if started is not None:
            return int(started[1])
        time.sleep(0.05)
    pytest.fail(f"geth did not start: {log.read_text(errors='replace')[-2000:]}")


def _wait_until_indexed(rpc_url: str) -> None:
    """Send something: until its first block geth indexes, and tells no receipts."""
    node = Node(rpc_url)
    sender = KeySigner(DEV_KEY)
    raw = sender.sign_transaction(
        {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": 0,
            "to": format_address(sender.address),
            "value": 0,
            "data": b"",
            "gas": 50_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
        }
    )
    sent = node.call("eth_sendRawTransaction", "0x" + raw.hex())
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        # NodeDown: it still indexes; None: it has not mined.
        with contextlib.suppress(NodeDown):
            if node.call("eth_getTransactionReceipt", sent) is not None:
                return
        time.sleep(0.05)
    pytest.fail("geth mines nothing, or does not end its indexing")
