"""Content Credentials signed by a made-up generator, with c2pa-python and a made-up chain."""

from __future__ import annotations

import datetime
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MEDIA = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "m4a": "audio/mp4"}
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@dataclass(frozen=True)
class Chain:
    """A leaf that may sign, below a root."""

    leaf: bytes
    root: bytes
    key: bytes


def make_chain(name: str = "Made-up Generator") -> Chain:
    """Make a chain as C2PA wants it: EKU emailProtection, critical digitalSignature, both ids."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Made-up Root", "Made-up Root", root_key.public_key(), root_key, ca=True)
    leaf = _certificate(name, "Made-up Root", key.public_key(), root_key, ca=False)
    form = serialization.Encoding.PEM
    private = key.private_bytes(
        form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Chain(leaf.public_bytes(form), root.public_bytes(form), private)


def _certificate(
    subject: str,
    issuer: str,
    public: ec.EllipticCurvePublicKey,
    key: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    ) | ({"key_cert_sign": True, "crl_sign": True} if ca else {"digital_signature": True})
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(own, critical=False)
        .add_extension(above, critical=False)
    )
    if not ca:
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(mail, critical=False)
    return builder.sign(key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, text),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{text} Ltd"),
        ]
    )


# Any: a manifest is JSON of the library's form.
def manifest(kind: str = "trainedAlgorithmicMedia", by: str = "Suno") -> dict[str, Any]:
    """Write what a generator claims."""
    action = {"action": "c2pa.created", "digitalSourceType": IPTC + kind}
    return {
        "claim_generator_info": [{"name": by, "version": "chirp-made-up"}],
        "assertions": [
            {"label": "c2pa.actions.v2", "created": True, "data": {"actions": [action]}},
            {
                "label": "com.suno.provenance",
                "created": True,
                "data": {"providerName": "Suno, Inc.", "systemName": "Suno"},
            },
        ],
    }


# Any: as above.
def sign(path: Path, chain: Chain, claim: dict[str, Any], *, remote: str = "") -> bytes:
    """Sign a file; give the signed bytes."""
    import c2pa

    info = c2pa.C2paSignerInfo(b"es256", chain.leaf + chain.root, chain.key, None)
    out = io.BytesIO()
    media = MEDIA[path.suffix[1:]]
    with c2pa.Builder(claim) as builder, c2pa.Signer.from_info(info) as signer:
        if remote:
            builder.set_no_embed()
            builder.set_remote_url(remote)
        with path.open("rb") as source:
            builder.sign(signer, media, source, out)
    return out.getvalue()
