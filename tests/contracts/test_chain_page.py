"""The figures and chains that docs/chain.md shows are those that are measured and shipped."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contracts.figures import GETH_FIGURES, figure

from stemproof.anchor.chains import load_chains

ROOT = Path(__file__).parents[2]


def rows(heading: str) -> list[list[str]]:
    """Read the first table under a heading."""
    page = (ROOT / "docs" / "chain.md").read_text()
    section = page.split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [line.split(" | ") for line in lines if not line.startswith("-")][1:]


def test_the_page_shows_the_committed_figures_of_gas() -> None:
    shown = {
        row[0].strip("`"): [int(cell.replace(",", "")) for cell in row[1:]]
        for row in rows("What it costs")
    }
    assert len(shown) == 10
    for name, (osaka, amsterdam, geth) in shown.items():
        assert osaka == figure("osaka", name)
        assert amsterdam == figure("amsterdam", name)
        assert geth == figure("amsterdam", name, file=GETH_FIGURES)


def test_the_page_shows_the_shipped_table_of_chains() -> None:
    shown = rows("The chains")
    wanted = [
        [
            info.name,
            str(info.id),
            info.finality,
            "-" if info.sunset is None else info.sunset.isoformat(),
            "-" if info.genesis is None else info.genesis.hex()[:12],
        ]
        for info in load_chains().values()
    ]
    assert shown == wanted
