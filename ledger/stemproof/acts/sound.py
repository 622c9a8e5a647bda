"""Audio files as values of an event: digests, CID and fingerprint, from one look."""

from __future__ import annotations

from pathlib import Path

from stemproof.errors import BadInput
from stemproof.record.canonical import Json, canonical_bytes

PROFILE = "unixfs-v1-2025"


def audio_values(folder: Path, path: str) -> tuple[dict[str, bytes], bytes]:
    """Observe an audio file of a project; give the values to commit to, and its SHA-256."""
    from stemproof.audio import codec
    from stemproof.audio.observe import observe_audio

    facts = observe_audio(folder / path)
    items = codec.items_from_bytes(facts.fingerprint.items)
    body: dict[str, Json] = {
        "path": path,
        "bytes": facts.size,
        "sha256": facts.sha256.hex(),
        "cid": file_cid(folder / path),
        "profile": PROFILE,
        "codec": facts.codec,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "samples": facts.sample_count,
        "duration_ms": facts.duration_ms,
        "pcm": None if facts.pcm_digest is None else facts.pcm_digest.hex(),
        "fingerprint": {
            "algorithm": facts.fingerprint.algorithm,
            "compressed": codec.format_text(facts.fingerprint.algorithm, items),
            "digest": facts.fingerprint_digest.hex(),
            "items": facts.fingerprint.size,
            "producer": facts.fingerprint.producer,
        },
    }
    values = {
        "body": canonical_bytes(body),
        "audio": facts.sha256,
        "fingerprint": facts.fingerprint_digest,
    }
    return values, facts.sha256


def file_cid(path: Path) -> str:
    """Compute the CID of a file's content in our profile."""
    from stemproof.content.unixfs import build_file

    try:
        with path.open("rb") as file:
            return str(build_file(file).cid)
    except OSError as error:
        raise BadInput(f"{path.name!r} cannot be read: {error.strerror}") from error
