"""Reading the vectors of this room: JSON files under tests/vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stemproof.errors import Malformed, Refuted

VECTORS = Path(__file__).parents[1] / "vectors"
# What a vector calls its refusal, and the error that is meant.
KINDS = {"Refuted": Refuted, "Malformed": Malformed}


def load(check: str, case: str) -> Any:  # JSON, whose form each check knows
    """Read one vector."""
    return json.loads((VECTORS / check / f"{case}.json").read_text())


def cases(check: str, *, prefix: str = "", refused: bool = False) -> list[str]:
    """Name the vectors of a check: those accepted, or those refused."""
    names = sorted(path.stem for path in (VECTORS / check).glob("*.json"))
    chosen = [name for name in names if name.startswith("refused") == refused and prefix in name]
    assert chosen, f"no vectors for {check}"
    return chosen


def octets(items: list[str]) -> list[bytes]:
    """Read a list of hex strings."""
    return [bytes.fromhex(item) for item in items]
