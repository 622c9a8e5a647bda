"""A publication: what is pinned in clear when a claim is published, and what a chain says of it.

    {"account":"<130 hex>","bundle":{"bytes":…,"cid":"…","sha256":"<64 hex>"},"claim":{…},
     "identity":"<128 hex>","kind":"publication","v":0}

It is the claim with its two signatures, and where its bundle is; whoever finds it by an index
fetches the bundle by its CID and verifies that. An index is told of each master, by the event
Commit of ERC-7053 whose `commitData` is

    {"claim":"<64 hex>","kind":"stemproof.claim","publication":"<CID>","v":0}

Nothing of this is evidence: it says where the evidence is. Parsing is strict. No I/O.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from stemproof.claim.bundle import SignedClaim
from stemproof.claim.claim import MAX_CLAIM_BYTES, parse_claim
from stemproof.content.cid import parse_cid
from stemproof.errors import Malformed
from stemproof.record.canonical import canonical_bytes, parse_object
from stemproof.record.fields import Fields

VERSION: Final = 0
MAX_PUBLICATION_BYTES: Final = MAX_CLAIM_BYTES + 4096
MAX_COMMIT_DATA_BYTES: Final = 1024


@dataclass(frozen=True, slots=True)
class Placed:
    """A file by its CID, size in bytes and SHA-256."""

    cid: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Publication:
    """A signed claim, and where its bundle is."""

    signed: SignedClaim
    bundle: Placed


@dataclass(frozen=True, slots=True)
class CommitData:
    """What the index holds of a master: the claim's SHA-256 and the publication's CID."""

    claim: bytes
    publication: str


def format_publication(publication: Publication) -> bytes:
    """Write a publication's canonical bytes."""
    bundle, signed = publication.bundle, publication.signed
    return canonical_bytes(
        {
            "account": signed.account.hex(),
            "bundle": {"bytes": bundle.size, "cid": bundle.cid, "sha256": bundle.sha256.hex()},
            "claim": parse_object(signed.claim, what="claim", max_bytes=MAX_CLAIM_BYTES),
            "identity": signed.identity.hex(),
            "kind": "publication",
            "v": VERSION,
        }
    )


def parse_publication(data: bytes) -> Publication:
    """Read a publication in the one form that we write; signatures are not checked here."""
    fields = Fields.parse(
        data, what="publication", version=VERSION, max_bytes=MAX_PUBLICATION_BYTES
    )
    fields.demand_text("kind", "publication")
    bundle = fields.inner("bundle")
    claim = canonical_bytes(fields.inner("claim").members)
    parse_claim(claim)
    publication = Publication(
        SignedClaim(
            claim=claim,
            identity=fields.hex_bytes("identity", 64),
            account=fields.hex_bytes("account", 65),
        ),
        Placed(
            cid=str(parse_cid(bundle.text("cid"))),
            size=bundle.number("bytes"),
            sha256=bundle.hex_bytes("sha256", 32),
        ),
    )
    if format_publication(publication) != data:
        raise Malformed("publication", data, "exactly the members of format version 0")
    return publication


def format_commit_data(publication: bytes, cid: str) -> str:
    """Write what the index is told of a publication of these bytes and this CID."""
    claim = parse_publication(publication).signed.claim
    return canonical_bytes(
        {
            "claim": hashlib.sha256(claim).hexdigest(),
            "kind": "stemproof.claim",
            "publication": cid,
            "v": VERSION,
        }
    ).decode()


def parse_commit_data(text: str) -> CommitData:
    """Read what the index was told: anybody may have written it."""
    data = text.encode()
    fields = Fields.parse(
        data, what="commit data", version=VERSION, max_bytes=MAX_COMMIT_DATA_BYTES
    )
    fields.demand_text("kind", "stemproof.claim")
    found = CommitData(fields.hex_bytes("claim", 32), str(parse_cid(fields.text("publication"))))
    if len(fields.members) != 4:
        raise Malformed("commit data", fields.members, "claim, kind, publication and v")
    return found
