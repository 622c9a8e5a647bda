"""Audio files heard: digests, CID and fingerprint as the body of an event, from one look.

Hearing reads files and nothing else, so it may go on in a thread beside the watch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.survey import FileClosed, FileGone, Found, hash_content, is_unchanged
from stemproof.errors import BadInput
from stemproof.record.canonical import Json

if TYPE_CHECKING:
    from collections.abc import Collection

    from stemproof.audio.facts import AudioFacts
    from stemproof.audio.marks import Finding

PROFILE: Final = "unixfs-v1-2025"
#: Stands for a content that could not be read at all.
NO_DIGEST: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Heard:
    """What hearing a file gave: its digest, and its facts or why there are none.

    Both are empty where the content was known already and nothing needed decoding.
    """

    found: Found
    digest: bytes
    body: dict[str, Json] = field(default_factory=dict)
    # What the event commits to beside its body.
    commitments: dict[str, bytes] = field(default_factory=dict)
    why: str = ""
    hint: str = ""
    # What marks in it say: read before any program writes the file anew.
    marks: tuple[Finding, ...] = ()


def hear(
    folder: Path, found: Found, *, known: Collection[bytes] = (), live: bool = False
) -> Heard | None:
    """Hear one file; None if it went away or is still being written.

    Content with a digest in `known` is not decoded again.
    """
    digest = NO_DIGEST
    try:
        if known and (digest := hash_content(folder / found.path)) in known:
            return Heard(found, digest) if is_unchanged(folder, found) else None
        heard = _hear_anew(folder, found, live=live)
    except FileGone:
        return None
    except FileClosed as error:
        return Heard(found, NO_DIGEST, why=str(error))
    except BadInput as error:
        return _unheard(folder, found, error)
    return heard if is_unchanged(folder, found) else None


def file_cid(path: Path) -> str:
    """Compute the CID of a file's content in our profile."""
    from stemproof.audio.plain import open_plain
    from stemproof.content.unixfs import build_file

    try:
        with open_plain(path) as file:
            return str(build_file(file).cid)
    except OSError as error:
        raise BadInput(f"{path.name!r} cannot be read: {error.strerror}") from error


def _hear_anew(folder: Path, found: Found, *, live: bool) -> Heard:
    from stemproof.acts.marks import read_marks
    from stemproof.audio.observe import observe_audio

    facts = observe_audio(folder / found.path)
    body: dict[str, Json] = {
        "path": found.path,
        "live": live,
        "bytes": facts.size,
        "sha256": facts.sha256.hex(),
        "cid": file_cid(folder / found.path),
        "profile": PROFILE,
        "codec": facts.codec,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "samples": facts.sample_count,
        "duration_ms": facts.duration_ms,
        "pcm": None if facts.pcm_digest is None else facts.pcm_digest.hex(),
        "fingerprint": fingerprint_body(facts),
    }
    marks = read_marks(folder / found.path)
    if marks is not None and marks.programs:
        body["programs"] = list(marks.programs)
    commitments = {"audio": facts.sha256, "fingerprint": facts.fingerprint_digest}
    findings = () if marks is None else marks.generators
    return Heard(found, facts.sha256, body, commitments, marks=findings)


def fingerprint_body(facts: AudioFacts) -> dict[str, Json]:
    """Write a fingerprint as events hold it."""
    from stemproof.audio import codec

    made = facts.fingerprint
    return {
        "algorithm": made.algorithm,
        "compressed": codec.format_text(made.algorithm, codec.items_from_bytes(made.items)),
        "digest": facts.fingerprint_digest.hex(),
        "items": made.size,
        "producer": made.producer,
        # Silence and what is shorter than three seconds cannot tell one piece from another.
        "telling": made.is_telling,
    }


def _unheard(folder: Path, found: Found, why: BadInput) -> Heard | None:
    """Say of which content it is that it could not be heard, so that it is told once."""
    try:
        digest = hash_content(folder / found.path)
    except FileGone:
        return None
    except FileClosed as error:
        return Heard(found, NO_DIGEST, why=str(error))
    heard = Heard(found, digest, why=str(why), hint=why.hint or "")
    return heard if is_unchanged(folder, found) else None
