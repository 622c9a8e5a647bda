"""Run the groups; print a table, and write one JSON document where asked."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.figures import Row, measure_group

GROUPS = (
    "start",
    "seal",
    "log",
    "verify",
    "content",
    "gas",
    "anchor",
    "audio",
    "capture",
    "watch",
    "prompts",
    "agents",
    "blame",
)


def as_document(rows: Iterable[Row]) -> dict[str, object]:
    """Shape the figures, and the machine that they were taken on, for JSON."""
    return {
        "v": 1,
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "system": platform.system(),
        },
        "rows": [
            {
                "name": row.name,
                "value": row.value,
                "unit": row.unit,
                "beside": {"name": row.beside_name, "value": row.beside},
                "ratio": row.ratio,
                "want": row.want,
                "met": row.is_met,
            }
            for row in rows
        ],
    }


def format_page(rows: Iterable[Row]) -> str:
    """Lay the figures out as docs/figures.md."""
    lines = [
        "# Figures",
        "",
        "Measured by `scripts/bench --page docs/figures.md`,"
        f" Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}.",
        "Each figure stands beside its peer or its limit, taken in the same run;"
        " `scripts/bench` fails where a wanted ratio is not met.",
        "",
        "| what | figure | beside | ratio | want |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        ours = f"{format_number(row.value)} {row.unit}"
        peer = f"{format_number(row.beside)} ({row.beside_name})"
        want = (row.want or "").replace("<=", "≤").replace(">=", "≥")
        verdict = "" if row.is_met else ", not met"
        lines.append(f"| {row.name} | {ours} | {peer} | {row.ratio:.3g} | {want}{verdict} |")
    return "\n".join(lines) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f"{path.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def format_number(value: float) -> str:
    """Write a number with four digits or so, never with an exponent."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def format_row(row: Row) -> str:
    """Lay one figure out for people."""
    verdict = "" if row.want is None else f"want {row.want}: {'met' if row.is_met else 'NOT MET'}"
    ours = f"{format_number(row.value):>12} {row.unit:<8}"
    peer = f"{format_number(row.beside):>12} {row.beside_name:<30}"
    return f"{row.name:<42}{ours}{peer}{row.ratio:>8.3f}  {verdict}".rstrip()


def main() -> int:
    """Measure what was asked for; 1 where a wanted ratio was not met."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write them as a page, too")
    asked = parser.parse_args()
    for group in asked.groups:
        if group not in GROUPS:
            parser.error(f"no group {group!r}; there are {', '.join(GROUPS)}")

    rows: list[Row] = []
    # Each group in a process of its own: what one leaves in memory slows the next.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for group in asked.groups or GROUPS:
            for row in processes.submit(measure_group, group, asked.quick).result():
                rows.append(row)
                print(format_row(row), flush=True)
    if asked.json:
        write_whole(asked.json, json.dumps(as_document(rows), indent=2) + "\n")
    if asked.page:
        write_whole(asked.page, format_page(rows))
    return 0 if all(row.is_met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
