"""Rows of the catalogue: what a tool is, by which ids and names it is known, and who says so.

    {"id": "izotope-ozone-8", "vendor": "iZotope", "product": "Ozone 8", "form": "plugin",
     "kind": "assist", "stage": "mastering", "role": "MasteringEngineer",
     "names": ["Ozone 8"], "ids": {"vst2": ["ZnO8"]}, "says": "...", "confidence": "high",
     "sources": [{"of": "capability", "url": "https://...", "read": "2026-11-22"}]}

The form is catalogue.schema.json; a row that has another form is refused, in our table and in a
user's. Ids that nobody read stay out.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from stemproof.errors import BadInput
from stemproof.record.canonical import Json
from stemproof.record.roles import stages_by_role
from stemproof.record.vocabulary import STAGES

from .words import MAX_NAME, split_words


class Kind(enum.StrEnum):
    """What a tool does with the music."""

    GEN = "gen"  # makes notes, sound or a voice that was not there
    ASSIST = "assist"  # listens and proposes or sets settings
    ADAPT = "adapt"  # a trained model works on the sound as it passes
    SEP = "sep"  # takes a mix apart
    NO = "no"  # often taken for AI, and is not


class Confidence(enum.StrEnum):
    """How well the sources carry the row."""

    HIGH = "high"  # the maker says it
    MEDIUM = "medium"  # others who looked at it say it
    LOW = "low"  # one source, in passing


FORMS: Final = ("plugin", "feature", "program", "service", "library")
ID_KINDS: Final = ("vst2", "vst3", "au", "clap", "lv2", "native")
_SOURCES_OF: Final = ("capability", "ids")
_MAX_TEXT: Final = 500
_MOST_NAMES: Final = 40
_ROW_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+){0,9}")
_SPELLING: Final[Mapping[str, re.Pattern[str]]] = {
    "vst2": re.compile(r"[\x20-\x7e]{4}"),
    "vst3": re.compile(r"[0-9A-F]{32}"),
    "au": re.compile(r"[\x20-\x7e]{4} [\x20-\x7e]{4} [\x20-\x7e]{4}"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """What was read, and when."""

    of: str
    url: str
    read: date


@dataclass(frozen=True, slots=True)
class Tool:
    """One row."""

    id: str
    vendor: str
    product: str
    form: str
    kind: Kind
    stage: str
    role: str
    names: tuple[str, ...]
    ids: tuple[tuple[str, str], ...]
    says: str
    confidence: Confidence
    sources: tuple[Source, ...]
    # The name is known without its vendor, as where a format stores none.
    is_known_alone: bool = False
    # The user's own row, or one that the user changed.
    is_own: bool = False

    @property
    def title(self) -> str:
        """Vendor and product, as people say it."""
        is_said = split_words(self.product)[:1] == split_words(self.vendor)[:1]
        return self.product if is_said or not self.vendor else f"{self.vendor} {self.product}"

    @property
    def is_ai_capable(self) -> bool:
        """Whether it is more than a false suspect."""
        return self.kind is not Kind.NO

    def as_json(self) -> dict[str, Json]:
        """Give the row as one object."""
        ids: dict[str, list[Json]] = {}
        for kind, value in self.ids:
            ids.setdefault(kind, []).append(value)
        return {
            "id": self.id,
            "vendor": self.vendor,
            "product": self.product,
            "form": self.form,
            "kind": self.kind.value,
            "stage": self.stage,
            "role": self.role,
            "names": list(self.names),
            "ids": {kind: list(values) for kind, values in ids.items()},
            "says": self.says,
            "confidence": self.confidence.value,
            "sources": [
                {"of": one.of, "url": one.url, "read": one.read.isoformat()} for one in self.sources
            ],
            "alone": self.is_known_alone,
            "own": self.is_own,
        }


_REQUIRED: Final = ("id", "vendor", "product", "form", "kind", "stage", "role", "says")
_SHIPPED: Final = frozenset({*_REQUIRED, "names", "ids", "confidence", "sources", "alone"})


def parse_row(row: Json, where: str, *, is_own: bool = False) -> Tool:
    """Read one row strictly; `where` begins the sentence of a refusal.

    A user's own row needs no sources: the user is the source, and is named as such.
    """
    if not isinstance(row, dict):
        raise BadInput(f"{where} is no object")
    check_members(row, _SHIPPED, where)
    texts = {name: read_text(row, name, where) for name in _REQUIRED}
    if not _ROW_ID.fullmatch(texts["id"]):
        raise BadInput(f"{where}: id is {texts['id']!r:.80}, want small letters, digits and -")
    where = f"{where} ({texts['id']})"
    kind = choose(texts["kind"], [k.value for k in Kind], "kind", where)
    stage = choose(texts["stage"], STAGES, "stage", where)
    if texts["role"] and texts["role"] not in stages_by_role():
        raise BadInput(
            f"{where}: role is {texts['role']!r:.80}, want a code of DDEX RIN or nothing"
        )
    confidence = Confidence.LOW.value if is_own else None
    named = row.get("confidence", confidence)
    sources = _read_sources(row.get("sources", []), where)
    # What is no suspect any more need not have been described by anybody.
    said = [one for one in sources if one.of == "capability" or kind == Kind.NO.value]
    if not is_own and not said:
        raise BadInput(f"{where}: no source says what it does")
    ids = _read_ids(row.get("ids", {}), where)
    if not is_own and ids and not any(one.of == "ids" for one in sources):
        raise BadInput(f"{where}: no source of its ids")
    return Tool(
        id=texts["id"],
        vendor=texts["vendor"],
        product=texts["product"],
        form=choose(texts["form"], FORMS, "form", where),
        kind=Kind(kind),
        stage=stage,
        role=texts["role"],
        names=_read_names(row.get("names", []), where),
        ids=ids,
        says=texts["says"],
        confidence=Confidence(choose(named, [c.value for c in Confidence], "confidence", where)),
        sources=sources,
        is_known_alone=_read_flag(row.get("alone", False), where),
        is_own=is_own,
    )


def check_members(row: Mapping[str, Json], known: frozenset[str], where: str) -> None:
    """Refuse members that no version of the form has."""
    for name in sorted(row.keys() - known):
        raise BadInput(f"{where} has a member {name!r:.60} that is not known")


def choose(value: Json, among: Sequence[str], name: str, where: str) -> str:
    """Take one of some words."""
    if not isinstance(value, str) or value not in among:
        raise BadInput(f"{where}: {name} is {value!r:.60}, want one of {', '.join(among)}")
    return value


def read_text(row: Mapping[str, Json], name: str, where: str) -> str:
    """Take a printable text."""
    value = row.get(name)
    if not isinstance(value, str) or len(value) > _MAX_TEXT or not value.isprintable():
        raise BadInput(
            f"{where}: {name} is {value!r:.60}, want printable text of at most {_MAX_TEXT}"
            " characters"
        )
    return value


def _read_names(value: Json, where: str) -> tuple[str, ...]:
    names = _read_list(value, "names", where)
    for name in names:
        if not split_words(name) or len(name) > MAX_NAME:
            raise BadInput(f"{where}: the name {name!r:.60} has no word in it")
        if "*" in name.removesuffix(" *"):
            raise BadInput(f"{where}: the name {name!r:.60} has a * elsewhere than at its end")
    return names


def _read_ids(value: Json, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise BadInput(f"{where}: ids is {value!r:.60}, want an object")
    check_members(value, frozenset(ID_KINDS), f"{where}: ids")
    found = []
    for kind, listed in value.items():
        for one in _read_list(listed, f"ids of {kind}", where):
            spelling = _SPELLING.get(kind)
            if spelling is not None and not spelling.fullmatch(one):
                raise BadInput(f"{where}: {one!r:.60} is not spelt as an id of {kind}")
            found.append((kind, one))
    return tuple(found)


def _read_list(value: Json, name: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES:
        raise BadInput(f"{where}: {name} is no list of at most {_MOST_NAMES}")
    return tuple(read_text({"one": item}, "one", f"{where}: {name}") for item in value)


def _read_sources(value: Json, where: str) -> tuple[Source, ...]:
    if not isinstance(value, list) or len(value) > _MOST_NAMES:
        raise BadInput(f"{where}: sources is no list of at most {_MOST_NAMES}")
    found = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != {"of", "url", "read"}:
            raise BadInput(f"{where}: a source has not just the members of, url and read")
        url = read_text(item, "url", where)
        if not url.startswith(("https://", "http://")):
            raise BadInput(f"{where}: {url!r:.80} is no address")
        day = read_text(item, "read", where)
        try:
            read = date.fromisoformat(day)
        except ValueError as error:
            raise BadInput(f"{where}: {day!r:.40} is no day") from error
        if read.isoformat() != day:
            raise BadInput(f"{where}: {day!r:.40} is not spelt YYYY-MM-DD")
        found.append(Source(choose(item["of"], _SOURCES_OF, "of", where), url, read))
    return tuple(found)


def _read_flag(value: Json, where: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{where}: alone is {value!r:.60}, want true or false")
    return value
