"""Make the vectors in tests/vectors/stamps/: bundles that timestamps date, and what they come to.

    python -m tests.verify.make_stamped        (openssl must be installed)

Run by hand when the format changes; the vectors are committed. `now` is the moment at which
they are verified: certificates end.
"""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from tests.evidence.local_calendar import Calendar, easy_header
from tests.evidence.local_tsa import DAY, Tsa, Wish, make_tsa, with_certificates
from tests.verify.stamped import Witnesses, heavy_proof, notes_of, with_stamps, without_chain
from tests.verify.studio import Scene, make_scene

from stemproof.claim.bundle import Bundle
from stemproof.claim.stamps import RFC3161, Stamp
from stemproof.evidence.rfc3161 import parse_token, tidy_token

VECTORS = Path(__file__).parents[1] / "vectors" / "stamps"


STAMP = "timestamp"
BITCOIN: dict[str, Any] = {"policy": {"need": 1, "of": ["ots"]}}
CHAIN: dict[str, Any] = {"policy": {"need": 1, "of": ["evm"]}}
ALL: dict[str, Any] = {"policy": {"need": 3, "of": ["evm", "rfc3161", "ots"]}}


@dataclass(frozen=True)
class Maker:
    """A scene, its witnesses, and what the verifier names of them."""

    folder: Path
    scene: Scene
    witnesses: Witnesses
    short: Tsa
    size: int
    note: bytes
    token: Stamp
    proof: Stamp

    @property
    def trust(self) -> dict[str, Any]:
        """Give a trust file that names everybody."""
        header, height = self.witnesses.calendar.header, self.witnesses.calendar.height
        (block,) = self.scene.trust.typed_blocks(1)
        named = (("ours", self.witnesses.tsa), ("short", self.short))
        return {
            "v": 0,
            "tsa": [{"name": name, "pem": each.root.pem.decode()} for name, each in named],
            "bitcoin": [{"header": header.hex(), "height": height}],
            "bitcoin_difficulty": 0,
            "blocks": [{"chain": 1, "hash": block.hex()}],
            "contracts": [{"address": "cc" * 20, "chain": 1}],
            "policy": {"need": 1, "of": [RFC3161]},
        }

    @property
    def ended(self) -> int:
        """Give a moment after the end of the short certificate."""
        return int(self.short.leaf.certificate.not_valid_after_utc.timestamp()) + 1

    def stamped(self, tsa: Tsa, message: bytes) -> bytes:
        """Give a token over some bytes."""
        return tidy_token(tsa.stamp(message))

    def tokens(self, *tokens: bytes) -> Bundle:
        """Give the bundle that a token and its renewals date."""
        return self.alone(Stamp(self.size, RFC3161, tokens))

    def alone(self, *stamps: Stamp) -> Bundle:
        """Give the bundle of one head that these date, and no chain."""
        return without_chain(self.scene, [self.size], stamps)

    def case(self, name: str, bundle: Bundle, verdict: str, *checks: str, **changes: Any) -> None:
        """Write one vector."""
        now = changes.pop("now", parse_token(self.token.proofs[0]).info.time)
        vector = {
            "bundle": base64.b64encode(self.scene.studio.sealed(bundle)).decode(),
            "checks": list(checks),
            "now": now,
            "trust": {**self.trust, **changes},
            "verdict": verdict,
        }
        text = json.dumps(vector, indent=1, sort_keys=True, ensure_ascii=False)
        (VECTORS / f"{name}.json").write_text(text + "\n", "utf-8")


def make_maker(folder: Path) -> Maker:
    """Make the scene and its witnesses."""
    scene = make_scene()
    tsa = make_tsa(folder / "tsa", Wish(ec=True, middle=False))
    short = make_tsa(folder / "short", Wish(ec=True, before=2 * DAY, name="Short", middle=False))
    witnesses = Witnesses(tsa, Calendar(url="https://alice.example"))
    size, note = list(notes_of(scene).items())[-1]
    token, proof = witnesses.token(size, note), witnesses.proof(size, note)
    return Maker(folder, scene, witnesses, short, size, note, token, proof)


def write_verified(made: Maker) -> None:
    """Write those that hold."""
    every = [made.witnesses.token(*each) for each in notes_of(made.scene).items()]
    first = made.stamped(made.short, made.note)
    renewal = made.stamped(made.witnesses.tsa, made.note + first)
    made.case("token-alone", made.alone(made.token), "verified")
    made.case("proof-alone", made.alone(made.proof), "verified", **BITCOIN)
    beside = with_stamps(made.scene, made.token, made.proof)
    made.case("three-of-three", beside, "verified", **ALL)
    made.case("renewed", made.tokens(first, renewal), "verified", now=made.ended)
    shown = without_chain(made.scene, notes_of(made.scene), every)
    made.case("every-checkpoint", shown, "verified")


def write_refused(made: Maker) -> None:
    """Write those that do not."""
    scene, witnesses, tsa = made.scene, made.witnesses, made.witnesses.tsa
    proof, note, size = made.proof, made.note, made.size

    def case(name: str, bundle: Bundle, check: str = STAMP, **changes: Any) -> None:
        made.case(f"refused-{name}", bundle, "refuted", check, **changes)

    case("token-of-another-note", made.alone(witnesses.token(size, b"x")))
    root = [{"header": easy_header(b"\x05" * 32, 7).hex(), "height": witnesses.calendar.height}]
    case("other-root", made.alone(proof), **BITCOIN, bitcoin=root)
    case("size-not-shown", with_stamps(scene, replace(made.token, size=size + 1)))
    notes = notes_of(scene)
    every = [witnesses.token(*each) for each in notes.items()]
    case("checkpoint-undated", without_chain(scene, notes, every[1:]), "log")
    first = made.stamped(made.short, note)
    case("renewal-of-the-note-alone", made.tokens(first, made.stamped(tsa, note)))
    case("renewals-turned-round", made.tokens(made.stamped(tsa, note + first), first))
    raw = made.token.proofs[0]
    case("signature-altered", made.tokens(raw[:-1] + bytes([raw[-1] ^ 1])))
    cut = replace(proof, proofs=(proof.proofs[0][:-1],))
    case("proof-cut", with_stamps(scene, cut), **CHAIN)
    forger = make_tsa(made.folder / "forger", Wish(ec=True, middle=False))
    case("root-of-the-same-name", made.tokens(made.stamped(forger, note)))
    early = make_tsa(made.folder / "early", Wish(ec=True, after=DAY, middle=False), tsa.root)
    case("certificate-not-valid-yet", made.tokens(made.stamped(early, note)))
    beside = with_stamps(scene, proof, made.token)
    for name, stamps in (("not-sorted", (made.token, proof)), ("twice", (proof, proof))):
        part = replace(beside.logs[0], stamps=stamps)
        case(name, replace(beside, logs=(part,)), "bundle")
    # The calendar's block is another one after it.
    other = witnesses.proof(size, note + b"x")
    case("proof-of-another-note", made.alone(other), **BITCOIN)
    heavy = [heavy_proof(size, note, seed) for seed in range(2)]
    case("too-much-work", made.alone(made.token, *heavy))


def write_undecided(made: Maker) -> None:
    """Write those that nobody could check."""
    token, proof = made.alone(made.token), made.alone(made.proof)

    def case(name: str, bundle: Bundle, *checks: str, **changes: Any) -> None:
        made.case(f"undecided-{name}", bundle, "undecided", *checks, **changes)

    both = STAMP, "policy"
    case("authority-not-named", token, *both, tsa=[])
    case("block-not-named", proof, *both, **BITCOIN, bitcoin=[])
    promise = made.witnesses.promise(made.size, made.note)
    case("pending", made.alone(promise), *both, **BITCOIN)
    lapsed = made.tokens(made.stamped(made.short, made.note))
    case("not-renewed", lapsed, *both, now=made.ended)
    long = make_tsa(made.folder / "long", Wish(ec=True, before=9000 * DAY, name="Long"))
    raw = made.stamped(long, made.note)
    (middle,) = (each for each in parse_token(raw).certificates if each != long.leaf.der)
    # Named by the verifier and kept out of the token, its end counts all the same.
    bare = made.tokens(with_certificates(raw, [long.leaf.der]))
    end = load_der_x509_certificate(middle)
    pem = (long.root.pem + end.public_bytes(Encoding.PEM)).decode()
    after = int(end.not_valid_after_utc.timestamp()) + 1
    case("middle-ended", bare, *both, tsa=[{"name": "long", "pem": pem}], now=after)
    case("chain-alone-counts", token, "chain evidence", **CHAIN)
    size, note = next(iter(notes_of(made.scene).items()))
    less = with_stamps(made.scene, made.witnesses.token(size, note))
    case("of-less-than-claimed", less, "policy")


if __name__ == "__main__":
    VECTORS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        maker = make_maker(Path(scratch))
        write_verified(maker)
        write_undecided(maker)
        write_refused(maker)
