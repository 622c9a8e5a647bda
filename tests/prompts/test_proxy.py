"""Calls through the proxy reach the provider unchanged, and the log tells them."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.acts.keyed import Keyed
from tests.prompts.conftest import Running, running
from tests.prompts.upstreams import (
    MP3,
    WORDS,
    Handler,
    Provider,
    chat_events,
    message_events,
    provider,
)

from stemproof.capture.prompts.forward import Rules

KEY = "sk-test-" + "Zz9" * 12
COOKIE = "sid=cookiesecret123"
SONG = "".join(WORDS)


def call(
    proxy: Running | str,
    path: str,
    body: dict[str, Any] | bytes | None = None,
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> tuple[http.client.HTTPResponse, bytes]:
    """Make one call through the proxy."""
    parts = urlsplit(proxy if isinstance(proxy, str) else proxy.url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    link.request(method, path, data, {**sent, **(headers or {})})
    response = link.getresponse()
    try:
        return response, response.read()
    except http.client.IncompleteRead as cut:
        return response, cut.partial
    finally:
        link.close()


CHAT: dict[str, Any] = {
    "model": "gpt-x",
    "messages": [{"role": "user", "content": "a line about rain"}],
    "temperature": 0.5,
    "seed": 7,
}


def test_a_chat_becomes_a_request_and_a_result(proxy: Running, upstream: Provider) -> None:
    response, body = call(proxy, "/openai/v1/chat/completions", CHAT)
    assert response.status == 200
    said = json.loads(body)["choices"][0]["message"]["content"]
    passed = proxy.finish()
    assert (passed.calls, passed.requests, passed.results, passed.lost) == (1, 1, 1, 0)
    request = proxy.keyed.room.last("gen.request")
    assert request.body["provider"] == "openai"
    assert (request.body["model"], request.body["seed"]) == ("gpt-x", "7")
    assert request.body["parameters"] == {"temperature": "0.5"}
    assert request.body["endpoint"] == f"{urlsplit(upstream.url).netloc}/v1/chat/completions"
    assert request.body["terms"]["sha256"] == "cd" * 32
    assert request.fields["prompt"] == b"a line about rain"
    result = proxy.keyed.room.last("gen.result")
    assert result.body["call"] == request.body["call"]
    assert result.body["sha256"] == sha256(said.encode()).hexdigest()
    assert proxy.keyed.kept(sha256(said.encode()).digest()) == said.encode()
    assert result.body["raw"] == sha256(body).hexdigest()
    assert proxy.keyed.kept(sha256(body).digest()) == body


def test_each_of_several_choices_is_a_result(proxy: Running) -> None:
    call(proxy, "/openai/v1/chat/completions", {**CHAT, "n": 3})
    proxy.finish()
    results = [e.body for e in proxy.keyed.room.events() if e.action == "gen.result"]
    assert [body["index"] for body in results] == [0, 1, 2]
    assert len({body["sha256"] for body in results}) == 3


def test_the_provider_hears_what_was_sent(proxy: Running, upstream: Provider) -> None:
    data = json.dumps(CHAT, indent=3).encode()
    call(
        proxy,
        "/openai/v1/chat/completions?x=1&y=%2F..",
        data,
        {"Cookie": COOKIE, "X-Own": "yes", "Connection": "close, X-Hop", "X-Hop": "no"},
    )
    (heard,) = upstream.heard
    assert heard["body"] == data
    assert heard["path"] == "/v1/chat/completions?x=1&y=%2F.."
    assert heard["headers"]["authorization"] == f"Bearer {KEY}"
    assert heard["headers"]["cookie"] == COOKIE
    assert heard["headers"]["x-own"] == "yes"
    assert "x-hop" not in heard["headers"]
    assert heard["headers"]["host"] == urlsplit(upstream.url).netloc


@pytest.mark.parametrize(
    ("path", "body", "events"),
    [
        ("/openai/v1/chat/completions", {**CHAT, "stream": True}, chat_events()),
        ("/anthropic/v1/messages", {**CHAT, "stream": True}, message_events()),
    ],
)
def test_a_stream_comes_through_byte_by_byte_and_is_one_text(
    proxy: Running, path: str, body: dict[str, Any], events: list[bytes]
) -> None:
    _, got = call(proxy, path, body)
    assert got == b"".join(events)
    proxy.finish()
    result = proxy.keyed.room.last("gen.result").body
    assert result["sha256"] == sha256(SONG.encode()).hexdigest()
    assert result["raw"] == sha256(got).hexdigest()
    assert result["status"] == "ok"


def test_a_stream_is_not_held_back(proxy: Running, upstream: Provider) -> None:
    parts = urlsplit(proxy.url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    link.request("POST", "/openai/waiting/chat/completions", json.dumps(CHAT))
    response = link.getresponse()
    # The provider sends nothing more before this first piece has come through.
    assert response.read1(65536) == chat_events()[0]
    upstream.go.set()
    assert response.read() == chat_events()[1]
    link.close()


def test_sound_is_one_result_as_it_came(proxy: Running) -> None:
    _, got = call(proxy, "/openai/v1/audio/speech", {"model": "tts", "input": "la la"})
    assert got == MP3
    proxy.finish()
    result = proxy.keyed.room.last("gen.result").body
    assert (result["media"], result["bytes"]) == ("audio/mpeg", len(MP3))
    assert "raw" not in result
    assert proxy.keyed.kept(sha256(MP3).digest()) == MP3


def test_a_song_is_asked_for_polled_and_downloaded(proxy: Running, upstream: Provider) -> None:
    song = {
        "customMode": True,
        "instrumental": False,
        "prompt": "[Verse] silver rain",
        "style": "slow waltz",
        "title": "Rain",
        "model": "V5",
        "callBackUrl": "https://me.example/hook?token=hooktoken12345",
    }
    call(proxy, "/sunoapi/api/v1/generate", song)
    for _ in range(3):
        call(proxy, "/sunoapi/api/v1/generate/record-info?taskId=job-5c79", method="GET")
    proxy.finish()
    room = proxy.keyed.room
    request = room.last("gen.request")
    assert request.fields["lyrics"] == b"[Verse] silver rain"
    assert request.fields["prompt"] == b"slow waltz\nRain"
    # Downloads end in any order.
    found = [e.body for e in room.events() if e.action == "gen.result"]
    results = sorted(found, key=lambda body: int(body["index"]))
    assert [body["index"] for body in results] == [0, 1]
    assert {body["call"] for body in results} == {request.body["call"]}
    for number, body in enumerate(results):
        data = MP3 + bytes([number])
        assert body["sha256"] == sha256(data).hexdigest()
        assert proxy.keyed.kept(sha256(data).digest()) == data
    downloads = [one for one in upstream.heard if one["path"].startswith("/cdn/")]
    assert all("authorization" not in one["headers"] for one in downloads)


def test_a_poll_finds_its_request_after_the_proxy_was_started_anew(
    keyed: Keyed, upstream: Provider
) -> None:
    with running(keyed, upstream.url) as first:
        call(first, "/sunoapi/api/v1/generate", {"prompt": "a waltz"})
    poll = "/sunoapi/api/v1/generate/record-info?taskId=job-5c79"
    for _ in range(3):
        with running(keyed, upstream.url) as later:
            call(later, poll, method="GET")
    results = [e.body for e in keyed.room.events() if e.action == "gen.result"]
    assert sorted(body["index"] for body in results) == [0, 1]


def test_what_starts_no_generation_passes_and_leaves_no_trace(proxy: Running) -> None:
    response, body = call(proxy, "/openai/v1/models", method="GET")
    assert (response.status, body) == (200, b'{"data":[]}')
    assert response.getheader("Set-Cookie") == "sid=sessionsecret1"
    passed = proxy.finish()
    assert (passed.calls, passed.requests, passed.results) == (1, 0, 0)


def test_an_error_of_the_provider_is_passed_on_and_recorded(proxy: Running) -> None:
    response, body = call(proxy, "/openai/v2/chat/completions", CHAT)
    assert response.status == 404
    assert b"no such thing" in body
    proxy.finish()
    result = proxy.keyed.room.last("gen.result")
    assert (result.body["status"], result.body["error"]) == ("failed", "HTTP 404")
    assert result.header.class_ == "unknown"


def test_a_provider_that_is_not_there_is_a_502(keyed: Keyed) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with running(keyed, url) as proxy:
            response, body = call(proxy, "/openai/v1/chat/completions", CHAT)
            assert response.status == 502
            assert json.loads(body)["error"]["type"] == "stemproof_proxy"
    assert keyed.room.last("gen.result").body["status"] == "failed"


def test_no_secret_is_in_the_ledger_the_vault_or_what_is_told(
    proxy: Running, upstream: Provider
) -> None:
    body = {
        **CHAT,
        "api_key": "bodysecret-0123456789",
        "messages": [{"role": "user", "content": f"my key is {KEY}, keep it"}],
    }
    headers = {"Cookie": COOKIE, "x-api-key": "headersecret0123456789"}
    call(proxy, "/openai/v1/chat/completions?key=querysecret01234", body, headers)
    call(proxy, "/openai/v1/models?api_key=querysecret56789", headers=headers, method="GET")
    call(proxy, f"/openai/v1/{KEY}/chat/completions", body, headers)
    proxy.finish()
    assert proxy.keyed.room.last("gen.request").fields["prompt"] == (
        b"my key is [secret removed], keep it"
    )
    secrets = [
        KEY,
        "cookiesecret123",
        "headersecret0123456789",
        "bodysecret-0123456789",
        "querysecret01234",
        "querysecret56789",
        "sessionsecret1",
    ]
    files = [path for path in proxy.keyed.room.home.path.rglob("*") if path.is_file()]
    found = [
        (path.name, secret)
        for path in files
        for secret in secrets
        if secret.encode() in path.read_bytes()
    ]
    assert found == []
    assert not [line for line in proxy.told for secret in secrets if secret in line]


def test_an_output_that_repeats_the_callers_key_is_not_kept(keyed: Keyed) -> None:
    def echo(handler: Handler, body: bytes) -> None:
        text = handler.headers["Authorization"]
        answer = {"choices": [{"index": 0, "message": {"content": f"you sent {text}"}}]}
        handler.send(200, "application/json", json.dumps(answer).encode())

    with provider({"/echo/chat/completions": echo}) as found, running(keyed, found.url) as proxy:
        call(proxy, "/openai/echo/chat/completions", CHAT)
    result = keyed.room.last("gen.result").body
    assert "key of the caller" in result["error"]
    assert keyed.count() == 0


def test_a_provider_that_breaks_off_is_seen_by_the_caller_and_recorded_as_cut(
    proxy: Running,
) -> None:
    parts = urlsplit(proxy.url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    link.request("POST", "/openai/broken/chat/completions", json.dumps(CHAT))
    response = link.getresponse()
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        response.read()
    response.close()
    link.close()
    proxy.finish()
    result = proxy.keyed.room.last("gen.result").body
    assert result["status"] == "cut"
    text = "".join(WORDS[:3]).encode()
    assert result["sha256"] == sha256(text).hexdigest()


def test_a_caller_that_hangs_up_is_recorded_as_cut(proxy: Running) -> None:
    parts = urlsplit(proxy.url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    link.request("POST", "/openai/waiting/chat/completions", json.dumps(CHAT))
    response = link.getresponse()
    assert response.read1(65536)
    response.close()
    link.close()
    end = time.monotonic() + 10
    while proxy.recorder.scribe.results == 0 and time.monotonic() < end:
        time.sleep(0.02)
    proxy.finish()
    result = proxy.keyed.room.last("gen.result").body
    assert (result["status"], result["error"]) == ("cut", "the caller hung up")


def test_a_stream_without_end_passes_on_while_its_copy_is_bounded(
    keyed: Keyed, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemproof.capture.prompts.copying.MAX_COPY_BYTES", 1)
    with running(keyed, upstream.url) as proxy:
        # The bound of memory that all copies share.
        proxy.recorder.budget.free = 1_000_000
        parts = urlsplit(proxy.url)
        link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        link.request("POST", "/openai/endless/chat/completions", json.dumps(CHAT))
        response = link.getresponse()
        got = 0
        while got < 5_000_000:
            got += len(response.read(100_000))
        upstream.go.set()
        response.close()
        link.close()
        proxy.finish()
        assert proxy.recorder.budget.free == 1_000_000
    result = keyed.room.last("gen.result").body
    assert result["status"] == "cut"
    assert result["bytes"] >= 5_000_000
    assert keyed.count() == 0


def test_a_long_upload_is_passed_on_piece_by_piece(
    keyed: Keyed, upstream: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemproof.capture.prompts.forward.MAX_ASKED_BYTES", 100_000)
    body = b"x" * 1_000_000
    with running(keyed, upstream.url) as proxy:
        call(proxy, "/openai/v1/audio/speech", body)
    assert upstream.heard[0]["body"] == body
    assert "unread" in keyed.room.last("gen.request").body["parameters"]


def test_a_request_that_is_no_json_passes_and_is_recorded_as_unread(
    proxy: Running, upstream: Provider
) -> None:
    call(proxy, "/openai/v1/audio/speech", b'{"input":"a","input":"b"}')
    assert upstream.heard[0]["body"] == b'{"input":"a","input":"b"}'
    proxy.finish()
    parameters = proxy.keyed.room.last("gen.request").body["parameters"]
    assert parameters == {"unread": "in no form that has one meaning"}


def test_a_packed_answer_comes_through_packed_and_is_read(keyed: Keyed) -> None:
    packed = gzip.compress(json.dumps({"choices": [{"message": {"content": SONG}}]}).encode())

    def pack(handler: Handler, body: bytes) -> None:
        handler.send(200, "application/json", packed, Content_Encoding="gzip")

    with provider({"/pack/chat/completions": pack}) as found, running(keyed, found.url) as proxy:
        _, got = call(proxy, "/openai/pack/chat/completions", CHAT, {"Accept-Encoding": "gzip, br"})
        assert got == packed
        assert found.heard[0]["headers"]["accept-encoding"] == "identity"
    result = keyed.room.last("gen.result").body
    assert result["sha256"] == sha256(SONG.encode()).hexdigest()
    assert result["raw"] == sha256(packed).hexdigest()


def test_strict_records_before_it_answers(keyed: Keyed, upstream: Provider) -> None:
    with running(keyed, upstream.url, Rules(strict=True)) as proxy:
        for path, body in (
            ("/openai/v1/chat/completions", CHAT),
            ("/openai/v1/chat/completions", {**CHAT, "stream": True}),
            ("/openai/v1/audio/speech", {"input": "la"}),
        ):
            before = len(keyed.room.events())
            response, _ = call(proxy, path, body)
            assert response.status == 200
            assert len(keyed.room.events()) == before + 2
