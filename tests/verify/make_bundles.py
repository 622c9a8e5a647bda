"""Make the vectors in tests/vectors/{bundle,container,claim,report}/.

    python -m tests.verify.make_bundles        (anvil must be installed: npm ci --omit=dev)

The bundles rest on blocks of a real anvil; digests that a claim's account signs are those
of eth_account. Run by hand when the format changes; the vectors are committed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.testnet.running import running_testnet
from tests.verify.altering import put_together, take_apart
from tests.verify.anvil_chain import AnvilChain
from tests.verify.madeup_chain import Order
from tests.verify.studio import OTHER_SONG, Person, Studio

from stemproof.claim.bundle import Bundle
from stemproof.claim.claim import Claim, claim_message, format_claim
from stemproof.claim.container import DEFLATED, STORED, format_container, pack_member

VECTORS = Path(__file__).parents[1] / "vectors"


@dataclass(frozen=True)
class Case:
    """A bundle, what the verifier trusts, and what it comes to."""

    name: str
    bundle: bytes
    verdict: str
    # The checks that say so; none where it is verified.
    checks: tuple[str, ...] = ()
    levels: tuple[tuple[str, str, str, int], ...] = ()


def make_cases(chain: AnvilChain) -> Iterator[Case]:
    """Make a song with a proved session, and what somebody could do to its bundle."""
    studio = Studio()
    studio.say("work.open", {"body": b'{"title":"another"}'}, work=OTHER_SONG)
    studio.anchor(chain)
    origin_id = hashlib.sha256(studio.origin.encode()).digest()
    order = Order(studio.person.account, origin_id, 0, b"")
    studio.say("work.open", {"body": b'{"title":"Song"}'})
    studio.open_session(chain.bound(order))
    studio.decide()
    studio.say("note.said", {"body": b"{}"}, stage="lyrics", observed="declared", tool="none")
    studio.anchor(chain)
    studio.decide("composition", "human")
    master = studio.record_audio("bounce/master.wav")
    studio.anchor(chain)
    bundle = studio.bundle(master)
    levels = (
        ("composition", "human", "E3", 1),
        ("lyrics", "unknown", "E0", 1),
        ("mixing", "human_with_tool", "E3", 1),
    )
    yield Case("song", studio.sealed(bundle), "verified", levels=levels)
    yield from _refused(studio, bundle)
    unknown = put_together(
        {**take_apart(studio.sealed(bundle)), "cover.png": b"unknown here"}, studio.person.sign
    )
    yield Case("with-unknown-member", unknown, "verified", levels=levels)
    excerpt = put_together(take_apart(studio.sealed(bundle)), studio.person.sign, profile="excerpt")
    yield Case("undecided-profile", excerpt, "undecided", ("bundle",))


def _refused(studio: Studio, bundle: Bundle) -> Iterator[Case]:
    part = bundle.logs[0]
    claim = studio.claim(*_audio(bundle))

    def case(name: str, changed: Bundle, check: str) -> Case:
        return Case(f"refused-{name}", studio.sealed(changed), "refuted", (check,))

    yield case("first-head-dropped", _with(bundle, heads=part.heads[1:]), "chain evidence")
    yield case("middle-head-dropped", _with(bundle, heads=part.heads[::2]), "chain evidence")
    yield case("last-event-dropped", _with(bundle, headers=part.headers[:-1]), "log")
    yield case("binding-not-opened", _with(bundle, own_openings=()), "log")
    other = replace(claim.report.stages[0], events=7)
    report = replace(claim.report, stages=(other, *claim.report.stages[1:]))
    lie = studio.person.sign_claim(replace(claim, report=report))
    yield case("counts-inflated", replace(bundle, signed=lie), "claim counts")
    thief = Person.called("thief").sign_claim(claim)
    yield case("claim-by-another", replace(bundle, signed=thief), "claim signatures")
    wrong = replace(claim.audio[0], work_seq=0)
    moved = studio.person.sign_claim(replace(claim, audio=(wrong,)))
    yield case("file-of-another-event", replace(bundle, signed=moved), "master")
    sealed = studio.sealed(bundle)
    stranger = put_together(take_apart(sealed), Person.called("thief").sign)
    yield Case("refused-sealed-by-another", stranger, "refuted", ("bundle signature",))
    yield Case("refused-byte-changed", _flipped(sealed), "refuted", ("bundle",))
    yield Case("refused-cut", sealed[:-1], "refuted", ("bundle",))


def _with(bundle: Bundle, **changes: Any) -> Bundle:  # any member of a log's part
    return replace(bundle, logs=(replace(bundle.logs[0], **changes),))


def _audio(bundle: Bundle) -> Any:  # the claim's own tuple
    from stemproof.claim.claim import parse_claim

    return parse_claim(bundle.signed.claim).audio


def _flipped(data: bytes) -> bytes:
    return data[:500] + bytes([data[500] ^ 1]) + data[501:]


def _write(check: str, name: str, vector: dict[str, Any]) -> None:
    folder = VECTORS / check
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(vector, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", "utf-8")


def write_bundles() -> None:
    """Write the vectors that rest on real blocks."""
    with tempfile.TemporaryDirectory() as folder, running_testnet(Path(folder)) as testnet:
        chain = AnvilChain(testnet)
        cases = list(make_cases(chain))
    song = json.loads(take_apart(cases[0].bundle)["log00/evidence.json"])
    from stemproof.evidence.keccak import keccak256

    block = keccak256(bytes.fromhex(song["header"])).hex()
    for case in cases:
        vector = {
            "bundle": base64.b64encode(case.bundle).decode(),
            "trust": {
                "blocks": [{"chain": chain.chain_id, "hash": block}],
                "contracts": [{"address": chain.contract.hex(), "chain": chain.chain_id}],
                "identities": [],
                "v": 0,
            },
            "verdict": case.verdict,
            "checks": list(case.checks),
            "levels": [list(each) for each in case.levels],
        }
        _write("bundle", case.name, vector)


def write_containers() -> None:
    """Write archives that are read, and archives that are not."""
    files = {"claim.json": b"{}", "log00/heads.json": b"[]", "notes.txt": b"text " * 9}
    for name, method in (("stored", STORED), ("deflated", DEFLATED)):
        members = {each: pack_member(each, data, method=method) for each, data in files.items()}
        data = format_container(members)
        listed = {each: content.hex() for each, content in files.items()}
        _write("container", name, {"archive": data.hex(), "members": listed})
    refused = {
        "comment": data[:-2] + b"\x01\x00x",
        "trailing-byte": data + b"\0",
        "leading-byte": b"\0" + data,
        "name-with-dots": data.replace(b"notes.txt", b"notes..tx"),
        "name-in-capitals": data.replace(b"notes.txt", b"Notes.txt"),
        "time-not-zero": data.replace(b"\x21\x00", b"\x22\x00"),
        "encrypted-flag": data.replace(b"\x14\x00\x00\x00", b"\x14\x00\x01\x00"),
        "empty": b"PK\x05\x06" + bytes(18),
        "cut": data[:-22],
    }
    for name, archive in refused.items():
        _write("container", f"refused-{name}", {"archive": archive.hex()})


def write_claims() -> None:
    """Write claims with the digests that their keys sign."""
    from tests.verify.studio import SONG, make_scene

    from stemproof.claim.report import make_report
    from stemproof.record.event import parse_header

    scene = make_scene()
    claim = scene.studio.claim(scene.master)
    bare = replace(claim, audio=(), credits=(), identifiers=())
    for name, each in (("song", claim), ("bare", bare)):
        data = format_claim(each)
        _write(
            "claim",
            name,
            {
                "claim": data.decode(),
                "identity_message": claim_message(data).hex(),
                "account_digest": _typed_digest(each, data),
            },
        )
    text = format_claim(claim).decode()
    refused = {
        "newer-format": text.replace('"v":0', '"v":1'),
        "unknown-member": text.replace('"v":0', '"v":0,"w":0'),
        "not-canonical": text.replace(',"v":0', ', "v":0'),
        "another-role": text.replace('"role":"master"', '"role":"mix"'),
        "number-as-text": text.replace('"bytes":4096', '"bytes":"4096"'),
        "negative": text.replace('"bytes":4096', '"bytes":-1'),
        "fraction": text.replace('"bytes":4096', '"bytes":4096.0'),
        "capitals": text.replace(claim.identity, claim.identity.upper()),
    }
    for name, changed in refused.items():
        assert changed != text, name
        kind = "Undecided" if name == "newer-format" else "Malformed"
        _write("claim", f"refused-{name}", {"claim": changed, "kind": kind})
    headers = scene.studio.trees[SONG]
    report = make_report([[parse_header(data) for data in headers]])
    found = json.loads(format_claim(replace(claim, report=report)))
    vector = {
        "logs": [[data.decode() for data in headers]],
        "stages": found["stages"],
        "coverage": found["coverage"],
    }
    _write("report", "song", vector)
    _write_watch()


def _write_watch() -> None:
    """Write a report of a watched evening, whose sums are worked out by hand."""
    studio = Studio()
    for action, time in (
        ("watch.open", "20:00:00.000"),
        ("session.found", "20:00:10.000"),
        ("session.saved", "20:10:00.500"),
        ("watch.beat", "20:15:00.000"),
        ("session.jumped", "20:14:00.000"),
        ("watch.close", "20:30:00.250"),
        ("session.received", "21:00:00.000"),
        ("watch.beat", "22:00:00.000"),
        ("watch.pause", "22:00:01.000"),
        ("session.unreadable", "23:00:00.000"),
    ):
        values = {"body": b"{}"}
        if action.startswith("session.") and action != "session.unreadable":
            values["after"] = bytes(32)
        studio.say(action, values, time=f"2027-01-15T{time}Z")
    from tests.verify.studio import SONG

    coverage = {
        "seen": 1,
        "jumped": 1,
        "found": 1,
        "received": 1,
        "unreadable": 1,
        # 20:00:00 to 20:15:00, to 20:30:00.25; then 22:00:00 to 22:00:01.
        "watched_ms": 1_801_250,
        # 20:00:10 to 21:00:00.
        "span_ms": 3_590_000,
        "clock_jumps": 1,
    }
    listed = [data.decode() for data in studio.trees[SONG]]
    _write("report", "watched", {"logs": [listed], "stages": [], "coverage": coverage})


def _typed_digest(claim: Claim, data: bytes) -> str:
    from eth_account.messages import encode_typed_data
    from eth_utils.crypto import keccak

    types = [("title", "string"), ("work", "bytes32"), ("digest", "bytes32")]
    message = encode_typed_data(
        {"name": "stemproof", "version": "0"},
        {"Claim": [{"name": name, "type": kind} for name, kind in types]},
        {
            "title": claim.title,
            "work": bytes.fromhex(claim.work).rjust(32, b"\0"),
            "digest": hashlib.sha256(data).digest(),
        },
    )
    digest: bytes = keccak(b"\x19" + message.version + message.header + message.body)
    return digest.hex()


if __name__ == "__main__":
    write_containers()
    write_claims()
    write_bundles()
