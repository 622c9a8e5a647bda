"""Judging an RFC 3161 token: what was stamped, who signed it, and whether that counts.

Checked here: the imprint, the signed attributes, the signature, the certificate that they
name (its purpose, its validity when it signed), and by the library rfc3161-client, which
is OpenSSL, the path from it to a root that the verifier names. A token's own certificates
only fill the path. Revocation is not looked up: it would ask a server. No I/O.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stemproof.errors import Malformed, Refuted, Undecided
from stemproof.evidence.der import OCTETS, SEQUENCE, read_item
from stemproof.evidence.rfc3161 import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    RSA,
    SIGNING_CERTIFICATE,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
    Token,
    format_answer,
    parse_token,
    read_hash,
)
from stemproof.evidence.tokenpath import end_of, first_to_end, load_certificate, path_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hashes import HashAlgorithm
    from cryptography.x509 import Certificate

MIN_RSA_BITS: Final = 2048
_ECDSA_WITH: Final = {
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}


class NotTrusted(Undecided):
    """A timestamp by an authority that the verifier has not named."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signed a token: the certificate's subject, its digest, and when its path ends.

    `ends_with` is the subject of the certificate on the path that ends first.
    """

    name: str
    sha256: bytes
    ends: int
    ends_with: str


@dataclass(frozen=True, slots=True)
class Stamped:
    """A token that holds: the bytes existed by `not_after`, if the authority is honest."""

    time: int
    not_after: int
    authority: Authority


def check_token(data: bytes, message: bytes, roots: Sequence[bytes]) -> Stamped:
    """Check that a token stamps a message and leads to one of the roots (DER)."""
    stamped = check_inside(data, message)
    token, named = parse_token(data), [load_certificate(each) for each in roots]
    _check_path(token, named)
    first = first_to_end(token, named)
    authority = replace(
        stamped.authority, ends=end_of(first), ends_with=first.subject.rfc4514_string()
    )
    return replace(stamped, authority=authority)


def check_inside(data: bytes, message: bytes) -> Stamped:
    """Check all of a token but whether its authority counts; `ends` is by its own certificates."""
    token = parse_token(data)
    imprint = token.info.imprint
    if hashlib.new(imprint.hash, message).digest() != imprint.digest:
        raise Refuted(
            f"the timestamp is of the {imprint.hash} {imprint.digest.hex()[:12]}, not of the"
            " checkpoint's"
        )
    _check_attributes(token)
    path = path_of(token)
    leaf = path[0]
    _check_signature(token, leaf)
    _check_leaf(token, leaf)
    first = min(path, key=end_of)
    der = _bytes(leaf)
    name = leaf.subject.rfc4514_string()
    return Stamped(
        token.info.time,
        token.info.not_after,
        Authority(
            name, hashlib.sha256(der).digest(), end_of(first), first.subject.rfc4514_string()
        ),
    )


def parse_certificates(pem: bytes) -> tuple[bytes, ...]:
    """Read the certificates in a PEM file, as DER."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(pem)
    except ValueError as error:
        raise Malformed("certificates", pem, "certificates in PEM") from error
    return tuple(_bytes(each) for each in found)


def _check_attributes(token: Token) -> None:
    """Check that what is signed names this content and this kind of content."""
    found = token.attributes
    if CONTENT_TYPE not in found or MESSAGE_DIGEST not in found:
        raise Malformed("signed attributes", sorted(found), "content type and message digest")
    if read_item(found[CONTENT_TYPE], "content type").oid("content type") != TST_INFO:
        raise Refuted("the authority signed something else than a timestamp")
    digest = read_item(found[MESSAGE_DIGEST], "message digest").demand(OCTETS, "message digest")
    if digest.value != hashlib.new(token.hash, token.content).digest():
        raise Refuted("the authority's signature is over another timestamp than the one shown")


def _check_signature(token: Token, leaf: Certificate) -> None:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    hash_ = _hash(token.hash)
    try:
        key = leaf.public_key()
        if isinstance(key, RSAPublicKey):
            _check_algorithm(token, {RSA: token.hash})
            if key.key_size < MIN_RSA_BITS:
                raise Refuted(f"the authority signs with RSA of {key.key_size} bits, too few")
            key.verify(token.signature, token.signed, PKCS1v15(), hash_)
        elif isinstance(key, EllipticCurvePublicKey):
            _check_algorithm(token, _ECDSA_WITH)
            key.verify(token.signature, token.signed, ECDSA(hash_))
        else:
            raise Undecided("the authority signs with a kind of key that is not known here")
    except InvalidSignature as error:
        raise Refuted("the authority's signature does not hold") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed(
            "authority's key or signature", str(error), "one that can be used"
        ) from error
    _check_certificate_hash(token, leaf)


def _check_algorithm(token: Token, known: dict[str, str]) -> None:
    found = known.get(token.signature_algorithm)
    if found is None:
        raise Undecided(f"the timestamp is signed by {token.signature_algorithm}, not known here")
    if found != token.hash:
        raise Refuted(f"the timestamp is digested by {token.hash} and signed with {found}")


def _check_certificate_hash(token: Token, leaf: Certificate) -> None:
    """Check that what is signed names the signer's certificate: RFC 3161 2.4.2, RFC 5816."""
    der = _bytes(leaf)
    for name, is_v2 in ((SIGNING_CERTIFICATE_V2, True), (SIGNING_CERTIFICATE, False)):
        if name in token.attributes:
            # RFC 2634 knows SHA-1 alone; what the path proves does not rest on it.
            hash_, digest = _read_certificate_hash(token.attributes[name], is_v2=is_v2)
            if hashlib.new(hash_, der, usedforsecurity=False).digest() != digest:
                raise Refuted("the authority signed with another certificate than the one shown")
            return
    raise Malformed("signed attributes", sorted(token.attributes), "the signer's certificate")


def _read_certificate_hash(value: bytes, *, is_v2: bool) -> tuple[str, bytes]:
    """Read the hash of the signer's certificate from the attribute of RFC 2634 or RFC 5035."""
    entries = read_item(value, "certificate hash").demand(SEQUENCE, "certificate hash").items()
    if not entries:
        raise Malformed("certificate hash", "none", "that of the signer's certificate")
    first = entries[0].demand(SEQUENCE, "certificate hashes").items()
    parts = first[0].demand(SEQUENCE, "certificate hash").items() if first else []
    name = "sha256" if is_v2 else "sha1"
    if is_v2 and parts and parts[0].tag == SEQUENCE:
        name = read_hash(parts.pop(0))
    if not parts:
        raise Malformed("certificate hash", "none", "that of the signer's certificate")
    return name, parts[0].demand(OCTETS, "certificate hash").value


def _check_leaf(token: Token, leaf: Certificate) -> None:
    """Check what RFC 3161 section 2.3 demands of the certificate, and that it was valid then."""
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = leaf.extensions.get_extension_for_class(ExtendedKeyUsage)
    except ExtensionNotFound:
        raise Refuted("the signer's certificate is for no purpose, want timestamping") from None
    except ValueError as error:
        raise Malformed("signer's certificate", str(error), "readable extensions") from error
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Refuted("the signer's certificate is not for timestamping alone")
    start, end = leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp()
    if not start <= token.info.time <= end:
        raise Refuted("the signer's certificate was not valid when it signed")


def _check_path(token: Token, named: Sequence[Certificate]) -> None:
    """Check that the signer's certificate leads to a root, at the time that the token states."""
    from rfc3161_client import VerifierBuilder, decode_timestamp_response
    from rfc3161_client.errors import VerificationError

    path = path_of(token)
    # Whoever is not named is not refuted: only the verifier knows whom to trust.
    above = {path[-1].issuer.public_bytes(), *(each.subject.public_bytes() for each in path)}
    if not any(root.subject.public_bytes() in above for root in named):
        name, top = (each.rfc4514_string() for each in (path[0].subject, path[-1].issuer))
        raise NotTrusted(
            f"the timestamp is by {name!r:.80}, certified by {top!r:.80}, whom you have not named",
            hint="if you trust that authority, name its root certificate: --tsa-root FILE",
        )
    try:
        verifier = VerifierBuilder(roots=list(named)).build()
        answer = decode_timestamp_response(format_answer(token.raw))
        verifier.verify(answer, token.info.imprint.digest)
    except (VerificationError, ValueError) as error:
        raise Refuted(
            f"the signer's certificate does not lead to the root: {_say(error)}"
        ) from error


def _say(error: Exception) -> str:
    """Cut what OpenSSL says to its reason."""
    reasons = [part.split('"')[0] for part in str(error).split('reason: "')[1:]]
    return ", ".join(reasons) or str(error)[:80]


def _hash(name: str) -> HashAlgorithm:
    from cryptography.hazmat.primitives import hashes

    return {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[name]


def _bytes(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)
