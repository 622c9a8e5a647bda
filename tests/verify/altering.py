"""Taking bundles apart, altering one thing, and putting them together again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stemproof.claim.bundle import manifest_message
from stemproof.claim.container import STORED, format_container, pack_member, parse_container
from stemproof.claim.container import unpack_member as unpack
from stemproof.errors import StemproofError
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.verify.bundle import Verdict, verify_bundle
from stemproof.verify.trust import Trust

Members = dict[str, bytes]
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Altered:
    """One thing changed: where, and the member's bytes after it."""

    where: str
    member: str
    data: bytes


def take_apart(bundle: bytes) -> Members:
    """Give a bundle's members, unpacked, without manifest and signature."""
    found = {name: unpack(member) for name, member in parse_container(bundle).items()}
    return {name: data for name, data in found.items() if not name.startswith("manifest.")}


def signature_of(bundle: bytes) -> bytes:
    """Give the signature under a bundle's manifest."""
    return unpack(parse_container(bundle)["manifest.sig"])


def put_together(members: Members, sign: Sign, *, profile: str = "full") -> bytes:
    """Write a bundle of any members, with a manifest that fits them."""
    import hashlib

    packed = {name: pack_member(name, data) for name, data in members.items()}
    parts: dict[str, Json] = {
        name: {
            "bytes": member.size,
            "method": member.method,
            "sha256": hashlib.sha256(member.packed).hexdigest(),
        }
        for name, member in packed.items()
    }
    manifest = canonical_bytes({"kind": "bundle", "parts": parts, "profile": profile, "v": 0})
    return with_manifest(members, manifest, sign)


def with_manifest(members: Members, manifest: bytes, sign: Sign) -> bytes:
    """Write a bundle under any manifest."""
    packed = {name: pack_member(name, data) for name, data in members.items()}
    for name, data in (
        ("manifest.json", manifest),
        ("manifest.sig", sign(manifest_message(manifest))),
    ):
        packed[name] = pack_member(name, data, method=STORED)
    return format_container(packed)


def alterations(member: str, data: bytes) -> Iterator[Altered]:
    """Alter every value of a member's JSON, one at a time; lines are taken one by one."""
    is_lines = member.endswith((".headers", ".openings"))
    lines = data[:-1].split(b"\n") if is_lines else [data]
    for number, line in enumerate(lines):
        for where, value in altered_values(json.loads(line)):
            changed = [*lines[:number], encode(value), *lines[number + 1 :]]
            whole = b"".join(each + b"\n" for each in changed) if is_lines else changed[0]
            yield Altered(f"{member}:{number}{where}", member, whole)


def altered_values(value: Json) -> Iterator[tuple[str, Json]]:
    """Give every value that differs in one place, with the place's name."""
    match value:
        case dict():
            for name, item in value.items():
                for where, changed in altered_values(item):
                    yield f".{name}{where}", {**value, name: changed}
                yield f".{name} gone", {each: value[each] for each in value if each != name}
            yield " one more", {**value, "zz": 0}
        case list():
            for place, item in enumerate(value):
                for where, changed in altered_values(item):
                    yield f"[{place}]{where}", [*value[:place], changed, *value[place + 1 :]]
                yield f"[{place}] gone", [*value[:place], *value[place + 1 :]]
                yield f"[{place}] twice", [*value[: place + 1], *value[place:]]
            if value[::-1] != value:
                yield " reversed", value[::-1]
        case bool():
            yield " flipped", not value
        case int():
            yield from ((f"={other}", other) for other in (value + 1, value - 1, 2**53 - 1))
            yield " as text", str(value)
        case str():
            yield from ((f" {name}", other) for name, other in altered_texts(value))
        case None:
            yield " was null", 0


def altered_texts(text: str) -> Iterator[tuple[str, str]]:
    """Give a text with its first, middle or last character another, longer, shorter, empty."""
    for place in sorted({0, len(text) // 2, len(text) - 1} if text else ()):
        other = "1" if text[place] != "1" else "2"
        yield f"char {place}", text[:place] + other + text[place + 1 :]
    yield "longer", text + "0"
    if text:
        yield "shorter", text[:-1]
        yield "empty", ""
    if text.upper() != text:
        yield "in capitals", text.upper()


def encode(value: Json) -> bytes:
    """Write canonical JSON, whatever it says."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def judge(data: bytes, trust: Trust) -> Verdict:
    """Verify; an error that gets out is a failure of the verifier, even one of ours."""
    try:
        return verify_bundle(data, trust)
    except StemproofError as error:
        raise AssertionError(f"verify_bundle raised {error!r}") from error
