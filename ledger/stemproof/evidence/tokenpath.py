"""The certificates of an RFC 3161 token: the signer's, those above it, and when they end.

Whether a path holds is OpenSSL's to say (tokencheck); here it is found, so that its end can be
told. A token's own certificates are the artist's choice: they lengthen no path's life. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stemproof.errors import Malformed, Refuted, Undecided
from stemproof.evidence.rfc3161 import Token

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


def path_of(token: Token) -> list[Certificate]:
    """Give the signer's certificate and those above it that the token holds."""
    certificates = [load_certificate(each) for each in token.certificates]
    _check_names(certificates)
    leaf = [
        each
        for each in certificates
        if each.issuer.public_bytes() == token.issuer and each.serial_number == token.signer_serial
    ]
    if len(leaf) != 1:
        raise Refuted("the token does not hold the certificate that it says signed it")
    path = [leaf[0]]
    while len(path) < len(certificates):
        above = [each for each in certificates if each.subject == path[-1].issuer]
        if len(above) != 1 or above[0] in path:
            break
        path.append(above[0])
    return path


def first_to_end(token: Token, named: Sequence[Certificate]) -> Certificate:
    """Give the certificate that ends first on the path from the signer to a named root.

    The root itself is left out: whoever names it says that it counts. Of several paths, as
    cross-signed roots give them, it is the one that holds longest.
    """
    leaf = path_of(token)[0]
    roots = {each for each in named if each.subject == each.issuer}
    known = dict.fromkeys([*(load_certificate(each) for each in token.certificates), *named])
    issuers = [each for each in known if each in roots or _may_issue(each, token.info.time)]
    above: dict[Certificate, list[Certificate]] = {}
    open_ = [leaf]
    while open_:
        one = open_.pop()
        if one not in above:
            above[one] = [] if one in roots else [up for up in issuers if _is_issued(one, up)]
            open_ += above[one]
    # By certificate what ends first from it on; None at a root, which has no end here.
    first: dict[Certificate, Certificate | None] = {one: None for one in above if one in roots}
    for _ in above:
        for one, ups in above.items():
            reached = [first[up] for up in ups if up in first]
            if None in reached:
                first[one] = one
            elif reached:
                best = max((each for each in reached if each is not None), key=end_of)
                first[one] = min(one, best, key=end_of)
    if leaf not in first:
        raise Undecided("the path of the signer's certificate to the root could not be followed")
    return first[leaf] or leaf


def end_of(certificate: Certificate) -> int:
    """Give the second until which a certificate is valid."""
    return int(certificate.not_valid_after_utc.timestamp())


def load_certificate(der: bytes) -> Certificate:
    """Read a certificate; all of it that is used is read at once, and refused here if it cannot."""
    import warnings

    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.utils import CryptographyDeprecationWarning

    with warnings.catch_warnings():
        # It warns of what a later version of it will refuse.
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        try:
            found = x509.load_der_x509_certificate(der)
            _ = found.extensions, found.subject, found.issuer, found.serial_number
            found.public_key()
            return found
        except (
            ValueError,
            # Names of some odd types.
            TypeError,
            UnsupportedAlgorithm,
            CryptographyDeprecationWarning,
            x509.InvalidVersion,
            x509.DuplicateExtension,
            x509.UnsupportedGeneralNameType,
        ) as error:
            raise Malformed("certificate", str(error), "a readable one") from error


def _check_names(certificates: Sequence[Certificate]) -> None:
    """Refuse two keys of one name: which of them stands on the path would be open."""
    keys: dict[bytes, bytes] = {}
    for each in certificates:
        key = _key_of(each)
        if keys.setdefault(each.subject.public_bytes(), key) != key:
            raise Refuted(
                "the token holds certificates of two keys for"
                f" {each.subject.rfc4514_string()!r:.80}"
            )


def _may_issue(certificate: Certificate, time: int) -> bool:
    """Say whether a certificate is an issuer's, and was valid."""
    from cryptography.x509 import BasicConstraints, ExtensionNotFound

    try:
        constraints = certificate.extensions.get_extension_for_class(BasicConstraints)
    except ExtensionNotFound:
        return False
    starts = certificate.not_valid_before_utc.timestamp()
    return constraints.value.ca and starts <= time <= end_of(certificate)


def _is_issued(certificate: Certificate, issuer: Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _key_of(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
