"""Adapters read calls and answers as the vectors say; what has two meanings is refused."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemproof.capture.prompts.api import Call, Reply
from stemproof.capture.prompts.copying import unpack
from stemproof.capture.prompts.reading import parse_events
from stemproof.capture.prompts.registry import load_apis
from stemproof.errors import Malformed

VECTORS = sorted((Path(__file__).parents[1] / "vectors" / "prompts").glob("*.json"))
APIS, PROBLEMS = load_apis()


def data_of(raw: dict[str, Any]) -> bytes:
    if "base64" in raw:
        return base64.b64decode(raw["base64"])
    text: str = raw.get("body", raw.get("text", ""))
    return text.encode()


def call_of(raw: dict[str, Any]) -> Call:
    return Call(raw["method"], raw["path"], raw["query"], raw["media"], raw["body"].encode())


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_vector_reads_as_it_says(path: Path) -> None:
    vector = json.loads(path.read_text())
    api, call = APIS[vector["api"]], call_of(vector["call"])
    if "refused" in vector:
        assert path.stem.startswith("refused-")
        with pytest.raises(Malformed):
            api.read_request(call)
        return
    asked = api.read_request(call)
    assert (None if asked is None else asdict(asked)) == vector["asked"]
    if "reply" not in vector:
        return
    raw = vector["reply"]
    step = asdict(api.read_reply(call, Reply(raw["status"], raw["media"], data_of(raw))))
    want = vector["step"]
    want["outputs"] = tuple(
        {"index": one["index"], "media": one["media"], "data": data_of(one)}
        for one in want["outputs"]
    )
    want["downloads"] = tuple(want["downloads"])
    assert step == want


PATHS = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/messages",
    "/api/v1/generate",
    "/api/v1/generate/record-info",
    "/v2beta/audio/stable-audio-2/text-to-audio",
    "/v2beta/audio/results/a1",
    "/v1/music",
]
MEDIA = [
    "application/json",
    "text/event-stream",
    "multipart/form-data; boundary=b",
    "audio/mpeg",
    "",
]
WORDS = (
    "model messages content type text choices delta index output data b64_json url audio error"
    " taskId status response sunoData audioUrl id prompt input role parts"
).split()
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = (
    st.binary(max_size=60)
    | TREES.map(lambda tree: json.dumps(tree).encode())
    | TREES.map(lambda tree: b"data: " + json.dumps(tree).encode() + b"\n\n")
)


@settings(max_examples=150)
@given(
    name=st.sampled_from(sorted(APIS)),
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(PATHS),
    media=st.tuples(st.sampled_from(MEDIA), st.sampled_from(MEDIA)),
    bodies=st.tuples(BODIES, BODIES),
    status=st.sampled_from([200, 202, 404, 500]),
)
def test_any_bytes_are_read_or_refused(
    name: str,
    method: str,
    path: str,
    media: tuple[str, str],
    bodies: tuple[bytes, bytes],
    status: int,
) -> None:
    call = Call(method, path, {"taskId": "x"}, media[0], bodies[0])
    for read in (
        lambda: APIS[name].read_request(call),
        lambda: APIS[name].read_reply(call, Reply(status, media[1], bodies[1])),
    ):
        try:
            read()
        except Malformed:
            pass


def test_an_event_that_was_not_ended_is_left_out() -> None:
    stream = b"\xef\xbb\xbfevent: a\ndata: 1\ndata: 2\n\n: note\nid: 5\n\ndata:3\r\n\r\ndata: 4\n"
    assert list(parse_events(stream)) == [("a", "1\n2"), ("", "3")]


def test_a_packed_answer_is_unpacked_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    import gzip

    packed = gzip.compress(b"x" * 1000)
    assert unpack(packed, "gzip") == b"x" * 1000
    assert unpack(packed[:-8], "gzip") == b"x" * 1000
    assert unpack(packed, "br") is None
    assert unpack(b"no gzip", "gzip") is None
    monkeypatch.setattr("stemproof.capture.prompts.copying.MAX_UNPACKED_BYTES", 999)
    assert unpack(packed, "gzip") is None


ADDED = """
class Mine:
    name = "mine"
    upstream = "https://api.mine.example"

    def read_request(self, call):
        return None

    def read_reply(self, call, reply):
        raise ValueError


class NoAdapter:
    pass
"""
POINTS = """[stemproof.music_apis]
mine = added_api:Mine
odd = added_api:NoAdapter
gone = no_such_module:Api
openai = added_api:Mine
"""


def test_another_package_brings_an_adapter_and_a_bad_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "added_api.py").write_text(ADDED)
    info = tmp_path / "added_api-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added-api\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1])\n"
        "from stemproof.capture.prompts.registry import load_apis\n"
        "apis, problems = load_apis()\n"
        "print(json.dumps([sorted(apis), sorted(problems)]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    names, problems = json.loads(done.stdout)
    assert names == ["anthropic", "elevenlabs", "mine", "openai", "stableaudio", "sunoapi"]
    assert [text.split("'")[1] for text in problems] == ["gone", "odd", "openai"]
    assert PROBLEMS == []
