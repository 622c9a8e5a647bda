"""What is taken for a mark, and what is not: data files, and the table's own form."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stemproof.audio.marks.model import Tags
from stemproof.audio.marks.recognise import MAX_FINDINGS, find_marks
from stemproof.audio.marks.table import load_table
from stemproof.record.vocabulary import CLASSES

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "marks").glob("*.json"))
TABLE = Path(__file__).parents[2] / "ledger" / "stemproof" / "audio" / "marks" / "marks.json"


def find(*listed: list[str]) -> list[dict[str, Any]]:
    tags = Tags()
    for source, name, text in listed:
        tags.add(source, name, text)
    return [
        {
            "source": one.source,
            "generator": one.generator,
            "kind": one.kind,
            "class": one.class_,
            "prompt": one.prompt,
        }
        for one in find_marks(tags)
    ]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_texts_are_taken_for_what_they_are(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    assert find(*vector["tags"]) == vector["findings"]


def test_refusals_are_many() -> None:
    empty = [path for path in VECTORS if not json.loads(path.read_text("utf-8"))["findings"]]
    assert len(empty) >= 10


def test_each_row_of_the_table_says_where_it_was_read_and_when() -> None:
    table = load_table()
    assert len({row.id for row in table.generators}) == len(table.generators)
    for row in table.generators:
        assert len(row.source) > 20, row.id
        assert date.fromisoformat(row.read) >= date(2026, 1, 1), row.id
        assert row.confidence in ("high", "medium", "low"), row.id
        assert row.class_ in CLASSES, row.id
        groups = set(re.findall(r"{(\w+)}", row.says))
        assert groups <= set(row.pattern.groupindex), row.id
    assert set(json.loads(TABLE.read_text("utf-8"))) == {"v", "generators", "signers", "programs"}


def test_no_mark_says_that_a_human_made_it() -> None:
    for path in VECTORS:
        tags = Tags()
        for source, name, text in json.loads(path.read_text("utf-8"))["tags"]:
            tags.add(source, name, text)
        assert not [one for one in find_marks(tags) if "human" in one.says.lower()]


def test_a_file_full_of_marks_gives_a_bounded_answer() -> None:
    ids = (f"{n:08x}-b3d5-48b8-9334-011b1dd1df00" for n in range(3000))
    found = find(*(["id3", "COMM", f"made with suno; created=2025-01-01; id={x}"] for x in ids))
    assert len(found) <= MAX_FINDINGS


def test_halves_of_characters_and_giant_numbers_are_survived() -> None:
    odd = r'{"1":{"class_type":"\ud800","inputs":{"text":"\udc00","seed":' + "9" * 5000 + "}}}"
    assert [one["source"] for one in find(["vorbis", "prompt", odd])] == ["comfyui"]
