"""Audio files in the verifier's hands against the files that a claim names.

Equal bytes are proof, and so are equal samples where both files are lossless: a FLAC of the
master holds the master. A lossless file with other samples is another sound, be it by one
bit, and refuted. A lossy copy has no samples to compare: its fingerprint can only show
likeness, which is never proof and never turns a verdict to verified.
"""

from __future__ import annotations

from collections.abc import Callable

from stemproof.audio.facts import AudioFacts, Fingerprint
from stemproof.claim.claim import Claim
from stemproof.errors import Malformed, StemproofError, Undecided
from stemproof.record.fields import Fields
from stemproof.verify.bundle import Verdict
from stemproof.verify.statement import recorded_audio
from stemproof.verify.verdict import State
from stemproof.verify.words import quote


def check_sound(verdict: Verdict, name: str, sha256: str, listen: Callable[[], AudioFacts]) -> None:
    """Add the line on one audio file; it is only listened to where the bytes differ."""
    claim = verdict.claim
    if claim is None:
        says = f"{name}: the bundle gives no claim to check"
        verdict.checks.add("audio", State.UNDECIDED, says, file=name)
        return
    for item in claim.audio:
        if item.sha256 == sha256:
            says = f"{name} is the {item.role} {quote(item.name)}, byte for byte"
            verdict.checks.add("audio", State.VERIFIED, says, file=name)
            return
    differs = f"{name}: sha256 is {sha256[:12]}, which is none of the claim's files"
    try:
        state, says = _compare(verdict, claim, listen())
    except Undecided as error:
        # Without the means to listen, nobody can say that it is another piece.
        state, says = State.UNDECIDED, f"it was not compared by sound: {error}"
    except StemproofError as error:
        state, says = State.REFUTED, f"nor can it be compared by sound: {error}"
    verdict.checks.add("audio", state, f"{differs}; {says}", file=name)


def _compare(verdict: Verdict, claim: Claim, heard: AudioFacts) -> tuple[State, str]:
    if heard.pcm_digest is None:
        return _liken(verdict, claim, heard.fingerprint)
    for item in claim.audio:
        recorded = recorded_audio(verdict.logs, item).members.get("pcm")
        if recorded == heard.pcm_digest.hex():
            return State.VERIFIED, f"it holds the samples of the {item.role} {quote(item.name)}"
    try:
        _, likeness = _liken(verdict, claim, heard.fingerprint)
    except Undecided as error:
        likeness = str(error)
    return State.REFUTED, f"nor are its samples those of any of them; {likeness}"


def _liken(verdict: Verdict, claim: Claim, heard: Fingerprint) -> tuple[State, str]:
    from stemproof.audio.match import compare

    found = []
    for item in claim.audio:
        recorded = read_fingerprint(recorded_audio(verdict.logs, item))
        if recorded.is_telling:
            found.append((compare(heard, recorded), item))
    if not found:
        raise Undecided("the claim's files have no fingerprint")
    likeness, item = max(found, key=lambda pair: pair[0].sharpness)
    measure = f"bit error {likeness.ber:.3f}, sharpness {likeness.sharpness:.2f}"
    which = f"the {item.role} {quote(item.name)}"
    match likeness.verdict:
        case "same":
            return State.UNDECIDED, f"it sounds like {which} ({measure}): likeness, not proof"
        case "possible":
            return State.UNDECIDED, f"it may be derived from {which} ({measure}): ask a human"
        case _:
            return State.REFUTED, f"it sounds like none of them either ({measure})"


def read_fingerprint(body: Fields) -> Fingerprint:
    """Read the fingerprint that an audio event holds."""
    from stemproof.audio import codec
    from stemproof.audio.digest import fingerprint_digest

    inner = body.inner("fingerprint")
    algorithm, items = codec.parse_text(inner.text("compressed"))
    fingerprint = Fingerprint(
        algorithm=inner.number("algorithm"),
        items=codec.items_to_bytes(items),
        sample_count=body.number("samples"),
        sample_rate=body.number("sample_rate"),
        channels=body.number("channels"),
        producer=inner.text("producer"),
    )
    if algorithm != fingerprint.algorithm:
        raise Malformed("fingerprint algorithm", algorithm, str(fingerprint.algorithm))
    opened = inner.text("digest")
    if fingerprint_digest(fingerprint).hex() != opened:
        raise Malformed("fingerprint digest", opened, "the digest of the recorded vector")
    return fingerprint
