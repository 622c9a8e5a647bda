"""Write tests/vectors/{slotview,slothistory}: a real slot's life, and answers that do not hold.

python -m tests.evidence.make_slots      (needs anvil; blocks differ from run to run)
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.evidence.vectors import VECTORS
from tests.testnet.running import running_testnet

from stemproof.anchor.chains import load_chains
from stemproof.anchor.delegation import prepare_revoke
from stemproof.anchor.evm import Chain, open_chain
from stemproof.anchor.follow import wait_until_mined
from stemproof.anchor.publish import AnchorCall, Intent, prepare_anchor, send
from stemproof.evidence.chain import head_slot
from stemproof.evidence.ethsig import address_of_key
from stemproof.evidence.slot import event_topics, read_last_event
from stemproof.testnet.deploy import deploy_anchors, fund
from stemproof.testnet.rpc import call_local

KEY = b"\x01" * 31 + b"\x02"
ORIGIN_ID = b"\x0e" * 32


def main() -> None:
    """Anchor twice, end the log, and write what a node said after each step."""
    with tempfile.TemporaryDirectory() as folder, running_testnet(Path(folder)) as net:
        contract = bytes(deploy_anchors(net))
        account = address_of_key(KEY)
        fund(net, account)
        # Coins are given between blocks; the next one holds them.
        call_local(net.port, "anvil_mine", "0x1")
        chain = open_chain(load_chains()[31337], rpc_url=net.rpc_url)
        slot = head_slot(bytes(account), ORIGIN_ID)

        def ask(method: str, *params: Any) -> Any:  # JSON of the chain's choosing
            return call_local(net.port, method, *params)

        def view(source: str) -> dict[str, Any]:
            address = "0x" + contract.hex()
            return {
                "source": source,
                "contract": contract.hex(),
                "slot": slot.hex(),
                "block": ask("eth_getBlockByNumber", "latest", False),
                "proof": ask("eth_getProof", address, ["0x" + slot.hex()], "latest"),
                "word": f"{chain.head_of(account, ORIGIN_ID):064x}",
            }

        def history(source: str) -> dict[str, Any]:
            topics = event_topics(bytes(account), ORIGIN_ID)
            logs = ask(
                "eth_getLogs",
                {
                    "address": "0x" + contract.hex(),
                    "topics": list(topics),
                    "fromBlock": "0x0",
                    "toBlock": "latest",
                },
            )
            event = read_last_event(
                logs, contract=contract, publisher=bytes(account), origin_id=ORIGIN_ID
            )
            assert event is not None
            return {
                "source": source,
                "contract": contract.hex(),
                "publisher": account.hex(),
                "origin_id": ORIGIN_ID.hex(),
                "logs": logs,
                "block": ask("eth_getBlockByNumber", hex(event.block), False),
                "size": event.size,
                "ended_in": event.ended_in,
                "word": f"{chain.head_of(account, ORIGIN_ID):064x}",
            }

        write("slotview", "never-anchored", view("a slot that nothing was written to"))
        send_all(
            chain, lambda: prepare_anchor(chain, KEY, AnchorCall(ORIGIN_ID, 0, 3, b"\x11" * 32))
        )
        anchored = view("after the first anchor")
        write("slotview", "anchored", anchored)
        prior = chain.head_of(account, ORIGIN_ID)
        call = AnchorCall(ORIGIN_ID, prior, 8, b"\x22" * 32)
        send_all(chain, lambda: prepare_anchor(chain, KEY, call))
        write("slothistory", "two-anchors", history("the second of two anchors"))
        send_all(chain, lambda: prepare_revoke(chain, KEY, ORIGIN_ID))
        write("slotview", "ended", view("after the end"))
        ended = history("two anchors and an end")
        write("slothistory", "ended", ended)
        refuse_views(anchored)
        refuse_histories(ended)


def refuse_views(good: dict[str, Any]) -> None:
    """Write answers that do not hang together."""
    node = good["proof"]["storageProof"][0]["proof"][0]
    changes: dict[str, Callable[[dict[str, Any]], object]] = {
        "another-state-root": lambda v: v["block"].update(stateRoot="0x" + "5" * 64),
        "proof-one-node-short": lambda v: v["proof"]["accountProof"].pop(),
        "another-contract": lambda v: v.update(contract="77" * 20),
        "another-word": lambda v: v["proof"]["storageProof"][0].update(proof=[node[:-2] + "00"]),
    }
    for name, change in changes.items():
        refused("slotview", good, name, change)
    refused(
        "slotview",
        good,
        "two-proofs",
        lambda v: v["proof"]["storageProof"].append({}),
        kind="Malformed",
    )


def refuse_histories(good: dict[str, Any]) -> None:
    """Write events that are another log's, or lead elsewhere."""
    first = good["logs"][1]
    refused("slothistory", good, "another-log", lambda v: v.update(origin_id="0f" * 32))
    refused("slothistory", good, "another-contract", lambda v: v.update(contract="77" * 20))
    refused(
        "slothistory",
        good,
        "short-data",
        lambda v: v["logs"][1].update(data=first["data"][:-2]),
        kind="Malformed",
    )
    refused("slothistory", good, "another-block", lambda v: v["block"].update(number="0x1"))
    refused("slothistory", good, "not-a-list", lambda v: v.update(logs={}), kind="Malformed")


def refused(
    check: str,
    good: dict[str, Any],
    name: str,
    change: Callable[[dict[str, Any]], object],
    *,
    kind: str = "Refuted",
) -> None:
    """Write one refusal."""
    vector = copy.deepcopy(good)
    change(vector)
    write(check, f"refused-{name}", {**vector, "kind": kind, "source": name.replace("-", " ")})


def write(check: str, name: str, vector: dict[str, Any]) -> None:
    """Write one vector."""
    folder = VECTORS / check
    folder.mkdir(exist_ok=True)
    text = json.dumps(vector, indent=1, sort_keys=True)
    (folder / f"{name}.json").write_text(text + "\n")


def send_all(chain: Chain, prepare: Callable[[], Intent]) -> None:
    """Send one transaction and wait for its block."""
    intent = prepare()
    send(chain, intent.raw)
    wait_until_mined(chain, intent.raw, timeout_s=20, poll_s=0.02)


if __name__ == "__main__":
    main()
