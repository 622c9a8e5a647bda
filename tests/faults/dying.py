"""Anchoring by the very deeds of the command, ended by SIGKILL after a step that is named.

    python dying.py HOME RPC_URL      a step a line in; the pid of who died a line out

Steps: planned, stored, sent, mined, proved. Each is done by a fork that has all loaded.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from stemproof.acts import keeping
from stemproof.acts.anchoring import connect, plan_anchor, store
from stemproof.acts.following import refresh, wait_for
from stemproof.acts.home import Home, now, opened
from stemproof.anchor.follow import wait_until_mined
from stemproof.anchor.publish import hold_account, send
from stemproof.evidence.ethsig import parse_address


def die(reached: str, step: str) -> None:
    """End as a power cut does, if this is the step."""
    if reached == step:
        os.kill(os.getpid(), signal.SIGKILL)


def anchor(home: Home, rpc_url: str, passphrase: str, step: str) -> None:
    """Anchor what is new, and die after a step."""
    keys = keeping.unlock(home, passphrase, now())
    with opened(home) as log:
        chain = connect(home, log, chain="31337", rpc=rpc_url)
        refresh(log, chain)
        with hold_account(home.locks, chain, parse_address(keys.account_address)):
            planned = plan_anchor(log, chain, keys)
            assert planned is not None
            die("planned", step)
            number = store(log, chain, planned, now())
            die("stored", step)
            send(chain, planned.intent.raw)
            die("sent", step)
        wait_until_mined(chain, planned.intent.raw, timeout_s=10, poll_s=0.01)
        die("mined", step)
        wait_for(log, chain, number, states=("anchored", "final"), timeout_s=10)
        die("proved", step)


def main() -> None:
    """Fork for each step asked for, until the input ends."""
    home, rpc_url, passphrase = Home(Path(sys.argv[1])), sys.argv[2], sys.argv[3]
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            anchor(home, rpc_url, passphrase, line.strip())
            os._exit(1)
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
