"""The local chain: it starts once, outlives a kill, and takes nobody's port."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.testnet.running import demand_anvil, running_testnet

from stemproof.errors import BadInput, Unavailable
from stemproof.evidence.ethsig import Address
from stemproof.testnet.anvil import CHAIN_ID, Testnet, save, start, status, stop
from stemproof.testnet.deploy import deploy_anchors, fund, mine
from stemproof.testnet.rpc import call_local, call_text

pytestmark = pytest.mark.chain


def block_hash(testnet: Testnet, number: int) -> str:
    block = call_local(testnet.port, "eth_getBlockByNumber", hex(number), False)
    assert isinstance(block, dict)
    found = block["hash"]
    assert isinstance(found, str)
    return found


def test_it_listens_on_loopback_and_serves_its_chain_id(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        assert testnet.rpc_url.startswith("http://127.0.0.1:")
        assert call_text(testnet.port, "eth_chainId") == hex(CHAIN_ID)
        assert status(tmp_path) == testnet


def test_a_second_start_returns_the_running_chain(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        assert start(tmp_path, 0, anvil=demand_anvil()) == testnet
        assert start(tmp_path, testnet.port, anvil=demand_anvil()) == testnet


def test_a_second_start_on_another_port_is_refused(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet, pytest.raises(BadInput, match="already"):
        start(tmp_path, testnet.port + 1, anvil=demand_anvil())


def test_two_starts_at_once_give_one_chain(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from stemproof.testnet.anvil import start; "
        "print(start(Path(sys.argv[1]), 0, anvil=Path(sys.argv[2])).pid)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(demand_anvil())]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        pids = {process.communicate(timeout=60)[0] for process in both}
        assert len(pids) == 1
        # The commands have ended; the chain has not.
        assert status(tmp_path) is not None
    finally:
        assert stop(tmp_path)


def test_stopping_twice_is_no_error(tmp_path: Path) -> None:
    with running_testnet(tmp_path):
        assert stop(tmp_path)
        assert not stop(tmp_path)
        assert status(tmp_path) is None


def test_a_port_taken_by_something_else_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Unavailable, match=f"port {port} .* is taken"):
            start(tmp_path, port, anvil=demand_anvil())
    assert status(tmp_path) is None


def test_a_program_that_is_no_chain_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="ended at once"):
        start(tmp_path, 0, anvil=Path("/bin/false"))


def test_blocks_state_and_old_proofs_survive_a_kill(tmp_path: Path) -> None:
    someone = Address(b"\x07" * 20)
    with running_testnet(tmp_path) as testnet:
        contract = deploy_anchors(testnet)
        fund(testnet, someone, wei=12345)
        mine(testnet, 3)
        before = [block_hash(testnet, number) for number in range(1, 5)]
        wait_for_the_state_file(tmp_path)
        os.kill(testnet.pid, signal.SIGKILL)
        wait_until_down(tmp_path)
        again = start(tmp_path, testnet.port, anvil=demand_anvil())
        assert [block_hash(again, number) for number in range(1, 5)] == before
        assert deploy_anchors(again) == contract
        # One more than was kept: see test_a_contract_is_told_the_right_hash_after_a_restart.
        assert call_text(again.port, "eth_blockNumber") == "0x5"
        assert call_text(again.port, "eth_getBalance", "0x" + someone.hex(), "latest") == hex(12345)
        at: dict[str, str] = {"blockHash": before[0]}
        proof = call_local(again.port, "eth_getProof", "0x" + contract.hex(), [], dict(at))
        assert isinstance(proof, dict)
        assert proof["codeHash"] != "0x" + "0" * 64


def test_what_was_saved_survives_a_kill_at_once(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        contract = deploy_anchors(testnet)
        mine(testnet, 2)
        save(tmp_path)
        os.kill(testnet.pid, signal.SIGKILL)
        wait_until_down(tmp_path)
        (tmp_path / "anvil.json").write_bytes(b'{"block":')
        again = start(tmp_path, 0, anvil=demand_anvil())
        assert call_text(again.port, "eth_blockNumber") == "0x4"
        assert deploy_anchors(again) == contract


def test_saving_without_a_chain_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no local chain runs"):
        save(tmp_path)


def test_a_removed_state_begins_a_new_chain(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        mine(testnet, 9)
    (tmp_path / "anvil.json").unlink()
    with running_testnet(tmp_path) as testnet:
        assert call_text(testnet.port, "eth_blockNumber") == "0x0"


def test_a_contract_is_told_the_right_hash_after_a_restart(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        mine(testnet, 5)
    with running_testnet(tmp_path) as testnet:
        # NUMBER and BLOCKHASH(NUMBER - 1), returned by code that is run and not kept.
        code = "0x435f526001430340602052" + "60405ff3"
        answer = call_text(testnet.port, "eth_call", {"data": code}, "pending")
        number, told = int(answer[2:66], 16), "0x" + answer[66:]
        assert number == 7
        assert told == block_hash(testnet, number - 1)


def test_a_web_page_gets_no_leave_to_use_the_chain(tmp_path: Path) -> None:
    asked = '{"jsonrpc":"2.0","id":1,"method":"anvil_mine","params":["0x1"]}'
    with running_testnet(tmp_path) as testnet:
        for method, kind in (("OPTIONS", "application/json"), ("POST", "text/plain")):
            link = http.client.HTTPConnection("127.0.0.1", testnet.port, timeout=10)
            with contextlib.closing(link):
                headers = {"Origin": "https://evil.example", "Content-Type": kind}
                headers["Access-Control-Request-Method"] = "POST"
                headers["Access-Control-Request-Headers"] = "content-type"
                link.request(method, "/", asked, headers)
                answer = link.getresponse()
                answer.read()
            assert answer.headers["access-control-allow-origin"] is None
        # What a page may send without leave is not done.
        assert call_text(testnet.port, "eth_blockNumber") == "0x0"


@pytest.mark.skipif(os.name != "posix", reason="other systems have other rights on files")
def test_other_people_may_not_look_into_the_chain(tmp_path: Path) -> None:
    folder = tmp_path / "chain"
    with running_testnet(folder):
        wait_for_the_state_file(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / "anvil.run.json").stat().st_mode & 0o777 == 0o600
    with running_testnet(folder):
        assert {path.stat().st_mode & 0o077 for path in folder.glob("anvil.*")} == {0}


def wait_for_the_state_file(folder: Path) -> None:
    """anvil writes each second: two writes that began after now hold all that was mined."""
    written = folder / "anvil.json"
    for _ in range(2):
        last = written.stat().st_mtime_ns if written.exists() else 0
        deadline = time.monotonic() + 10
        while not written.exists() or written.stat().st_mtime_ns == last:
            assert time.monotonic() < deadline, "anvil does not write its state"
            time.sleep(0.02)
    time.sleep(0.1)


def wait_until_down(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while status(folder) is not None:
        assert time.monotonic() < deadline, "the chain still answers"
        time.sleep(0.02)


def test_half_a_state_file_is_replaced_by_the_last_whole_one(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        deploy_anchors(testnet)
        before = block_hash(testnet, 1)
    state = tmp_path / "anvil.json"
    whole = state.read_bytes()
    state.write_bytes(whole[: len(whole) // 2])
    with running_testnet(tmp_path) as testnet:
        assert block_hash(testnet, 1) == before


def test_a_damaged_state_without_a_copy_is_an_error_and_is_kept(tmp_path: Path) -> None:
    state = tmp_path / "anvil.json"
    state.write_bytes(b'{"block"')
    with pytest.raises(BadInput, match="is damaged"):
        start(tmp_path, 0, anvil=demand_anvil())
    assert state.read_bytes() == b'{"block"'


def test_a_process_id_that_is_used_again_is_not_ended(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        noted = {"pid": bystander.pid, "port": 1, "instance": "0x00"}
        (tmp_path / "anvil.run.json").write_text(json.dumps(noted))
        assert not stop(tmp_path)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_hanging_chain_is_ended_all_the_same(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        # It answers nothing and heeds no SIGTERM.
        os.kill(testnet.pid, signal.SIGSTOP)
        assert stop(tmp_path, patience_s=0.5)
        assert status(tmp_path) is None


def test_finality_is_two_blocks_behind(tmp_path: Path) -> None:
    with running_testnet(tmp_path) as testnet:
        mine(testnet, 5)
        final = call_local(testnet.port, "eth_getBlockByNumber", "finalized", False)
        assert isinstance(final, dict)
        assert final["number"] == "0x3"


def test_anchors_stands_at_the_same_address_on_every_chain(tmp_path: Path) -> None:
    with running_testnet(tmp_path / "a") as one, running_testnet(tmp_path / "b") as two:
        mine(two, 4)
        assert deploy_anchors(one) == deploy_anchors(two) == deploy_anchors(one)
