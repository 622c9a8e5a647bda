"""Gas of every way to anchor, with EAS and a bare event beside it: one run, one chain.

It is what tests/contracts/test_gas.py measures and holds against tests/contracts/gas.json; of
many heads it is the share of one. It depends on the hard fork and not on the machine.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Final

from benchmarks.figures import Row, workshop
from benchmarks.rehearsal import ROOT, find_program
from stemproof.testnet import anvil

# What, measured beside what, and the most that it may be of it.
_ROWS: Final = (
    ("the first of a log", "anchor_first", "eas_timestamp", "<= 1.15"),
    ("each later one", "anchor_next", "eas_timestamp", "<= 0.72"),
    ("each later one", "anchor_next", "bare_event", None),
    ("10 own logs a call, each", "anchor_many_10_each", "eas_multi_timestamp_100_each", None),
    (
        "100 own logs a call, each",
        "anchor_many_100_each",
        "eas_multi_timestamp_100_each",
        "<= 0.53",
    ),
    ("one signed, by a relay", "anchor_for", "eas_timestamp", None),
    ("10 signed, by a relay, each", "anchor_for_10_each", "eas_multi_timestamp_100_each", None),
    (
        "100 signed, by a relay, each",
        "anchor_for_100_each",
        "eas_multi_timestamp_100_each",
        "<= 0.69",
    ),
)
_NAMES: Final = {
    "eas_timestamp": "EAS timestamp",
    "eas_multi_timestamp_100_each": "EAS multiTimestamp, of 100",
    "bare_event": "bare event",
}


def measure(quick: bool) -> Iterator[Row]:
    """Measure all of it; `quick` changes nothing, since gas takes no time."""
    # The tests are no package of the installation: they lie beside the scripts.
    sys.path.insert(0, str(ROOT))
    measured = import_module("tests.contracts.test_gas")
    witness = import_module("tests.contracts.witness")
    with workshop() as folder:
        running = anvil.start(folder / "chain", 0, anvil=find_program())
        try:
            gas: dict[str, float] = measured.measure(witness.open_witness(running))
        finally:
            anvil.stop(folder / "chain")
    for name, ours, peer, want in _ROWS:
        yield Row(f"gas: {name}", gas[ours], "gas", gas[peer], _NAMES[peer], want)
