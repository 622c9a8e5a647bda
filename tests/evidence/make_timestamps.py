"""Make the vectors in tests/vectors/{rfc3161,ots,bitcoin}/.

    python -m tests.evidence.make_timestamps        (openssl must be installed)

Tokens are signed by openssl (`openssl ts`, and `openssl cms` for those that no honest
authority gives). Run by hand when the format changes; the vectors are committed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from cryptography.x509 import load_der_x509_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.evidence.local_calendar import Calendar, easy_header, way
from tests.evidence.local_tsa import DAY, Tsa, Wish, make_root, make_tsa, with_certificates

from stemproof.evidence import ots
from stemproof.evidence.der import read_item, write_item
from stemproof.evidence.rfc3161 import parse_token, tidy_token

VECTORS = Path(__file__).parents[1] / "vectors"
MESSAGE = b"stemproof.example/log\n7\nAAAA\n"
EVERY_OPTION = "ordering = yes\ntsa_name = yes\ness_cert_id_chain = yes\nclock_precision_digits = 3"
# examples/hello-world.txt.ots and incomplete.txt.ots of opentimestamps-client.
HELLO = (
    "AE9wZW5UaW1lc3RhbXBzAABQcm9vZgC/ieLohOiSlAEIA7ogTlDRJuRnTABeBNguhMITZngK8fQ71Uo3gWtqs0AD8cgB"
    "AQAAAAHkgvnTLsw7ple2nYmAEIV7VEV6kEl5gv9W+XxOxY5vmAEAAABrSDBFAiEAslOt0dHPkIRDOKR1oE/xP8nnvSQr"
    "B3Yt6gf1YIst42cCIACyaMqcM0KzdpzdBiiRMXzc74eqwxC2hV6dk4mOu+jsASECDY5NEH0rM5sAUO/dS0oJJFqgVgSP"
    "ElOWN06moqsHCcb/////AmUz5gUAAAAAGXapFAvwV9QPu6Z0SGJRX1tVojEN5XcviKyghgEAAAAAABl2qRTwBoisAAAA"
    "AAgI8SCph/cWxTORPDFMeONdNYhMrJQ/pCysSdKyxp9AA/hfiAgI8SDexVs0h+Hj9yKkm1WneDIVhieF9KOss5KEYBn3"
    "HcZKnQgI8SCyyhj0heCAR44CXas9RktBbA4ey2Ypya786MghTQQkMggI8CARsOkGYRlv9LCBPD7aFBurXpFgSDe996DJ"
    "3zfbDjoRmAgI8CDDS8GkoQk//RSMAWseZkdCkU6Tnvq+TT01ZRWRSybZ4ggI8CDD5ufDjGn2ryTCvjTrrEglft5h7Aoh"
    "uVNeREMne+MGRggI8SAHmL+GBuAAJOXV1UvwyWD2Kd+52taRV0VbbyZSwOjegQgI8CA/mtptYLqiRABrsKrVFEitL6+5"
    "1LZIegmZz/JrkfD1NggI8SDHAwGelZqN0/rvdIm7MoukhVdHWOcJHwFGTrZYcsl1yAgI8CDL/v/1E/+EuRXj/tb515ln"
    "ZjD4Nk6ipsdVf62UpbXXiAgI8SAL4jcJhZkTur1EYLvd+O0hPnyHc6Sx+s4w+Kz98JO3BQgIAAWIlg1z1xkBA/fvFQ=="
)
INCOMPLETE = (
    "004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294010805c4f616a8e5310d19d938cfd76986"
    "4d7f4ccdc2ca8b479b10af83564b097af9f010e754bf93806a7ebaa680ef7bd0114bf408f010b573e8850cfd9e63d1f0"
    "43fbb6fc250e08f10457cfa5c4f0086fb1ac8d4e4eb0e70083dfe30d2ef90c8e2e2d68747470733a2f2f616c6963652e"
    "6274632e63616c656e6461722e6f70656e74696d657374616d70732e6f7267"
)
# Block 358391 of Bitcoin.
HEADER = (
    "02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb3802040000000000000000007ee445d23ad061af4a36"
    "b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6"
)


def _write(check: str, name: str, vector: dict[str, Any]) -> None:
    folder = VECTORS / check
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(vector, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / f"{name}.json").write_text(text + "\n", "utf-8")


def sign_by_cms(tsa: Tsa, info: bytes, *options: str) -> bytes:
    """Sign any TSTInfo with a TSA's key, as no honest authority does."""
    (tsa.folder / "info.der").write_bytes(info)
    command = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-cades"]
    command += ["-in", "info.der", "-signer", "leaf.pem", "-inkey", "leaf.key"]
    command += ["-econtent_type", "1.2.840.113549.1.9.16.1.4", "-outform", "DER"]
    if (tsa.folder / "chain.pem").read_bytes():
        command += ["-certfile", "chain.pem"]
    done = subprocess.run([*command, *options], cwd=tsa.folder, check=True, capture_output=True)
    return tidy_token(done.stdout)


def write_tokens(folder: Path) -> None:
    """Write tokens that hold, and tokens that do not."""
    good = make_tsa(folder / "good")
    token = tidy_token(good.stamp(MESSAGE))
    parsed = parse_token(token)
    other = make_tsa(folder / "other", root=good.root)

    def case(name: str, tsa: Tsa, data: bytes, *, kind: str = "", **changes: Any) -> None:
        vector: dict[str, Any] = {
            "message": MESSAGE.hex(),
            "roots": [tsa.root.der.hex()],
            "token": data.hex(),
        }
        if kind:
            vector["refused"] = kind
        else:
            read = parse_token(data).info
            vector |= {"time": read.time, "not_after": read.not_after}
            vector["authority"] = hashlib.sha256(tsa.leaf.der).hexdigest()
        _write("rfc3161", f"{'refused-' if kind else ''}{name}", vector | changes)

    case("rsa", good, token)
    for name, wish in (
        ("p256", Wish(ec=True)),
        ("sha512-no-middle", Wish(digest="sha512", middle=False)),
        ("certificate-named-by-sha1", Wish(ess="sha1")),
        ("every-option", Wish(ec=True, options=EVERY_OPTION)),
    ):
        tsa = make_tsa(folder / name, wish)
        case(name, tsa, tidy_token(tsa.stamp(MESSAGE)))
    for name, wish in (
        ("expired", Wish(after=-10 * DAY, before=-DAY)),
        ("not-valid-yet", Wish(after=DAY)),
        ("issuer-that-is-no-ca", Wish(middle_is_ca=False)),
        ("signed-over-sha1", Wish(digest="sha1")),
    ):
        tsa = make_tsa(folder / name, wish)
        case(name, tsa, tidy_token(tsa.stamp(MESSAGE)), kind="Refuted")
    for name, wish in (
        ("for-servers", Wish(usage=(ExtendedKeyUsageOID.SERVER_AUTH,))),
        (
            "for-two-purposes",
            Wish(usage=(ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.SERVER_AUTH)),
        ),
        ("purpose-not-critical", Wish(critical=False)),
        ("no-purpose", Wish(usage=())),
    ):
        tsa = make_tsa(folder / name, wish)
        case(name, tsa, sign_by_cms(tsa, parsed.content), kind="Refuted")
    case("imprint-sha1", good, good_sha1(good), kind="Refuted")
    case("another-message", good, token, kind="Refuted", message=(MESSAGE + b"x").hex())
    stranger = [make_root("Test TSA root").der.hex()]
    case("root-of-the-same-name", good, token, kind="Refuted", roots=stranger)
    case("root-not-named", good, token, kind="NotTrusted", roots=[make_root("x").der.hex()])
    case("no-root", good, token, kind="NotTrusted", roots=[])
    case("certificate-of-another", good, _swap(token, good, other), kind="Refuted")
    signature = parsed.signature
    flipped = token.replace(signature, signature[:-1] + bytes([signature[-1] ^ 1]))
    case("signature-altered", good, flipped, kind="Refuted")
    content = parsed.content
    later = content.replace(b"\x18\x0f20", b"\x18\x0f19")
    case("time-altered", good, token.replace(content, later), kind="Refuted")
    case("cut", good, token[:-1], kind="Malformed")
    case("byte-more", good, token + b"\0", kind="Malformed")
    case("empty", good, b"", kind="Malformed")
    case("huge", good, write_item(0x30, bytes(40_000)), kind="Malformed")
    case("whole-answer", good, good.ask(MESSAGE), kind="Malformed")
    raw = good.stamp(MESSAGE)
    if raw == tidy_token(raw):
        # Whichever way round they fell, the other is not sorted.
        first, second = parse_token(raw).certificates
        raw = raw.replace(first + second, second + first)
    case("certificates-not-sorted", good, raw, kind="Malformed")
    case("unsigned-attribute", good, _with_unsigned(token), kind="Malformed")


def write_paths(folder: Path) -> None:
    """Write those whose path to the root is not the one that the token's certificates suggest."""
    tsa = make_tsa(folder / "long", Wish(ec=True, before=9000 * DAY))
    token = tidy_token(tsa.stamp(MESSAGE))
    leaf, info = tsa.leaf.der, parse_token(token).info
    (middle,) = (each for each in parse_token(token).certificates if each != leaf)
    shared = {"message": MESSAGE.hex(), "roots": [tsa.root.der.hex(), middle.hex()]}
    held = {
        "time": info.time,
        "not_after": info.not_after,
        "authority": hashlib.sha256(leaf).hexdigest(),
        "ends": int(load_der_x509_certificate(middle).not_valid_after_utc.timestamp()),
    }
    bare = with_certificates(token, [leaf])
    _write("rfc3161", "middle-named-and-not-shown", {**shared, **held, "token": bare.hex()})
    decoy = with_certificates(token, [leaf, middle, make_root("Test TSA CA").der])
    refused = {**shared, "refused": "Refuted", "token": decoy.hex()}
    _write("rfc3161", "refused-two-keys-of-one-name", refused)


def good_sha1(tsa: Tsa) -> bytes:
    """Have a SHA-1 digest stamped."""
    digest = hashlib.sha1(MESSAGE, usedforsecurity=False).hexdigest()
    return tidy_token(tsa.stamp(MESSAGE, "-digest", digest, "-sha1"))


def _swap(token: bytes, tsa: Tsa, other: Tsa) -> bytes:
    """Put another certificate of the same names in the place of the signer's."""
    return _rebuilt(token, lambda der: other.leaf.der if der == tsa.leaf.der else der)


def _rebuilt(token: bytes, change: Any) -> bytes:  # bytes -> bytes, of each certificate
    return with_certificates(token, (change(each) for each in parse_token(token).certificates))


def _with_unsigned(token: bytes) -> bytes:
    content = read_item(token, "token").items()
    parts = content[1].items()[0].items()
    attribute = write_item(0x30, write_item(0x06, b"\x2a\x03"), write_item(0x31, b"\x05\x00"))
    signer = write_item(0x30, parts[4].items()[0].value, write_item(0xA1, attribute))
    inner = [*(part.raw for part in parts[:4]), write_item(0x31, signer)]
    return write_item(0x30, content[0].raw, write_item(0xA0, write_item(0x30, *inner)))


def write_proofs() -> None:
    """Write proofs that are read, with what they attest, and proofs that are not."""
    hello = base64.b64decode(HELLO)
    source = "opentimestamps-client, examples/hello-world.txt.ots"
    good = {"hello-world": (hello, source)}
    incomplete = "opentimestamps-client, examples/incomplete.txt.ots"
    good["incomplete"] = (bytes.fromhex(INCOMPLETE), incomplete)
    calendar = Calendar(url="https://alice.example")
    digests = [hashlib.sha256(b"%d" % n).digest() for n in range(3)]
    trees = []
    for digest in digests:
        _, answer = calendar._answer("/digest", digest)
        trees.append(ots.parse_tree(answer, digest))
    calendar.mine()
    two = ots.Proof(digests[2], ots.merge_trees((ots.Pending("https://b.example"),), trees[2]))
    good["two-promises"] = (ots.format_proof(two), "made up")
    odd = (
        ots.Unknown(b"\x06\x86\x9a\x0d\x73\xd7\x1b\x45", b"\x05"),
        ots.Step(ots.Operation(ots.SHA1), (ots.Bitcoin(1),)),
        ots.Step(ots.Operation(ots.KECCAK256), (ots.Bitcoin(2),)),
        ots.Step(ots.Operation(ots.RIPEMD160), (ots.Bitcoin(2**31),)),
    )
    good["other-kinds"] = (ots.format_proof(ots.Proof(bytes(32), odd)), "made up")
    for name, (data, said) in good.items():
        found = [_told(each) for each in ots.attestations(ots.parse_proof(data))]
        _write("ots", name, {"attested": found, "proof": data.hex(), "source": said})
    head = hello[: len(ots.MAGIC) + 2 + 32]
    deep = way([ots.Operation(ots.SHA256)] * 257, (ots.Bitcoin(1),))
    wide: ots.Tree = tuple(
        ots.Step(ots.Operation(ots.APPEND, n.to_bytes(2, "big")), (ots.Bitcoin(1),))
        for n in range(4097)
    )
    attestation = hello[-12:]
    long = b"\xf0\xff\x1f" + bytes(4095)
    refused = {
        "empty": b"",
        "no-proof": head,
        "cut": hello[:-1],
        "byte-more": hello + b"\0",
        "magic-altered": b"\x01" + hello[1:],
        "version-2": hello.replace(ots.MAGIC + b"\x01", ots.MAGIC + b"\x02"),
        "digest-by-sha1": hello.replace(ots.MAGIC + b"\x01\x08", ots.MAGIC + b"\x01\x02"),
        "unknown-operation": head + b"\x09" + attestation,
        "reverse-operation": head + b"\xf2" + attestation,
        "fork-without-end": head + b"\xff" + attestation,
        "item-twice": head + b"\xff" + attestation + attestation,
        "operation-twice": head + b"\xff\x08" + attestation + b"\x08" + attestation,
        "nothing-appended": head + b"\xf0\x00" + attestation,
        "message-too-long": head + long + b"\xf0\x01\x00" + attestation,
        "number-not-shortest": head + attestation[:-4] + b"\x04\xf7\xef\x95\x00",
        "number-too-large": head + attestation[:-4] + b"\x06\xff\xff\xff\xff\xff\x01",
        "height-with-more": head + attestation[:-4] + b"\x04\xf7\xef\x15\x00",
        "calendar-with-a-space": head + b"\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x04\x03a b",
        "calendar-with-a-query": head + b"\x00\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e\x04\x03a?b",
        "too-deep": ots.format_proof(ots.Proof(bytes(32), deep)),
        "too-wide": ots.format_proof(ots.Proof(bytes(32), wide)),
        "too-large": head + b"\xff" + b"\x00" * 65536,
    }
    for name, data in refused.items():
        _write("ots", f"refused-{name}", {"proof": data.hex(), "refused": "Malformed"})


def _told(found: ots.Attested) -> dict[str, Any]:
    match found.attestation:
        case ots.Bitcoin(height):
            kind: dict[str, Any] = {"bitcoin": height}
        case ots.Pending(uri):
            kind = {"pending": uri}
        case ots.Unknown(tag, payload):
            kind = {"unknown": tag.hex(), "payload": payload.hex()}
    return {**kind, "message": found.message.hex()}


def write_headers() -> None:
    """Write Bitcoin headers."""
    real = bytes.fromhex(HEADER)
    root, time = "007ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a", 1432827678
    vector: dict[str, Any] = {"header": HEADER, "height": 358391, "min_difficulty": 10**9}
    _write("bitcoin", "358391", {**vector, "merkle_root": root, "time": time})
    easy = easy_header(bytes(32), 7)
    refused: dict[str, dict[str, Any]] = {
        "work-missing": {"header": real[:-1].hex() + "f7"},
        "root-altered": {"header": real.hex().replace("007ee445", "017ee445")},
        "easier-than-asked": {"header": easy.hex()},
        "difficulty-below": {"min_difficulty": 10**12},
    }
    for name, changes in refused.items():
        _write("bitcoin", f"refused-{name}", {**vector, **changes, "refused": "Refuted"})
    malformed = {
        "cut": real[:-1],
        "longer": real + b"\0",
        "bits-negative": real[:72] + b"\xff\xff\x80\x1d" + real[76:],
        "bits-zero": real[:72] + b"\0\0\0\x1d" + real[76:],
        "bits-huge": real[:72] + b"\xff\xff\x7f\xff" + real[76:],
    }
    for name, data in malformed.items():
        changed = {**vector, "header": data.hex(), "refused": "Malformed"}
        _write("bitcoin", f"refused-{name}", changed)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        write_tokens(Path(scratch))
        write_paths(Path(scratch))
    write_proofs()
    write_headers()
