"""Content Credentials: what they say, who signed, whether it holds; forged ones prove nothing."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audio.making_credentials import Chain, make_chain, manifest, sign
from tests.audio.making_marks import c2pa_object, frame, id3

from stemproof.audio.marks import Finding, inspect_audio
from stemproof.audio.marks import credentials as room
from stemproof.audio.marks.credentials import read_anchors
from stemproof.errors import BadInput

Convert = Callable[..., Path]
HAS_C2PA = importlib.util.find_spec("c2pa") is not None
needs_c2pa = pytest.mark.skipif(not HAS_C2PA, reason="the extra c2pa is not installed")


@pytest.fixture(scope="module")
def chain() -> Chain:
    return make_chain()


def plain(convert: Convert, ext: str) -> Path:
    return convert(f"short.{ext}", "-f", "lavfi", "-i", "sine=d=2")


def only(path: Path, **options: str) -> Finding:
    (finding,) = inspect_audio(path, **options).findings
    return finding


@needs_c2pa
@pytest.mark.parametrize("ext", ["wav", "mp3", "flac", "m4a"])
def test_a_signature_that_holds_is_told_with_its_signer(
    ext: str, chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    path = tmp_path / f"signed.{ext}"
    path.write_bytes(sign(plain(convert, ext), chain, manifest()))
    found = only(path)
    assert (found.source, found.generator, found.kind) == ("c2pa", "Suno", "generator")
    assert (found.signed, found.valid, found.trusted) == (True, True, False)
    assert found.class_ == "ai_generated"
    assert "com.suno.provenance" in found.text
    assert "c2pa.created" in found.text
    assert "trainedAlgorithmicMedia" in found.says
    assert "Made-up Generator" in found.says
    assert "signingCredential.untrusted" in found.says


@needs_c2pa
def test_a_signer_is_trusted_by_named_certificates_only(
    chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    path, own, other = (tmp_path / name for name in ("a.wav", "own.pem", "other.pem"))
    path.write_bytes(sign(plain(convert, "wav"), chain, manifest()))
    own.write_bytes(chain.root)
    other.write_bytes(make_chain().root)
    assert only(path, anchors=read_anchors(own)).trusted is True
    assert only(path, anchors=read_anchors(other)).trusted is False


@needs_c2pa
@pytest.mark.parametrize("ext", ["wav", "mp3", "flac", "m4a"])
def test_sound_that_was_changed_afterwards_refutes_the_signature(
    ext: str, chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    signed = bytearray(sign(plain(convert, ext), chain, manifest()))
    place = 2000 if ext == "wav" else len(signed) - 500
    signed[place] ^= 1
    path = tmp_path / f"changed.{ext}"
    path.write_bytes(signed)
    found = only(path)
    assert (found.valid, found.trusted, found.class_) == (False, False, "unknown")
    assert found.kind == "credentials"
    assert "does not hold for this file" in found.says
    assert "ashMismatch" in found.says or "mismatch" in found.says


@needs_c2pa
def test_credentials_of_another_file_do_not_hold(
    chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    signed = sign(plain(convert, "wav"), chain, manifest())
    store = signed[signed.index(b"C2PA") :]
    path = tmp_path / "forged.wav"
    path.write_bytes(convert("other.wav", "-f", "lavfi", "-i", "sine=d=3").read_bytes() + store)
    assert only(path).valid is False


@needs_c2pa
def test_a_recording_that_is_signed_is_no_generator(
    chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    claim = manifest("digitalCapture", by="A recorder")
    claim["assertions"].pop()
    path = tmp_path / "captured.wav"
    path.write_bytes(sign(plain(convert, "wav"), chain, claim))
    found = only(path)
    assert (found.kind, found.generator, found.class_) == ("credentials", "", "unknown")
    assert found.valid is True


@needs_c2pa
@pytest.mark.parametrize(
    "store",
    [b"", b"\0\0\0\x10jumbxxxxxxxx", b"\xff" * 5000, b"\0\0\0\x08jumb" * 4000],
    ids=["empty", "short", "noise", "boxes"],
)
def test_a_store_that_is_none_proves_nothing(
    store: bytes, convert: Convert, tmp_path: Path
) -> None:
    path = tmp_path / "forged.mp3"
    head = id3(frame("GEOB", c2pa_object(store)))
    path.write_bytes(head + plain(convert, "mp3").read_bytes())
    found = only(path)
    assert found.valid in (False, None)
    assert found.class_ == "unknown"
    assert found.kind == "credentials"


@needs_c2pa
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_changed_bit_leaves_a_signature_that_says_more(
    data: st.DataObject, chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    signed = bytearray(sign(plain(convert, "mp3"), chain, manifest()))
    # Sound and manifest; the few bytes of tags around them are not covered.
    place = data.draw(st.integers(400, len(signed) - 1))
    signed[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "flipped.mp3"
    path.write_bytes(signed)
    for found in inspect_audio(path).findings:
        assert found.trusted is not True
        assert found.valid is not True or found.generator == "Suno"


@contextmanager
def counting_server() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/store.c2pa", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@needs_c2pa
@pytest.mark.parametrize("ext", ["wav", "mp3"])
def test_a_store_elsewhere_is_not_fetched(
    ext: str, chain: Chain, convert: Convert, tmp_path: Path
) -> None:
    with counting_server() as (url, asked):
        path = tmp_path / f"remote.{ext}"
        signed = sign(plain(convert, ext), chain, manifest(), remote=url)
        assert url.encode() in signed
        path.write_bytes(signed)
        room.check_credentials(path, "WAV" if ext == "wav" else "MP3", "a test")
        inspect_audio(path)
        assert asked == []


def test_without_the_extra_they_are_told_and_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "find_spec", lambda _: None)
    path = tmp_path / "signed.mp3"
    path.write_bytes(id3(frame("GEOB", c2pa_object())) + b"\xff\xfb\x90\x00" + bytes(413))
    found = only(path)
    assert (found.signed, found.valid, found.trusted) == (None, None, None)
    assert 'not checked: install "stemproof[c2pa]"' in found.says


def test_a_file_without_certificates_is_refused_as_a_list_of_trust(tmp_path: Path) -> None:
    path = tmp_path / "list.pem"
    path.write_text("nothing")
    with pytest.raises(BadInput, match="holds no certificates"):
        read_anchors(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_anchors(tmp_path / "nowhere")
