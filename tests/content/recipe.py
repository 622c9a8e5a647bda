"""Content made from a seed, the same as tests/vectors/cid/make.mjs makes it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


def counter_stream(seed: str, size: int) -> bytes:
    """SHA-256(seed || u64be(0)) || SHA-256(seed || u64be(1)) || …, cut at `size`."""
    start = hashlib.sha256(seed.encode("utf-8"))
    parts = []
    for index in range((size + 31) // 32):
        digest = start.copy()
        digest.update(index.to_bytes(8, "big"))
        parts.append(digest.digest())
    return b"".join(parts)[:size]


def load_vectors(check: str, pattern: str) -> list[Any]:  # Any: JSON of the case's own form
    """Read the cases of one check, with their names."""
    paths = sorted((VECTORS / check).glob(pattern))
    return [json.loads(path.read_bytes()) | {"name": path.stem} for path in paths]


def corpus() -> Path:
    """Say where the shared corpus of real files is."""
    beside = Path(__file__).parents[3] / "shared" / "corpus"
    return Path(os.environ.get("STEMPROOF_CORPUS", beside))
