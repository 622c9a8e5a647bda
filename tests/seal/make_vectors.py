"""Write the vectors under tests/vectors/ that this room and the web page's verifier share.

Run as `python -m tests.seal.make_vectors` in the repository's root. Proofs come from naive.py;
nothing of the package is used, so that a slip there cannot hide in its own vectors. Signatures come
from `cryptography`. One failure a file; hashes in hex, signed bytes in base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.seal import naive

VECTORS = Path(__file__).parent.parent / "vectors"
ENTRIES = [b"entry %d" % n for n in range(7)]
LEAVES = [naive.h(b"\x00" + entry) for entry in ENTRIES]
ROOT = naive.root(ENTRIES)
SEED = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(SEED)
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ORDER = 2**252 + 27742317777372353535851937790883648493
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
ORIGIN = "stemproof/0123456789ab/ba9876543210"

Fields = dict[str, object]
Case = tuple[str, Fields, str, str]
"""Name of the file, what differs from the good case, kind of refusal ("" = ok), why."""


Group = tuple[str, Fields, list[Case]]
"""Name of the check, the good case, and the cases."""


def write_all(vectors: Path) -> None:
    """Write every case below a folder."""
    for check, good, cases in (inclusion(), consistency(), mapproof(), note(), checkpoint()):
        (vectors / check).mkdir(parents=True, exist_ok=True)
        for name, changes, kind, why in cases:
            want = {"want": "refused", "kind": kind} if kind else {"want": "ok"}
            case = {**good, **changes, **want, "why": why}
            text = json.dumps(case, indent=1, ensure_ascii=False)
            (vectors / check / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def hexes(nodes: list[bytes]) -> list[str]:
    return [node.hex() for node in nodes]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def inclusion() -> Group:
    path = naive.path(4, ENTRIES)
    last = naive.path(6, ENTRIES)
    good: Fields = {
        "leaf": LEAVES[4].hex(),
        "index": 4,
        "size": 7,
        "proof": hexes(path),
        "root": ROOT.hex(),
    }
    return (
        "inclusion",
        good,
        [
            ("ok-middle", {}, "", "entry 4 of 7"),
            (
                "ok-last",
                {"leaf": LEAVES[6].hex(), "index": 6, "proof": hexes(last)},
                "",
                "the last entry of a ragged tree has a shorter proof",
            ),
            (
                "ok-alone",
                {
                    "leaf": LEAVES[0].hex(),
                    "index": 0,
                    "size": 1,
                    "proof": [],
                    "root": LEAVES[0].hex(),
                },
                "",
                "the only leaf is the root",
            ),
            ("leaf-of-another-entry", {"leaf": LEAVES[5].hex()}, "refuted", "another leaf"),
            ("index-of-another-entry", {"index": 5}, "refuted", "the path turns the other way"),
            ("root-flipped", {"root": flipped(ROOT).hex()}, "refuted", "one bit of the root"),
            (
                "node-flipped",
                {"proof": hexes([path[0], flipped(path[1]), path[2]])},
                "refuted",
                "one bit of one node",
            ),
            (
                "nodes-swapped",
                {"proof": hexes([path[1], path[0], path[2]])},
                "refuted",
                "nodes go from the leaf upwards",
            ),
            ("node-missing", {"proof": hexes(path[:-1])}, "malformed", "3 nodes are wanted"),
            ("node-too-many", {"proof": hexes([*path, ROOT])}, "malformed", "3 nodes are wanted"),
            ("node-short", {"proof": ["", *hexes(path[1:])]}, "malformed", "a hash has 32 bytes"),
            ("leaf-short", {"leaf": ""}, "malformed", "a hash has 32 bytes"),
            ("root-long", {"root": (ROOT + b"\x00").hex()}, "malformed", "a hash has 32 bytes"),
            ("index-is-size", {"index": 7}, "malformed", "indexes count from 0"),
            ("index-negative", {"index": -1}, "malformed", "indexes count from 0"),
            (
                "size-zero",
                {"index": 0, "size": 0, "proof": []},
                "malformed",
                "an empty tree holds nothing",
            ),
            (
                "empty-root-and-leaf",
                {"leaf": "", "index": 0, "size": 1, "proof": [], "root": ""},
                "malformed",
                "equal, but no hashes",
            ),
        ],
    )


def consistency() -> Group:
    proof = naive.consistency(3, ENTRIES)
    older = naive.root(ENTRIES[:3])
    good: Fields = {
        "size1": 3,
        "size2": 7,
        "proof": hexes(proof),
        "root1": older.hex(),
        "root2": ROOT.hex(),
    }
    four = {
        "size1": 4,
        "proof": hexes(naive.consistency(4, ENTRIES)),
        "root1": naive.root(ENTRIES[:4]).hex(),
    }
    rewritten = [b"another", *ENTRIES[1:]]
    return (
        "consistency",
        good,
        [
            ("ok", {}, "", "3 entries, then 7"),
            ("ok-power-of-two", four, "", "the older root is itself a node and not in the proof"),
            ("ok-equal", {"size1": 7, "proof": [], "root1": ROOT.hex()}, "", "the same tree"),
            (
                "history-rewritten",
                {
                    "proof": hexes(naive.consistency(3, rewritten)),
                    "root2": naive.root(rewritten).hex(),
                },
                "refuted",
                "entry 0 was replaced after the older root",
            ),
            ("older-root-flipped", {"root1": flipped(older).hex()}, "refuted", "one bit"),
            ("newer-root-flipped", {"root2": flipped(ROOT).hex()}, "refuted", "one bit"),
            (
                "roots-swapped",
                {"root1": ROOT.hex(), "root2": older.hex()},
                "refuted",
                "older is newer",
            ),
            (
                "node-flipped",
                {"proof": hexes([*proof[:-1], flipped(proof[-1])])},
                "refuted",
                "one bit of the node that only the newer root needs",
            ),
            (
                "equal-sizes-other-roots",
                {"size1": 7, "proof": []},
                "refuted",
                "two roots of one size",
            ),
            (
                "power-of-two-root-flipped",
                {**four, "root1": flipped(naive.root(ENTRIES[:4])).hex()},
                "refuted",
                "the older root is where the climb starts",
            ),
            ("empty", {"proof": []}, "malformed", "4 nodes are wanted"),
            ("node-missing", {"proof": hexes(proof[:-1])}, "malformed", "4 nodes are wanted"),
            ("node-too-many", {"proof": hexes([*proof, ROOT])}, "malformed", "4 nodes are wanted"),
            ("node-short", {"proof": ["00", *hexes(proof[1:])]}, "malformed", "not 32 bytes"),
            (
                "equal-sizes-with-proof",
                {"size1": 7, "root1": ROOT.hex()},
                "malformed",
                "no node is wanted",
            ),
            ("size-zero", {"size1": 0, "proof": []}, "malformed", "an empty tree proves nothing"),
            ("sizes-backwards", {"size1": 7, "size2": 3}, "malformed", "a log only grows"),
            ("root-short", {"root1": ""}, "malformed", "a hash has 32 bytes"),
        ],
    )


def mapproof() -> Group:
    works = [n.to_bytes(16, "big") for n in range(5)]
    heads = {
        naive.bits(naive.key_of(work)): (n + 1, naive.h(b"root %d" % n))
        for n, work in enumerate(works)
    }
    key = naive.bits(naive.key_of(works[2]))
    proof, top = naive.map_proof(heads, key), naive.map_root(heads)
    alone = {key: heads[key]}
    absent = (99).to_bytes(16, "big")
    absent_proof = naive.map_proof(heads, naive.bits(naive.key_of(absent)))
    count = (len(proof) - 32) // 32
    good: Fields = {
        "work": works[2].hex(),
        "size": 3,
        "root": heads[key][1].hex(),
        "proof": proof.hex(),
        "map_root": top.hex(),
    }
    nothing: Fields = {"size": None, "root": None}
    bitmap = int.from_bytes(proof[:32], "big")
    moved = (bitmap ^ (bitmap & -bitmap) ^ 1).to_bytes(32, "big")
    zero = (bitmap | 1).to_bytes(32, "big") + proof[32:] + bytes(32)
    return (
        "mapproof",
        good,
        [
            ("ok", {}, "", "one work of five"),
            (
                "ok-alone",
                {
                    "proof": naive.map_proof(alone, key).hex(),
                    "map_root": naive.map_root(alone).hex(),
                },
                "",
                "the only work: no sibling at all",
            ),
            (
                "ok-absent",
                {**nothing, "work": absent.hex(), "proof": absent_proof.hex()},
                "",
                "size and root null: the map holds nothing for this work",
            ),
            (
                "ok-absent-from-empty",
                {**nothing, "proof": bytes(32).hex(), "map_root": bytes(32).hex()},
                "",
                "an empty map has the zero root",
            ),
            ("present-shown-absent", nothing, "refuted", "the map holds this work"),
            (
                "absent-shown-present",
                {"work": absent.hex(), "proof": absent_proof.hex()},
                "refuted",
                "the map does not hold this work",
            ),
            ("size-other", {"size": 4}, "refuted", "another size"),
            ("root-other", {"root": naive.h(b"root 3").hex()}, "refuted", "another root"),
            ("work-other", {"work": works[3].hex()}, "refuted", "another work's place"),
            ("map-root-flipped", {"map_root": flipped(top).hex()}, "refuted", "one bit"),
            ("sibling-flipped", {"proof": flipped(proof).hex()}, "refuted", "one bit"),
            (
                "bit-moved",
                {"proof": (moved + proof[32:]).hex()},
                "refuted",
                "a sibling at another depth",
            ),
            (
                "bit-set",
                {"proof": ((bitmap | 1).to_bytes(32, "big") + proof[32:]).hex()},
                "malformed",
                f"{count + 1} bits, {count} siblings",
            ),
            ("sibling-missing", {"proof": proof[:-32].hex()}, "malformed", "fewer than the bits"),
            (
                "sibling-too-many",
                {"proof": (proof + top).hex()},
                "malformed",
                "more than the bits",
            ),
            ("sibling-zero", {"proof": zero.hex()}, "malformed", "an empty sibling is left out"),
            ("proof-ragged", {"proof": proof[:-1].hex()}, "malformed", "not a multiple of 32"),
            ("proof-empty", {"proof": ""}, "malformed", "no bitmap"),
            ("size-zero", {"size": 0}, "malformed", "a work in the map has an event"),
            ("work-short", {"work": works[2][1:].hex()}, "malformed", "a work id has 16 bytes"),
            ("map-root-short", {"map_root": "00"}, "malformed", "a hash has 32 bytes"),
        ],
    )


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signature_line(text: str, *, name: str = ORIGIN, key: Ed25519PrivateKey = KEY) -> str:
    public = key.public_key().public_bytes_raw()
    return line(name, public, key.sign(text.encode()))


def line(name: str, public: bytes, signature: bytes) -> str:
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    return f"\N{EM DASH} {name} {b64(key_id + signature)}\n"


def note() -> Group:
    text = "a text\n\nwith è and a blank line\n"
    own = signature_line(text)
    other = signature_line(text, name="witness", key=OTHER)
    signature = KEY.sign(text.encode())
    more = int.from_bytes(signature[32:], "little") + ORDER
    y_of_one = (1).to_bytes(32, "little")
    good: Fields = {
        "name": ORIGIN,
        "public": PUBLIC.hex(),
        "note": b64((text + "\n" + own).encode()),
    }

    def with_lines(lines: str, body: str = text) -> Fields:
        return {"note": b64((body + "\n" + lines).encode())}

    return (
        "note",
        good,
        [
            ("ok", {}, "", "one signature"),
            ("ok-unknown-key", with_lines(own + other), "", "unknown keys are ignored"),
            ("text-changed", with_lines(own, "A text\n"), "refuted", "the signature is over it"),
            (
                "signature-of-another-key",
                with_lines(line(ORIGIN, PUBLIC, OTHER.sign(text.encode()))),
                "refuted",
                "the key id says one key, the signature is by another",
            ),
            ("only-unknown-key", with_lines(other), "refuted", "nobody we know signed"),
            ("name-other", {"name": "another"}, "refuted", "key and name belong together"),
            (
                "public-other",
                {"public": OTHER.public_key().public_bytes_raw().hex()},
                "refuted",
                "the same name, another key",
            ),
            (
                "signature-flipped",
                with_lines(line(ORIGIN, PUBLIC, flipped(signature[:33]) + signature[33:])),
                "refuted",
                "one bit of S",
            ),
            (
                "s-plus-order",
                with_lines(line(ORIGIN, PUBLIC, signature[:32] + more.to_bytes(32, "little"))),
                "malformed",
                "S must be below the group order: lenient verifiers take this one",
            ),
            (
                "r-of-small-order",
                with_lines(line(ORIGIN, PUBLIC, y_of_one + signature[32:])),
                "malformed",
                "R is the neutral point",
            ),
            (
                "r-not-canonical",
                with_lines(line(ORIGIN, PUBLIC, b"\xee" + b"\xff" * 30 + b"\x7f" + signature[32:])),
                "malformed",
                "y of R is not below 2**255 - 19",
            ),
            (
                "public-of-small-order",
                {
                    "public": y_of_one.hex(),
                    **with_lines(line(ORIGIN, y_of_one, y_of_one + bytes(32))),
                },
                "malformed",
                "this signature fits every text under this key",
            ),
            (
                "signature-short",
                with_lines(line(ORIGIN, PUBLIC, signature[:-1])),
                "malformed",
                "63",
            ),
            ("signed-twice", with_lines(own + own), "malformed", "one line for each key"),
            (
                "no-signature",
                {"note": b64((text + "\n").encode())},
                "malformed",
                "no signature line",
            ),
            (
                "no-blank-line",
                {"note": b64(("a text\n" + own).encode())},
                "malformed",
                "nothing separates",
            ),
            ("no-last-newline", with_lines(own[:-1]), "malformed", "a line ends in a newline"),
            ("line-after-signatures", with_lines(own + "more\n"), "malformed", "not a signature"),
            ("hyphen", with_lines(own.replace("\N{EM DASH}", "-")), "malformed", "not an em dash"),
            (
                "base64-spare-bits",
                with_lines(own[:-3] + ALPHABET[ALPHABET.index(own[-3]) + 1] + own[-2:]),
                "malformed",
                "the same bytes in a second spelling",
            ),
            ("base64-unpadded", with_lines(own.replace("=", "")), "malformed", "padding is wanted"),
            ("control-character", with_lines(own, "a\ttext\n"), "malformed", "only newlines"),
            ("not-utf-8", {"note": b64(b"\xff\n\n" + own.encode())}, "malformed", "not UTF-8"),
            ("101-signatures", with_lines(own + other * 100), "malformed", "at most 100"),
        ],
    )


def checkpoint() -> Group:
    root = b64(ROOT)
    body = f"{ORIGIN}\n7\n{root}\n"

    def signed(text: str) -> Fields:
        return {"checkpoint": b64((text + "\n" + signature_line(text)).encode())}

    good: Fields = {
        "origin": ORIGIN,
        "public": PUBLIC.hex(),
        "size": 7,
        "root": ROOT.hex(),
        **signed(body),
    }
    witness = signature_line(body, name="witness", key=OTHER)
    both: Fields = {"checkpoint": b64((body + "\n" + signature_line(body) + witness).encode())}
    changed = body.replace("\n7\n", "\n8\n")
    return (
        "checkpoint",
        good,
        [
            ("ok", {}, "", "three lines, one signature"),
            ("ok-empty-log", {**signed(body.replace("\n7\n", "\n0\n")), "size": 0}, "", "size 0"),
            (
                "size-changed",
                {"checkpoint": b64((changed + "\n" + signature_line(body)).encode())},
                "refuted",
                "the signature is over another size",
            ),
            ("origin-other", {"origin": ORIGIN + "0"}, "refuted", "another log"),
            (
                "public-other",
                {"public": OTHER.public_key().public_bytes_raw().hex()},
                "refuted",
                "another log's key",
            ),
            (
                "origin-line-other",
                signed(body.replace(ORIGIN, "another")),
                "refuted",
                "signed under our name, but the text is another log's",
            ),
            ("second-signature", both, "malformed", "bytes that nobody checks"),
            ("extension-line", signed(body + "more\n"), "malformed", "stemproof writes none"),
            ("blank-extension-line", signed(body + "\n"), "malformed", "no empty lines"),
            ("root-missing", signed(f"{ORIGIN}\n7\n"), "malformed", "three lines are wanted"),
            (
                "root-short",
                signed(f"{ORIGIN}\n7\n{b64(ROOT[:31])}\n"),
                "malformed",
                "a hash has 32 bytes",
            ),
            ("root-not-base64", signed(f"{ORIGIN}\n7\n!{root[1:]}\n"), "malformed", "base64 only"),
            (
                "size-leading-zero",
                signed(body.replace("\n7\n", "\n07\n")),
                "malformed",
                "no leading zero",
            ),
            ("size-sign", signed(body.replace("\n7\n", "\n+7\n")), "malformed", "no sign"),
            ("size-space", signed(body.replace("\n7\n", "\n 7\n")), "malformed", "no space"),
            (
                "size-underscore",
                signed(body.replace("\n7\n", "\n1_0\n")),
                "malformed",
                "digits only",
            ),
            (
                "size-too-large",
                signed(body.replace("\n7\n", f"\n{2**64}\n")),
                "malformed",
                "not below 2**64",
            ),
            ("carriage-return", signed(body.replace("\n", "\r\n")), "malformed", "newlines only"),
            (
                "overlong",
                signed(f"{ORIGIN}\n7\n{root}\n" + "x" * 4096 + "\n"),
                "malformed",
                "4096 at most",
            ),
        ],
    )


if __name__ == "__main__":
    write_all(VECTORS)
