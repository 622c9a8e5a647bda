"""Write the vectors of events, commitments and canonical JSON under tests/vectors/.

Run as `python -m tests.record.make_vectors` in the repository's root. Everything is spelt by
naive.py; nothing of the package is used. One failure a file; JSON as text where it is text, in
base64 where it is any bytes, hashes in hex.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

from tests.record import naive

VECTORS = Path(__file__).parent.parent / "vectors"
WORK, SESSION = "0123456789abcdef" * 2, "fedcba9876543210" * 2
ORIGIN = "stemproof/" + "0a" * 16 + "/" + "1b" * 16
SALT, VALUE = bytes(range(16)), b'{"text":"Lead vocal: volume 3 dB lower"}'
BODY = naive.commitment("body", SALT, VALUE)
FIRST: dict[str, naive.Value] = {
    "action": "decision.param",
    "actor": "author",
    "class": "human_with_tool",
    "commit": {"body": BODY},
    "observed": "tool",
    "origin": ORIGIN,
    "prev": "",
    "session": SESSION,
    "stage": "mixing",
    "time": "2026-11-22T03:12:00.123Z",
    "tool": "daw",
    "v": 0,
    "work": WORK,
    "work_seq": 0,
}
NEXT = {**FIRST, "prev": naive.leaf(naive.spell(FIRST).encode()), "work_seq": 1}
FIELDS = ("body", "audio", "fingerprint", "prompt", "lyrics", "before", "after")
EVERY: dict[str, naive.Value] = {
    **NEXT,
    "commit": {name: naive.commitment(name, SALT, VALUE) for name in FIELDS},
}

Case = tuple[str, dict[str, object], str, str]
"""Name of the file, what it holds, kind of refusal ("" = ok), why."""


def write_all(vectors: Path) -> None:
    """Write every case below a folder."""
    for check, cases in (
        ("event", event()),
        ("commitment", commitment()),
        ("canonical", canonical()),
    ):
        (vectors / check).mkdir(parents=True, exist_ok=True)
        for name, holds, kind, why in cases:
            want = {"want": "refused", "kind": kind} if kind else {"want": "ok"}
            text = json.dumps({**holds, **want, "why": why}, indent=1, ensure_ascii=True)
            (vectors / check / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def event() -> list[Case]:
    """Headers: those that are leaves, and each member as it must not be."""
    good = naive.spell(NEXT)

    def ok(name: str, header: dict[str, naive.Value], why: str) -> Case:
        text = naive.spell(header)
        return name, {"header": text, "leaf": naive.leaf(text.encode())}, "", why

    def bad(name: str, member: str, value: naive.Value, why: str, kind: str = "malformed") -> Case:
        return name, {"header": naive.spell({**NEXT, member: value})}, kind, why

    def spelt(name: str, text: str, why: str) -> Case:
        return name, {"header": text}, "malformed", why

    missing = naive.spell({name: value for name, value in NEXT.items() if name != "session"})
    return [
        ok("ok-first", FIRST, "the first event of a work has no event before it"),
        ok("ok-next", NEXT, "the next one holds the leaf hash of the first"),
        ok("ok-every-commitment", EVERY, "all seven commitments"),
        ok("ok-no-session", {**NEXT, "session": ""}, "outside a working session"),
        ok("ok-unknown-action", {**NEXT, "action": "later.word"}, "an action nobody knows yet"),
        bad("action-one-word", "action", "decision", "an action has a dot"),
        bad("action-capital", "action", "Decision.param", "lower case only"),
        bad("action-long", "action", "a" * 20 + ".b" * 23, "at most 64 characters"),
        bad("actor-name", "actor", "Ada", "a header names no person"),
        bad("class-spelling", "class", "human with tool", "one of the seven classes"),
        bad("class-number", "class", 1, "a string"),
        bad("commit-empty", "commit", {}, "every event commits to a body"),
        bad("commit-list", "commit", [BODY], "an object"),
        bad("commit-no-body", "commit", {"audio": BODY}, "every event commits to a body"),
        bad("commit-unknown", "commit", {"body": BODY, "title": BODY}, "one of the seven fields"),
        bad("commit-capitals", "commit", {"body": BODY.upper()}, "lower-case hex"),
        bad("commit-short", "commit", {"body": BODY[:-2]}, "32 bytes"),
        bad("commit-null", "commit", {"body": None}, "a string"),
        bad("observed-unknown", "observed", "seen", "declared, tool or hardware"),
        bad("origin-of-another", "origin", "sum.example/" + "0a" * 16, "begins with stemproof/"),
        bad("origin-newline", "origin", ORIGIN + "\n", "nothing after the device"),
        bad("prev-empty", "prev", "", "only the first event has none"),
        bad("prev-short", "prev", "ab" * 31, "32 bytes"),
        bad("prev-number", "prev", 0, "a string"),
        bad("session-short", "session", "ab", "16 bytes or empty"),
        bad("stage-spelling", "stage", "Mixing", "one of the stages"),
        bad("time-no-milliseconds", "time", "2026-11-22T03:12:00Z", "three digits after the dot"),
        bad("time-offset", "time", "2026-11-22T03:12:00.123+01:00", "UTC, written Z"),
        bad("time-no-such-day", "time", "2026-02-30T03:12:00.123Z", "February has 28 days"),
        bad("time-hour-24", "time", "2026-11-22T24:00:00.000Z", "midnight is 00:00"),
        bad("time-leap-second", "time", "2026-11-22T23:59:60.000Z", "no leap seconds"),
        bad("time-other-digits", "time", "2026-11-22T03:12:00.12\u0663Z", "ASCII digits"),
        bad("tool-name", "tool", "REAPER", "a kind of tool, not its name"),
        bad("version-newer", "v", 1, "a newer program may know it", "undecided"),
        bad("version-negative", "v", -1, "version 0"),
        bad("version-true", "v", True, "a number, though Python takes True for 1"),
        bad("version-text", "v", "0", "a number"),
        bad("work-capitals", "work", WORK.upper(), "lower-case hex"),
        bad("work-short", "work", WORK[:-1], "16 bytes"),
        bad("work-seq-negative", "work_seq", -1, "counts from 0"),
        bad("work-seq-beyond", "work_seq", 2**53, "beyond what a double holds"),
        bad("work-seq-text", "work_seq", "1", "a number"),
        bad("work-seq-true", "work_seq", True, "a number"),
        bad("member-extra", "note", "", "exactly the members of the format"),
        bad("long", "note", "x" * 2048, "at most 2048 bytes"),
        ("first-with-prev", {"header": naive.spell({**NEXT, "work_seq": 0})}, "malformed",
         "the first event has no event before it"),
        spelt("member-missing", missing, "exactly the members of the format"),
        spelt("member-twice", good[:-1] + ',"work_seq":1}', "no key twice"),
        spelt("space", good.replace(":", ": ", 1), "no space between tokens"),
        spelt("newline-after", good + "\n", "nothing after the object"),
        spelt("order", '{"v":0,' + good[1:].replace('"v":0,', ""), "keys in order"),
        spelt("escaped", good.replace("mixing", "mi\\u0078ing"), "no escape without need"),
        spelt("work-seq-fraction", good.replace('"work_seq":1', '"work_seq":1.0'), "no fraction"),
        spelt("work-seq-exponent", good.replace('"work_seq":1', '"work_seq":1e0'), "no exponent"),
        spelt("work-seq-nan", good.replace('"work_seq":1', '"work_seq":NaN'), "not JSON"),
        spelt("version-newer-with-space", naive.spell({**NEXT, "v": 1}) + " ",
              "a newer version too has one spelling"),
        spelt("array", "[" + good + "]", "an object"),
        spelt("empty", "", "an object"),
        spelt("cut", good[:-1], "the closing brace"),
    ]  # fmt: skip


def commitment() -> list[Case]:
    """Openings: one of each field that opens, and how each part may be another."""

    def case(name: str, kind: str, why: str, **changes: str) -> Case:
        holds: dict[str, object] = {
            "field": "body",
            "salt": SALT.hex(),
            "value": VALUE.hex(),
            "commitment": BODY,
            **changes,
        }
        return name, holds, kind, why

    cases = [
        case(f"ok-{name}", "", "opens", field=name, commitment=naive.commitment(name, SALT, VALUE))
        for name in FIELDS
    ]
    empty = naive.commitment("body", SALT, b"")
    cases.append(case("ok-empty", "", "no bytes at all", value="", commitment=empty))
    for name in FIELDS:
        other = FIELDS[FIELDS.index(name) - 1]
        good = naive.commitment(name, SALT, VALUE)
        cases += [
            case(f"{name}-as-{other}", "refuted", "of another field", field=other, commitment=good),
            case(f"{name}-value", "refuted", "one byte more", field=name, commitment=good,
                 value=VALUE.hex() + "00"),
            case(f"{name}-salt", "refuted", "another salt", field=name, commitment=good,
                 salt=bytes(16).hex()),
        ]  # fmt: skip
    shifted = {"salt": (SALT[1:] + VALUE[:1]).hex(), "value": VALUE[1:].hex()}
    return [
        *cases,
        case("salt-into-value", "refuted", "the border between salt and value", **shifted),
        case("salt-short", "malformed", "16 bytes", salt=SALT[:-1].hex()),
        case("salt-long", "malformed", "16 bytes", salt=SALT.hex() + "00"),
        case("salt-none", "malformed", "16 bytes", salt=""),
        case("field-unknown", "malformed", "one of the seven fields", field="title"),
        case("field-empty", "malformed", "one of the seven fields", field=""),
        case("field-capital", "malformed", "one of the seven fields", field="Body"),
        case("commitment-capitals", "refuted", "lower-case hex", commitment=BODY.upper()),
        case("commitment-short", "refuted", "32 bytes", commitment=BODY[:-2]),
        case("commitment-flipped", "refuted", "another one", commitment=BODY[:-1] + "f"),
    ]


def canonical() -> list[Case]:
    """JSON in its one spelling, and near it."""

    def raw(name: str, data: bytes, kind: str, why: str) -> Case:
        return name, {"data": base64.b64encode(data).decode("ascii")}, kind, why

    def ok(name: str, value: naive.Value, why: str) -> Case:
        return raw(name, naive.spell(value).encode(), "", why)

    def bad(name: str, text: str, why: str) -> Case:
        return raw(name, text.encode(), "malformed", why)

    nested: naive.Value = []
    for _ in range(31):
        nested = [nested]
    return [
        ok("ok-literals", [None, True, False, "", {}, []], "all kinds"),
        ok("ok-controls", "".join(map(chr, range(128))) + "\u2028\u00e9\U0001f3b5", "escapes"),
        ok("ok-integers", [0, 1, -1, 2**53 - 1, 1 - 2**53], "the range of whole doubles"),
        ok("ok-order", {"b": 1, "a": 2, "A": 3, "aa": 4, "": 5, "10": 6, "1": 7}, "keys in order"),
        ok("ok-nested", nested, "32 levels"),
        bad("nested-deeper", naive.spell([nested]), "33 levels"),
        bad("nested-far", "[" * 100_000, "far deeper than any stack"),
        bad("nested-far-objects", '{"a":' * 100_000, "far deeper than any stack"),
        bad("key-twice", '{"a":1,"a":1}', "no key twice"),
        bad("keys-unordered", '{"b":1,"a":1}', "keys in order"),
        bad("key-not-ascii", '{"\u00e9":1}', "ASCII keys"),
        bad("space-before", " 1", "no space"),
        bad("space-inside", "[1, 2]", "no space"),
        bad("space-after", "1\n", "no space"),
        bad("mark-before", "\ufeff1", "no byte order mark"),
        bad("two-values", "1 2", "one value"),
        bad("fraction", "1.5", "no fraction"),
        bad("fraction-zero", "1.0", "no fraction"),
        bad("exponent", "1e3", "no exponent"),
        bad("zero-negative", "-0", "0 has no sign"),
        bad("zero-leading", "01", "no leading zero"),
        bad("plus", "+1", "no sign"),
        bad("integer-beyond", "9007199254740992", "2**53"),
        bad("integer-beyond-negative", "-9007199254740992", "-2**53"),
        bad("integer-huge", "1" * 10_000, "far beyond"),
        bad("not-a-number", "NaN", "not JSON"),
        bad("infinity", "-Infinity", "not JSON"),
        bad("surrogate-alone", '"\\ud800"', "no character"),
        bad("surrogate-key", '{"\\udfff":1}', "no character"),
        bad("escape-needless", '"\\u0041"', "no escape without need"),
        bad("escape-solidus", '"\\/"', "no escape without need"),
        bad("escape-capitals", '"\\u001F"', "lower-case hex"),
        bad("escape-long", '"\\u000a"', "the short escape"),
        bad("control-raw", '"\n"', "controls are escaped"),
        bad("quotes-single", "'a'", "not JSON"),
        bad("comma-last", "[1,]", "not JSON"),
        bad("comment", "[1/**/]", "not JSON"),
        bad("nothing", "", "not JSON"),
        bad("cut", '{"a":', "not JSON"),
        raw("bytes-not-utf8", b'"\xff"', "malformed", "not UTF-8"),
        raw("bytes-overlong", b'"\xc0\xaf"', "malformed", "not UTF-8"),
        raw("bytes-surrogate", b'"\xed\xa0\x80"', "malformed", "not UTF-8"),
        raw("utf-16", '"a"'.encode("utf-16"), "malformed", "not UTF-8"),
    ]


if __name__ == "__main__":
    write_all(VECTORS)
