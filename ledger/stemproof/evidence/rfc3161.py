"""RFC 3161 timestamps: a request, an authority's answer, and the token that is kept.

A token is CMS SignedData (RFC 5652) around a TSTInfo. What its signature does not cover is
kept out or written in one way: `tidy_token` drops unsigned attributes and revocation lists,
puts the certificates in DER's order and names RSA by itself, and `parse_token` takes no
other form. SHA-1 and MD5 are refused where the timestamp rests on them. Judging a token is
in tokencheck.py. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from stemproof.errors import Malformed, Refuted, Undecided
from stemproof.evidence.der import (
    BOOLEAN,
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    Item,
    read_item,
    write_integer,
    write_item,
)

# Tokens with three certificates of RSA-4096 have 6,500 bytes.
MAX_TOKEN_BYTES: Final = 32 << 10
MAX_CERTIFICATES: Final = 8
MAX_NONCE_BITS: Final = 64
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
WEAK: Final = {"1.3.14.3.2.26": "SHA-1", "1.2.840.113549.2.5": "MD5"}
# RSA with a hash may be named by both; the hash is named already, and signed over.
RSA: Final = "1.2.840.113549.1.1.1"
RSA_WITH: Final = {
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
_SHA256 = bytes.fromhex("0609608648016503040201")
_NO_PARAMETERS = bytes([NULL, 0])
_FIRST_CONTEXT = 0xA0
_GRANTED = (0, 1)


@dataclass(frozen=True, slots=True)
class Imprint:
    """What was stamped: a digest and the name of its hash."""

    hash: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Info:
    """What an authority states; `not_after` is `time` and its stated accuracy, rounded up."""

    imprint: Imprint
    serial: int
    time: int
    not_after: int
    nonce: int | None


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart; nothing of it is believed yet.

    `content` is the TSTInfo that `info` was read from. `attributes` are the signed ones by
    their identifier, `signed` the bytes that are signed.
    """

    raw: bytes
    content: bytes
    info: Info
    certificates: tuple[bytes, ...]
    issuer: bytes
    signer_serial: int
    hash: str
    attributes: dict[str, bytes]
    signed: bytes
    signature_algorithm: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What an authority answered: a token in its kept form, or the words with which it refused."""

    token: bytes | None
    says: str


def format_request(digest: bytes, nonce: int) -> bytes:
    """Ask for a token over a SHA-256 digest, with the authority's certificates in it."""
    imprint = write_item(SEQUENCE, write_item(SEQUENCE, _SHA256, _NO_PARAMETERS), _octets(digest))
    wants_certificates = write_item(BOOLEAN, b"\xff")
    return write_item(SEQUENCE, write_integer(1), imprint, write_integer(nonce), wants_certificates)


def parse_answer(data: bytes) -> Answer:
    """Read an authority's answer (TimeStampResp)."""
    if len(data) > MAX_TOKEN_BYTES:
        raise Malformed("answer length", len(data), f"at most {MAX_TOKEN_BYTES} bytes")
    parts = read_item(data, "answer").demand(SEQUENCE, "answer").items()
    if not 1 <= len(parts) <= 2:
        raise Malformed("answer", f"{len(parts)} parts", "a status, and a token if granted")
    status = parts[0].demand(SEQUENCE, "status").items()
    if not status:
        raise Malformed("status", "empty", "a number")
    number = status[0].integer("status")
    if number not in _GRANTED or len(parts) == 1:
        texts = [each.value for part in status[1:] if part.tag == SEQUENCE for each in part.items()]
        said = b" ".join(texts).decode("utf-8", "replace")
        return Answer(None, f"status {number}" + (f": {said!r:.120}" if said else ""))
    return Answer(tidy_token(parts[1].raw), "granted")


def format_answer(token: bytes) -> bytes:
    """Write a token as an answer, which is what `openssl ts -verify -in` reads."""
    return write_item(SEQUENCE, write_item(SEQUENCE, write_integer(0)), token)


def tidy_token(data: bytes) -> bytes:
    """Write a token anew without what its signature does not cover."""
    oid, version, algorithms, content, rest = _split(data)
    certificates = sorted({each.raw for each in _context(rest[:-1], 0)})
    signers = rest[-1].demand(SET, "signers").items()
    if len(signers) != 1:
        raise Malformed("signers of the token", len(signers), "one")
    signer = signers[0].demand(SEQUENCE, "signer").items()
    # RFC 5652 section 5.3: unsigned attributes have the tag [1].
    kept = write_item(
        SEQUENCE, *(_name_rsa(each, signer) for each in signer if each.tag != _FIRST_CONTEXT + 1)
    )
    signed_data = write_item(
        SEQUENCE,
        version.raw,
        algorithms.raw,
        content.raw,
        write_item(_FIRST_CONTEXT, *certificates),
        write_item(SET, kept),
    )
    return write_item(SEQUENCE, oid.raw, write_item(_FIRST_CONTEXT, signed_data))


def parse_token(data: bytes) -> Token:
    """Read a token in its kept form."""
    if len(data) > MAX_TOKEN_BYTES:
        raise Malformed("token length", len(data), f"at most {MAX_TOKEN_BYTES} bytes")
    if tidy_token(data) != data:
        raise Malformed("token", data.hex(), "signed parts and sorted certificates, no more")
    _, version, algorithms, content, rest = _split(data)
    if version.integer("version of the token") != 3:
        raise Malformed("version of the token", version.value.hex(), "3")
    certificates = tuple(each.raw for each in _context(rest[:-1], 0))
    if not 1 <= len(certificates) <= MAX_CERTIFICATES:
        raise Malformed("certificates of the token", len(certificates), f"1 to {MAX_CERTIFICATES}")
    kind, *inner = content.demand(SEQUENCE, "content").items()
    if kind.oid("content type") != TST_INFO or len(inner) != 1:
        raise Malformed("content type of the token", kind.value.hex(), "TSTInfo")
    info = _only(inner[0].demand(_FIRST_CONTEXT, "content"), OCTETS, "TSTInfo").value
    signer = _only(rest[-1], SEQUENCE, "signer").items()
    if len(signer) != 6:
        raise Malformed("signer", f"{len(signer)} parts", "6 parts, none unsigned")
    number, identity, algorithm, attributes, signature_algorithm, signature = signer
    if number.integer("version of the signer") != 1:
        raise Malformed("version of the signer", number.value.hex(), "1")
    if algorithms.value != algorithm.raw:
        raise Malformed("digest algorithms of the token", algorithms.value.hex(), "the signer's")
    # RFC 5652 section 5.4: signed as a SET, whatever its tag here.
    attributes.demand(_FIRST_CONTEXT, "signed attributes")
    issuer, serial = _take(identity.demand(SEQUENCE, "signer's name"), 2, "signer's name")
    return Token(
        raw=data,
        content=info,
        info=_read_info(info),
        certificates=certificates,
        issuer=issuer.raw,
        signer_serial=serial.integer("signer's serial number"),
        hash=read_hash(algorithm),
        attributes=_read_attributes(attributes),
        signed=bytes([SET]) + attributes.raw[1:],
        signature_algorithm=_read_algorithm(signature_algorithm),
        signature=signature.demand(OCTETS, "signature").value,
    )


def read_hash(item: Item) -> str:
    """Read a hash algorithm; its parameters are absent or NULL."""
    name = _read_algorithm(item)
    if name in WEAK:
        raise Refuted(f"the timestamp rests on {WEAK[name]}, which is broken")
    if name not in HASHES:
        raise Undecided(f"the timestamp uses the hash {name}, not known here")
    return HASHES[name]


def _name_rsa(part: Item, signer: Sequence[Item]) -> bytes:
    """Give a part of a signer; the algorithm of an RSA signature is named in one way."""
    if len(signer) < 5 or part is not signer[4]:
        return part.raw
    hash_ = RSA_WITH.get(_read_algorithm(part))
    if hash_ is None:
        return part.raw
    if hash_ != read_hash(signer[2]):
        raise Refuted(f"the timestamp is signed with {hash_} over another digest")
    return _RSA_ALGORITHM


def _split(data: bytes) -> tuple[Item, Item, Item, Item, list[Item]]:
    """Split ContentInfo and SignedData into type, version, algorithms, content and the rest."""
    oid, content = _take(read_item(data, "token").demand(SEQUENCE, "token"), 2, "token")
    if oid.oid("type of the token") != SIGNED_DATA:
        raise Malformed("type of the token", oid.value.hex(), "signed data")
    inner = _only(content.demand(_FIRST_CONTEXT, "token"), SEQUENCE, "signed data").items()
    if not 4 <= len(inner) <= 6:
        raise Malformed("signed data", f"{len(inner)} parts", "4 to 6")
    return oid, inner[0], inner[1].demand(SET, "digest algorithms"), inner[2], inner[3:]


def _read_info(data: bytes) -> Info:
    """Read TSTInfo, RFC 3161 section 2.4.2."""
    parts = read_item(data, "TSTInfo").demand(SEQUENCE, "TSTInfo").items()
    if len(parts) < 5 or parts[0].integer("version of TSTInfo") != 1:
        raise Malformed("TSTInfo", data.hex(), "version 1, policy, imprint, serial number, time")
    parts[1].oid("policy")
    algorithm, digest = _take(parts[2].demand(SEQUENCE, "imprint"), 2, "imprint")
    time, fraction = _read_time(parts[4])
    micros, nonce = fraction, None
    # The optional members, in the order of the section: each has a tag of its own.
    order = [SEQUENCE, BOOLEAN, INTEGER, _FIRST_CONTEXT, _FIRST_CONTEXT + 1]
    found = [part.tag for part in parts[5:]]
    if found != sorted(set(found) & set(order), key=order.index):
        raise Malformed("TSTInfo", data.hex(), "its members in their order, each once")
    for part in parts[5:]:
        if part.tag == SEQUENCE:
            micros += _read_accuracy(part)
        elif part.tag == BOOLEAN and part.value != b"\xff":
            raise Malformed("ordering", part.value.hex(), "true, or left out")
        elif part.tag == INTEGER:
            nonce = part.integer("nonce")
    return Info(
        imprint=Imprint(read_hash(algorithm), digest.demand(OCTETS, "imprint").value),
        serial=parts[3].integer("serial number"),
        time=time,
        not_after=time + -(-micros // 1_000_000),
        nonce=nonce,
    )


def _read_time(item: Item) -> tuple[int, int]:
    """Read a time as seconds and microseconds; X.690 section 11.7."""
    text = item.demand(GENERALIZED_TIME, "time").value.decode("ascii", "replace")
    whole, dot, fraction = text.removesuffix("Z").partition(".")
    is_plain = whole.isascii() and whole.isdigit() and len(whole) == 14 and text.endswith("Z")
    is_exact = fraction.isascii() and fraction.isdigit() and fraction[-1:] != "0"
    if not is_plain or (dot and not (is_exact and len(fraction) <= 6)):
        raise Malformed("time", text, "YYYYMMDDHHMMSS, a fraction of at most 6 digits, Z")
    try:
        moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed("time", text, "a time that is") from error
    return int(moment.timestamp()), int(fraction.ljust(6, "0") or 0)


def _read_accuracy(item: Item) -> int:
    """Read an accuracy in microseconds: seconds, [0] milliseconds, [1] microseconds."""
    micros, last = 0, -1
    for part in item.items():
        place = {INTEGER: 0, 0x80: 1, 0x81: 2}.get(part.tag, -1)
        number = Item(INTEGER, part.value, part.raw).integer("accuracy")
        if place <= last or number >= (1 << 31 if place == 0 else 1000):
            raise Malformed("accuracy", item.value.hex(), "seconds, milliseconds, microseconds")
        micros, last = micros + number * (1_000_000, 1000, 1)[place], place
    return micros


def _read_attributes(item: Item) -> dict[str, bytes]:
    """Read signed attributes: each once, in order, each with one value."""
    found: dict[str, bytes] = {}
    entries = item.items()
    if [each.raw for each in entries] != sorted(each.raw for each in entries):
        raise Malformed("signed attributes", item.value.hex(), "sorted, as DER has them")
    for entry in entries:
        kind, values = _take(entry.demand(SEQUENCE, "attribute"), 2, "attribute")
        name = kind.oid("attribute")
        listed = values.demand(SET, "attribute").items()
        if name in found or len(listed) != 1:
            raise Malformed("attribute", name, "each once, with one value")
        found[name] = listed[0].raw
    return found


def _read_algorithm(item: Item) -> str:
    parts: Sequence[Item] = item.demand(SEQUENCE, "algorithm").items()
    if len(parts) not in (1, 2) or (len(parts) == 2 and parts[1].raw != _NO_PARAMETERS):
        raise Malformed("algorithm", item.value.hex(), "an identifier without parameters")
    return parts[0].demand(OID, "algorithm").oid("algorithm")


def _context(parts: Sequence[Item], number: int) -> list[Item]:
    """Give what the optional member [number] holds."""
    found = [part for part in parts if part.tag == _FIRST_CONTEXT + number]
    if len(found) > 1:
        raise Malformed("token", f"{len(found)} members [{number}]", "at most one")
    return found[0].items() if found else []


def _take(item: Item, count: int, what: str) -> list[Item]:
    parts = item.items()
    if len(parts) != count:
        raise Malformed(what, f"{len(parts)} parts", f"{count}")
    return parts


def _only(item: Item, tag: int, what: str) -> Item:
    return _take(item, 1, what)[0].demand(tag, what)


def _octets(value: bytes) -> bytes:
    return write_item(OCTETS, value)
