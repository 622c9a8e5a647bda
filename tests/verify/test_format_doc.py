"""docs/format.md says what the code does: words, members, bounds; and claims nothing too much."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stemproof.claim import bundle, container, logpart
from stemproof.claim.claim import MAX_ITEMS, ROLES, Audio
from stemproof.claim.report import Coverage
from stemproof.keys.account import STATEMENT_TYPES
from stemproof.record import vocabulary
from stemproof.record.commitment import DOMAIN, FIELDS
from stemproof.record.event import MAX_HEADER_BYTES
from stemproof.verify.bounds import MAX_ASKED
from stemproof.verify.levels import LEVELS
from stemproof.verify.logs import MAX_ROTATIONS
from stemproof.verify.trust import REHEARSAL_CHAINS
from stemproof.verify.verdict import EXIT_CODES

DOCS = Path(__file__).parents[2] / "docs"
FORMAT = (DOCS / "format.md").read_text("utf-8")
THREATS = (DOCS / "threat-model.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ("stage", vocabulary.STAGES),
        ("class", vocabulary.CLASSES),
        ("observed", vocabulary.OBSERVED),
        ("actor", vocabulary.ACTORS),
        ("tool", vocabulary.TOOLS),
    ],
)
def test_the_closed_lists_are_those_of_the_code_in_order(
    member: str, words: tuple[str, ...]
) -> None:
    row = re.search(rf"^\| `{member}` \| (`[a-z_` ]+`) \|$", FORMAT, re.MULTILINE)
    assert row is not None
    assert tuple(row[1].replace("`", "").split()) == words


def test_every_action_that_is_written_is_described() -> None:
    missing = [action for action in vocabulary.ACTIONS if f"`{action}`" not in FORMAT]
    assert missing == []


def test_every_member_and_field_is_described() -> None:
    names = {*FIELDS, *Coverage.__dataclass_fields__, *Audio.__dataclass_fields__, *ROLES}
    names |= {"own_size", "own_proof", "work_size", "work_proof", "parent_hash", "publisher"}
    missing = [name for name in names if f"`{name}`" not in FORMAT and f'"{name}"' not in FORMAT]
    assert missing == []
    for name in bundle.LOG_MEMBERS:
        assert f"`logNN/{name}`" in FORMAT


def test_domains_and_types_are_those_of_the_code() -> None:
    assert f'"{DOMAIN.decode()}"' in FORMAT
    assert f'"{bundle.BUNDLE_DOMAIN.decode().strip()}" || 0x0A' in FORMAT
    assert '"stemproof/v0/claim" || 0x0A' in FORMAT
    members = ",".join(f"{kind} {name}" for name, kind in STATEMENT_TYPES["Claim"])
    assert f"Claim({members})" in FORMAT


@pytest.mark.parametrize(
    "text",
    [
        f"at most {MAX_HEADER_BYTES:,} bytes",
        f"at most {MAX_ITEMS:,} items",
        f"1 to {container.MAX_MEMBERS} of them",
        f"unpacked {container.MAX_TOTAL_BYTES >> 20} MiB",
        f"one member {container.MAX_MEMBER_BYTES >> 20} MiB",
        f"at most {container.MAX_RATIO} times its packed bytes",
        f"1 to {logpart.MAX_HEADS:,} heads",
        f"**Heads.** At most {logpart.MAX_HEADS_BYTES >> 20} MiB",
        f"fewer than {logpart.MIN_HEADER_BYTES} bytes for each line",
        f"fewer than {logpart.MIN_OPENING_BYTES} bytes for each line",
        f"at most {logpart.MAX_OPENING_BYTES >> 20} MiB each",
        f"at most `log{bundle.MAX_LOGS - 1:02d}`",
        f"**Manifest.** At most {bundle.MAX_MANIFEST_BYTES >> 10} KiB",
        f"There are at most {MAX_ROTATIONS:,} of them",
        f"at most {MAX_ASKED} are asked of nodes",
        "Chain ids " + " and ".join(str(chain) for chain in sorted(REHEARSAL_CHAINS, reverse=True)),
    ],
)
def test_a_bound_is_that_of_the_code(text: str) -> None:
    assert text in FORMAT


def test_exit_codes_and_levels_are_those_of_the_code() -> None:
    for state, code in EXIT_CODES.items():
        assert f"| {code} | {state} |" in FORMAT
    for level in LEVELS:
        assert f"| {level} | " in FORMAT


def test_every_link_leads_somewhere() -> None:
    for text in (FORMAT, THREATS):
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert (DOCS / target).is_file(), target


def test_nothing_is_promised_that_cannot_be_shown() -> None:
    for words in ("tamper-proof", "100 %", "100%", "guarantee", "certified", "exclusiv"):
        assert words not in (FORMAT + THREATS).lower(), words
