"""What was asked of a generator stands in the log; secrets stand nowhere."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed

from stemproof.acts.begin import add_work, list_works
from stemproof.acts.erase import erase, plan_events
from stemproof.acts.generating import (
    MAX_PROMPT,
    Request,
    Result,
    choose_work,
    record_request,
    record_result,
)
from stemproof.acts.home import now, opened
from stemproof.acts.reading import Wanted, newest_lines
from stemproof.errors import Usage
from stemproof.testnet.song import write_step

KEY = "sk-" + "a1B2" * 10
ASKED = Request(
    provider="openai",
    model="gpt-x",
    kind="text",
    parameters={"temperature": 0.7, "n": 2, "api_key": KEY, "user": f"me {KEY}"},
    seed=42,
    endpoint=f"https://me:pw@api.example:8443/v1/chat?key={KEY}",
    terms={"url": "https://api.example/terms?x=1", "sha256": "ab" * 32},
    tool="proxy",
    prompt=f"a waltz in D minor {KEY}",
    lyrics="la la la",
)


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def ask(keyed: Keyed, request: Request = ASKED) -> str:
    with opened(keyed.room.home) as log:
        return record_request(log, keyed.room.work, request, now())


def give(keyed: Keyed, result: Result) -> str:
    with opened(keyed.room.home) as log:
        return record_result(log, keyed.room.work, result, now())


def result_of(call: str, data: bytes, status: str = "ok") -> Result:
    digest = sha256(data).hexdigest()
    return Result(call, 0, "text/plain", data, digest, len(data), status)


def test_a_request_is_recorded_with_what_was_asked(keyed: Keyed) -> None:
    call = ask(keyed)
    event = keyed.room.last("gen.request")
    assert event.body["call"] == call
    assert event.body["parameters"] == {
        "temperature": "0.7",
        "n": 2,
        "user": "me [secret removed]",
    }
    assert event.body["seed"] == "42"
    assert event.body["endpoint"] == "api.example:8443/v1/chat"
    assert event.body["terms"] == {"url": "https://api.example/terms", "sha256": "ab" * 32}
    assert (event.header.class_, event.header.observed) == ("ai_assisted", "tool")


def test_prompt_and_lyrics_are_commitments_and_not_in_the_body(keyed: Keyed) -> None:
    ask(keyed)
    event = keyed.room.last("gen.request")
    assert event.fields["prompt"] == b"a waltz in D minor [secret removed]"
    assert event.fields["lyrics"] == b"la la la"
    assert b"waltz" not in event.fields["body"]
    assert set(event.header.commit) == {"body", "prompt", "lyrics"}


def test_no_key_reaches_the_ledger_folder(keyed: Keyed) -> None:
    give(keyed, result_of(ask(keyed), b"an answer"))
    files = [path for path in keyed.room.home.path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_prompt_of_any_length_is_cut_and_said_to_be(keyed: Keyed) -> None:
    ask(keyed, Request("p", "m", "text", prompt="x" * (MAX_PROMPT + 5)))
    event = keyed.room.last("gen.request")
    assert len(event.fields["prompt"]) == MAX_PROMPT
    assert event.body["prompt_cut"] == MAX_PROMPT + 5


def test_a_result_is_kept_in_the_vault_as_it_came(keyed: Keyed) -> None:
    output = b"\x00raw\xff" * 100
    assert give(keyed, result_of(ask(keyed), output)) == ""
    event = keyed.room.last("gen.result")
    assert event.header.class_ == "ai_generated"
    assert (event.body["bytes"], event.body["status"]) == (len(output), "ok")
    assert keyed.kept(sha256(output).digest()) == output


def test_an_erased_result_takes_its_output_and_answer_out_of_the_vault(keyed: Keyed) -> None:
    data, raw = b"a song", b'{"song":"a song"}'
    digest = sha256(data).hexdigest()
    give(keyed, Result(ask(keyed), 0, "text/plain", data, digest, len(data), raw=raw))
    assert keyed.count() == 2
    with opened(keyed.room.home) as log:
        newest = newest_lines(log, Wanted(), 1)[0].entry.id
        erase(log, plan_events(log, [newest]), now())
    assert keyed.count() == 0


def test_what_failed_generated_nothing(keyed: Keyed) -> None:
    empty = Result(ask(keyed), 0, "", None, sha256(b"").hexdigest(), 0, "failed", "HTTP 500")
    give(keyed, empty)
    assert keyed.room.last("gen.result").header.class_ == "unknown"


def test_the_events_belong_to_the_session_that_is_open(keyed: Keyed) -> None:
    write_step(keyed.room.folder, 1)
    keyed.room.look()
    ask(keyed)
    assert keyed.room.last("gen.request").header.session == keyed.room.work.session != ""
    with opened(keyed.room.home) as log:
        record_request(log, keyed.room.work, ASKED, now() + timedelta(hours=1))
    assert keyed.room.last("gen.request").header.session == ""


def test_the_log_tells_both_in_sentences(keyed: Keyed) -> None:
    call = ask(keyed)
    give(keyed, result_of(call, b"abc", "cut"))
    with opened(keyed.room.home) as log:
        told = [line.text for line in newest_lines(log, Wanted(), 2)]
    assert told == [
        "asked openai (gpt-x) for text, seen by proxy",
        f"result 1 of call {call[:8]}: text/plain, 3 bytes, cut short",
    ]


@pytest.mark.parametrize(
    "request_",
    [
        Request("p", "m", "smell"),
        Request("p", "m", "text", tool="crystal ball"),
        Request("p", "m", "text", stage="never"),
        Request("p", "m", "text", terms={"sha256": "AB"}),
    ],
)
def test_words_outside_the_lists_are_refused(keyed: Keyed, request_: Request) -> None:
    before = len(keyed.room.events())
    with pytest.raises(Usage):
        ask(keyed, request_)
    assert len(keyed.room.events()) == before


@pytest.mark.parametrize(
    "result",
    [
        Result("xyz", 0, "", None, "0" * 64, 0),
        Result("0" * 32, 0, "", None, "0" * 63, 0),
        Result("0" * 32, -1, "", None, "0" * 64, 0),
        Result("0" * 32, 0, "", None, "0" * 64, 0, "perfect"),
    ],
)
def test_a_result_that_cannot_be_is_refused(keyed: Keyed, result: Result) -> None:
    with pytest.raises(Usage):
        give(keyed, result)


def test_a_text_with_lone_surrogates_is_recorded_with_replacements(keyed: Keyed) -> None:
    ask(keyed, Request("p\ud800", "m", "text", {"a\ud800": 1, "b": "\udfff"}, prompt="x\ud800"))
    event = keyed.room.last("gen.request")
    assert event.fields["prompt"] == b"x?"
    assert event.body["parameters"] == {"b": "?"}


def test_the_work_of_a_call_is_named_the_only_one_or_around_the_folder(keyed: Keyed) -> None:
    home, first = keyed.room.home, keyed.room.work
    other = keyed.room.folder.parent / "second song"
    other.mkdir()
    with opened(home) as log:
        assert choose_work(log, None, Path("/")).id == first.id
    second = add_work(home, other, "second", now())
    (other / "takes").mkdir()
    with opened(home) as log:
        assert len(list_works(log)) == 2
        assert choose_work(log, "second", Path("/")).id == second.id
        assert choose_work(log, None, other / "takes").id == second.id
        with pytest.raises(Usage, match="this ledger has 2 works"):
            choose_work(log, None, Path("/"))
