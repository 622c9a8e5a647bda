"""Content Credentials (C2PA): what they say, who signed it, whether that holds, and who trusts it.

Checked by c2pa-python in a process of its own, where the extra `c2pa` is installed; without it
the answer is that they are there and were not checked. No list of trusted signers comes with
this program: a signer is `trusted` only by certificates that the caller names.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from stemproof.audio.marks.c2pa_reader import MAX_SECONDS
from stemproof.audio.marks.model import Finding
from stemproof.audio.marks.table import load_table
from stemproof.errors import BadInput
from stemproof.record.depth import is_deeper

MEDIA: Final = {
    "WAV": "audio/wav",
    "AIFF": "audio/aiff",
    "MP3": "audio/mpeg",
    "MP4": "audio/mp4",
    "FLAC": "audio/flac",
}
MAX_ANCHORS_BYTES: Final = 1 << 20
_MAX_ANSWER_BYTES: Final = 8 << 20
_MAX_ACTIONS: Final = 200
_MAX_DEPTH: Final = 100
_SHOWN: Final = 120
_SOURCE_TYPES: Final = "/digitalsourcetype/"
_CLASSES: Final = {
    "trainedAlgorithmicMedia": "ai_generated",
    "compositeWithTrainedAlgorithmicMedia": "ai_assisted",
    "compositeSynthetic": "ai_assisted",
}
# What the library tells of a good signature of a signer whom nobody has listed.
_UNTRUSTED: Final = "signingCredential.untrusted"

Report = dict[str, Any]  # the library's JSON; taken apart by type below


def check_credentials(path: Path, container: str, place: str, anchors: str = "") -> Finding:
    """Check the Content Credentials that lie in a file; `anchors` are PEM certificates."""
    if find_spec("c2pa") is None:
        return _unchecked(place, 'install "stemproof[c2pa]" to check them')
    if container not in MEDIA:
        return _unchecked(place, f"in {container} files they cannot be checked")
    answer = _ask(path, MEDIA[container], anchors)
    if isinstance(answer, str):
        return _unchecked(place, answer)
    error = answer.get("error")
    if error is not None:
        return Finding(
            source="c2pa",
            generator="",
            text=str(answer.get("message", ""))[:_SHOWN],
            says=f"Content Credentials in {place} that are damaged or forged ({str(error)[:40]}):"
            " they prove nothing",
            kind="credentials",
            signed=None,
            valid=False,
            trusted=False,
        )
    return _told(answer.get("report"), answer.get("state"), place)


def read_anchors(path: Path) -> str:
    """Read a file of PEM certificates whose signers are to be trusted."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_ANCHORS_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MAX_ANCHORS_BYTES or b"-----BEGIN CERTIFICATE-----" not in data:
        raise BadInput(f"{path.name!r} holds no certificates in PEM form")
    return data.decode("ascii", "replace")


def _unchecked(place: str, why: str) -> Finding:
    return Finding(
        source="c2pa",
        generator="",
        text="",
        says=f"Content Credentials are there (in {place}), not checked: {why}",
        kind="credentials",
        signed=None,
    )


def _ask(path: Path, media: str, anchors: str) -> Report | str:
    """Ask the reader's process; a sentence says why there is no answer."""
    question = json.dumps({"path": str(path.absolute()), "media": media, "anchors": anchors})
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "stemproof.audio.marks.c2pa_reader"],
            input=question.encode("utf-8", "surrogateescape"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=MAX_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"they took more than {MAX_SECONDS} s to read"
    except OSError as error:
        return f"their reader cannot be run: {error.strerror}"
    if done.returncode != 0 or len(done.stdout) > _MAX_ANSWER_BYTES:
        return "their reader failed on this file"
    # A stranger's statement decides how deep it is nested.
    if is_deeper(done.stdout, _MAX_DEPTH):
        return "they are nested too deep"
    answer: object = json.loads(done.stdout)
    return answer if isinstance(answer, dict) else "their reader failed on this file"


def _told(report: object, state: object, place: str) -> Finding:
    whole = _object(report)
    manifests = _object(whole.get("manifests"))
    active = _object(manifests.get(str(whole.get("active_manifest"))))
    signature = _object(active.get("signature_info"))
    signer = ", ".join(
        dict.fromkeys(
            _text(signature.get(name)) for name in ("common_name", "issuer") if signature.get(name)
        )
    )
    valid, trusted = state in ("Valid", "Trusted"), state == "Trusted"
    types = list(dict.fromkeys(_source_types(active)))
    labels = [_text(one.get("label")) for one in _assertions(active)]
    made_by = _generator(active)
    class_ = next((_CLASSES[one] for one in types if one in _CLASSES), "unknown")
    generator = load_table().find_signer(f"{made_by} {signer} {' '.join(labels)}")
    if not generator and class_ != "unknown":
        generator = made_by
    verdict = _verdict(signer, valid=valid, trusted=trusted, codes=_failures(whole))
    return Finding(
        source="c2pa",
        generator=generator,
        text=_list(made_by, _actions(active), types, labels),
        says=f"Content Credentials of {made_by or 'an unnamed program'}: "
        + (f"{', '.join(types)}; " if types else "")
        + verdict,
        kind="generator" if class_ != "unknown" and valid else "credentials",
        signed=bool(signature),
        valid=valid,
        trusted=trusted,
        class_=class_ if valid else "unknown",
    )


def _verdict(signer: str, *, valid: bool, trusted: bool, codes: list[str]) -> str:
    named = f"signed by {signer}" if signer else "signed by nobody who is named"
    if not valid:
        why = ", ".join(code for code in codes if code != _UNTRUSTED) or "it is not valid"
        return f"{named}, and the signature does not hold for this file ({why[:_SHOWN]})"
    if trusted:
        return f"{named}; the signature holds, and a certificate that you trust stands behind it"
    return (
        f"{named}; the signature holds, but who that is was not checked"
        f" ({_UNTRUSTED}: nobody you listed vouches for the signer)"
    )


def _generator(active: Report) -> str:
    listed = active.get("claim_generator_info")
    for one in listed if isinstance(listed, list) else []:
        info = _object(one)
        return " ".join(filter(None, (_text(info.get("name")), _text(info.get("version")))))
    return _text(active.get("claim_generator"))


def _assertions(active: Report) -> list[Report]:
    listed = active.get("assertions")
    return [_object(one) for one in listed[:_MAX_ACTIONS]] if isinstance(listed, list) else []


def _each_action(active: Report) -> Iterator[Report]:
    for one in _assertions(active):
        if _text(one.get("label")).startswith("c2pa.actions"):
            listed = _object(one.get("data")).get("actions")
            yield from map(_object, listed[:_MAX_ACTIONS] if isinstance(listed, list) else [])


def _actions(active: Report) -> list[str]:
    return list(dict.fromkeys(_text(one.get("action")) for one in _each_action(active)))


def _source_types(active: Report) -> Iterator[str]:
    for action in _each_action(active):
        kind = _text(action.get("digitalSourceType"))
        if _SOURCE_TYPES in kind:
            yield kind.rpartition("/")[2]


def _failures(whole: Report) -> list[str]:
    results = _object(_object(whole.get("validation_results")).get("activeManifest"))
    listed = results.get("failure") or whole.get("validation_status")
    found = [_object(one) for one in listed] if isinstance(listed, list) else []
    return list(dict.fromkeys(_text(one.get("code")) for one in found))[:20]


def _list(made_by: str, actions: list[str], types: list[str], labels: list[str]) -> str:
    parts = (
        ("by", made_by),
        ("actions", ", ".join(actions[:20])),
        ("digitalSourceType", ", ".join(types[:20])),
        ("assertions", ", ".join(labels[:20])),
    )
    return "; ".join(f"{name} {value}" for name, value in parts if value)[:1000]


def _object(value: object) -> Report:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:_SHOWN] if isinstance(value, str) else ""
