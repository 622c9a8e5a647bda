"""A process that reads Content Credentials with c2pa and prints what it found as one JSON object.

    python -P -m stemproof.audio.marks.c2pa_reader MIME-TYPE < FILE-NAME

It runs alone because its library is compiled code over a stranger's bytes: a crash, a loop or
all memory ends this process and nothing else. The network is off: no remote manifests, no OCSP.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

MAX_SECONDS: Final = 60
MAX_MEMORY: Final = 4 << 30
_SETTINGS: Final[dict[str, Any]] = {
    "verify": {
        "verify_after_reading": True,
        "verify_trust": True,
        "ocsp_fetch": False,
        "remote_manifest_fetch": False,
    },
    "core": {"allowed_network_hosts": []},
}


def main() -> int:
    """Read the question from standard input, write the answer to standard output."""
    asked = json.loads(sys.stdin.buffer.read(65_536))
    _bound_this_process()
    json.dump(_read(asked["path"], asked["media"], asked.get("anchors", "")), sys.stdout)
    return 0


def _bound_this_process() -> None:
    try:
        import resource
    except ImportError:  # not there on Windows: the caller's deadline remains
        return
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    # It writes no file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


# Any: the library's report is JSON of many forms; the caller takes what it knows, by type.
def _read(path: str, media: str, anchors: str) -> dict[str, Any]:
    import c2pa

    settings = dict(_SETTINGS)
    if anchors:
        settings["trust"] = {"trust_anchors": anchors}
    try:
        context = c2pa.Context.from_dict(settings)
        with open(path, "rb") as file, c2pa.Reader(media, file, context=context) as reader:
            return {"report": json.loads(reader.json()), "state": reader.get_validation_state()}
    except c2pa.C2paError as error:
        return {"error": type(error).__name__.lstrip("_"), "message": str(error)[:300]}


if __name__ == "__main__":
    sys.exit(main())
