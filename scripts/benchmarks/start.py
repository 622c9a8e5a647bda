"""How fast the command starts, beside the library that parses its arguments.

Cold means a process of its own each time; the files are in the system's cache.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Row, median_of, run_quietly

# The limit: no more than 1.6 times what Typer alone costs.
LIMIT = "<= 1.6"


def measure(quick: bool) -> Iterator[Row]:
    """Start `stemproof --help` and `--version` beside a bare `import typer`."""
    stemproof = str(Path(sys.executable).with_name("stemproof"))
    for option in ("--help", "--version"):
        ours, peer = median_of(
            5 if quick else 21,
            lambda option=option: run_quietly([stemproof, option]),  # type: ignore[misc]  # bound now
            lambda: run_quietly([sys.executable, "-c", "import typer"]),
        )
        yield Row(f"start: stemproof {option}", ours, "s", peer, "python -c 'import typer'", LIMIT)
