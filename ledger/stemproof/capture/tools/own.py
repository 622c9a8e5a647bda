"""A user's own rows: tools that are missing from the catalogue, and rows that are wrong.

    {"v": 0, "tools": [
      {"id": "izotope-ozone-8", "kind": "no", "why": "the assistant is never opened here"},
      {"id": "our-drummer", "vendor": "Us", "product": "Our Drummer", "form": "plugin",
       "kind": "gen", "stage": "composition", "role": "Programmer", "names": ["Our Drummer"],
       "says": "a model of our own"}]}

The short form changes the kind of a row that ships; the long one adds a row or replaces it whole.
What was in force is recorded with each save, as a digest: a changed kind is the user's word.
"""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final

from stemproof.errors import BadInput
from stemproof.record.canonical import Json
from stemproof.record.depth import is_deeper

from .catalogue import Catalogue, make_catalogue
from .rows import Kind, Tool, check_members, choose, parse_row, read_text

#: The file in the ledger folder.
OWN_FILE: Final = "ai-tools.json"
#: Five hundred rows as long as ours come to a third of this.
MAX_OWN_BYTES: Final = 1 << 20
_MOST_ROWS: Final = 500
# The file, its rows, a row, its sources, a source.
_DEPTH: Final = 5
_SHORT: Final = frozenset({"id", "kind", "why"})
_HINT: Final = f"docs/ai-traces.md has the form of {OWN_FILE}"


def with_own(catalogue: Catalogue, data: bytes) -> Catalogue:
    """Lay a user's rows over the catalogue; nothing half-read is used."""
    table = _decode(data)
    if not isinstance(table, dict):
        raise BadInput(f"{OWN_FILE} is no object", hint=_HINT)
    check_members(table, frozenset({"v", "tools"}), OWN_FILE)
    version, rows = table.get("v"), table.get("tools")
    if version != 0 or isinstance(version, bool):
        raise BadInput(f"{OWN_FILE} is of version {version!r:.40}, want 0", hint=_HINT)
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        raise BadInput(f"{OWN_FILE}: tools is no list of at most {_MOST_ROWS} rows", hint=_HINT)
    tools = {tool.id: tool for tool in catalogue.tools}
    named: set[str] = set()
    for at, row in enumerate(rows):
        tool = _read(row, f"row {at} of {OWN_FILE}", tools)
        if tool.id in named:
            raise BadInput(f"{OWN_FILE} has two rows {tool.id}")
        named.add(tool.id)
        tools[tool.id] = tool
    # The user's rows last: their ids take the place of those that ship.
    ordered = sorted(tools.values(), key=lambda tool: tool.is_own)
    return make_catalogue(catalogue.version, ordered, sha256(data).hexdigest())


def _read(row: Json, where: str, tools: dict[str, Tool]) -> Tool:
    if isinstance(row, dict) and "why" in row:
        check_members(row, _SHORT, where)
        name = read_text(row, "id", where)
        if name not in tools:
            raise BadInput(
                f"{where}: there is no tool {name!r:.80} to change",
                hint="`stemproof tools list` names them",
            )
        kind = choose(row.get("kind"), [one.value for one in Kind], "kind", where)
        why = read_text(row, "why", where)
        return replace(tools[name], kind=Kind(kind), says=f"your own row: {why}", is_own=True)
    return parse_row(row, where, is_own=True)


def _decode(data: bytes) -> Json:
    if len(data) > MAX_OWN_BYTES:
        raise BadInput(f"{OWN_FILE} has {len(data)} bytes, want at most {MAX_OWN_BYTES}")
    if is_deeper(data, _DEPTH):
        raise BadInput(f"{OWN_FILE} is nested deeper than {_DEPTH} levels", hint=_HINT)
    try:
        value: Json = json.loads(
            data.decode(), object_pairs_hook=_once, parse_constant=_refuse, parse_float=_refuse
        )
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadInput(f"{OWN_FILE} is no JSON: {error}", hint=_HINT) from error
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: JSON, checked member by member
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member stands twice")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"a number {text[:40]} has no place in it")
