"""The committed figures of gas: one file, a member a hard fork, compared with what is measured."""

from __future__ import annotations

import json
import os
from pathlib import Path

#: `osaka` as anvil has it and `amsterdam` as Hardhat 3 has it, an experiment still.
FIGURES = Path(__file__).parent / "gas.json"
#: The same forks in geth.
GETH_FIGURES = Path(__file__).parent / "gas-geth.json"
# A zero byte of calldata is 12 to 30 gas cheaper, and heads differ from block to block.
_TOLERANCE = 200


def hold(fork: str, measured: dict[str, int], *, file: Path = FIGURES) -> None:
    """Hold what was measured against the committed figures of a fork.

    After a wanted change: STEMPROOF_REWRITE_GAS=1 pytest tests/contracts -k gas
    """
    known = json.loads(file.read_text()) if file.exists() else {}
    if os.environ.get("STEMPROOF_REWRITE_GAS") == "1":
        known[fork] = {name: {"gas": gas} for name, gas in measured.items()}
        file.write_text(json.dumps(known, indent=2) + "\n")
    committed = known[fork]
    assert committed.keys() == measured.keys()
    for name, gas in measured.items():
        assert abs(gas - committed[name]["gas"]) <= _TOLERANCE, (name, gas)


def figure(fork: str, name: str, *, file: Path = FIGURES) -> int:
    """Read one committed figure."""
    return int(json.loads(file.read_text())[fork][name]["gas"])
