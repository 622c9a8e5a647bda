"""A tee changes nothing that passes, records each call, and outlives whoever misbehaves."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed, make_keyed
from tests.acts.room import command, make_room, wait_until
from tests.mcp.teed import ledger_bytes, start, teed

from stemproof.acts.home import opened
from stemproof.log.bound import bound_keys
from stemproof.log.check import check_log

WAV = b"RIFF$\x00\x00\x00WAVEfmt " + bytes(range(40))


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    return make_keyed(tmp_path)


def test_a_call_is_recorded_with_who_made_it_and_how_it_ended(keyed: Keyed) -> None:
    with teed(keyed.room, "", "--stage", "mixing") as tee:
        assert tee.greet()["result"]["serverInfo"]["name"] == "fake-daw"
        answer = tee.call("set_volume", track="Kick", db=-3.5)
        assert answer["result"]["content"][0]["text"].startswith("set_volume done")
        code, told = tee.finish()
    # The server's own exit code and standard error.
    assert code == 5
    assert "fake daw ready" in told
    assert "1 call recorded" in told
    event = keyed.room.last("mcp.call")
    body = event.body
    assert (body["server"], body["server_version"]) == ("fake-daw", "4.2")
    assert (body["client"], body["client_version"]) == ("test-client", "9")
    assert (body["tool"], body["status"], body["transport"]) == ("set_volume", "ok", "stdio")
    assert body["text_sha256"] is None
    text = json.loads(event.fields["prompt"])
    assert text["arguments"] == {"track": "Kick", "db": -3.5}
    assert "set_volume done" in text["result"]["content"][0]["text"]
    head = event.header
    assert (head.class_, head.observed, head.actor) == ("ai_assisted", "tool", "machine")
    assert (head.tool, head.stage) == ("assistant", "mixing")
    assert "Kick" not in json.dumps(body)
    shown = command(keyed.room, "log", "show", "--all").stdout
    assert "test-client called set_volume of fake-daw: done" in shown


def test_what_failed_or_only_read_is_of_no_class(keyed: Keyed) -> None:
    with teed(keyed.room) as tee:
        tee.greet()
        tee.ask("tools/list")
        tee.call("get_tempo")
        tee.call("fail")
        tee.finish()
    calls = [event for event in keyed.room.events() if event.action == "mcp.call"]
    assert [(c.body["tool"], c.body["status"], c.body["read_only"]) for c in calls] == [
        ("get_tempo", "ok", True),
        ("fail", "failed", None),
    ]
    assert {call.header.class_ for call in calls} == {"unknown"}


def test_media_are_kept_and_named_and_generated_only_where_that_was_said(keyed: Keyed) -> None:
    with teed(keyed.room) as tee:
        tee.call("make_sound", text="rain on a tin roof")
        tee.finish()
    call = keyed.room.last("mcp.call")
    digest = sha256(WAV).hexdigest()
    assert [(one["media"], one["sha256"]) for one in call.body["outputs"]] == [
        ("audio/wav", digest),
        ("audio/midi", digest),
    ]
    assert keyed.kept(sha256(WAV).digest()) == WAV
    assert call.body["call"] is None
    assert "gen.result" not in keyed.room.actions()

    with teed(keyed.room, "", "--generates", "make_sound") as tee:
        tee.greet()
        tee.call("make_sound", text="rain on a tin roof")
        tee.finish()
    request, call = keyed.room.last("gen.request"), keyed.room.last("mcp.call")
    assert call.body["call"] == request.body["call"]
    assert (request.body["provider"], request.body["tool"]) == ("fake-daw", "mcp")
    assert b"rain on a tin roof" in request.fields["prompt"]
    results = [e for e in keyed.room.events() if e.action == "gen.result"]
    assert [(r.body["index"], r.body["media"]) for r in results] == [
        (0, "audio/wav"),
        (1, "audio/midi"),
    ]
    assert {result.header.class_ for result in results} == {"ai_generated"}


def test_no_secret_reaches_the_ledger(keyed: Keyed) -> None:
    key, word, token = "keyfromtheenvironment77", "hunter2hunter2", "plainlookingtoken9"
    with teed(keyed.room, "", DAW_API_KEY=key) as tee:
        tee.greet()
        assert tee.call("environment")["result"]["content"][0]["text"] == key
        # The server echoes its arguments: a secret stands in the result, too.
        tee.call("login", password=word, nested=[{"apiKey": token}], note=f"it is {word}")
        tee.call("set_volume", Authorization=f"Bearer {token}", track="sk-" + "a1B2" * 8)
        tee.finish()
    found = ledger_bytes(keyed.room)
    for secret in (key, word, token, "sk-" + "a1B2" * 8):
        assert secret.encode() not in found
    texts = [e.fields["prompt"] for e in keyed.room.events() if e.action == "mcp.call"]
    assert all(b"[secret removed]" in text for text in texts)


def test_a_long_text_is_kept_whole_in_the_vault_alone(keyed: Keyed) -> None:
    words = "la " * 200_000
    with teed(keyed.room) as tee:
        tee.call("set_volume", words=words)
        tee.finish()
    event = keyed.room.last("mcp.call")
    kept = keyed.kept(bytes.fromhex(event.body["text_sha256"]))
    assert kept is not None
    assert json.loads(kept)["arguments"]["words"] == words
    assert len(event.fields["prompt"]) == 256 << 10


@pytest.mark.parametrize(("how", "said"), [("nonsense", "no message"), ("endless", "1 lost")])
def test_a_server_that_talks_nonsense_is_survived(keyed: Keyed, how: str, said: str) -> None:
    words = [sys.executable, str(Path(__file__).with_name("fake_daw.py")), how]
    tee = start(keyed.room, "tee", "--", *words)
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "set_volume"}}
    out, told = tee.process.communicate(json.dumps(ask).encode() + b"\n", timeout=30)
    assert tee.process.returncode == 5
    # All of it passed, and then the call's answer.
    assert len(out) > (40 << 20 if how == "endless" else 5000)
    assert b"set_volume done" in out[-500:]
    assert said in told.decode()
    assert keyed.room.last("mcp.call").body["status"] == "ok"


def test_a_flood_passes_whole_and_hides_no_call(keyed: Keyed) -> None:
    with teed(keyed.room, "flood") as tee:
        tee.call("set_volume")
        tee.finish()
    assert keyed.room.last("mcp.call").body["status"] == "ok"


def test_a_client_that_talks_nonsense_is_passed_on(keyed: Keyed) -> None:
    tee = start(keyed.room, "tee", "--", "cat")
    sent = b"\x00\xff nonsense\n" + b"{" * 100_000 + b"\n" + b"no end"
    out, told = tee.process.communicate(sent, timeout=30)
    assert out == sent
    assert tee.process.returncode == 0
    assert b"no message" in told


def test_a_server_that_dies_leaves_its_call_unanswered(keyed: Keyed) -> None:
    with teed(keyed.room, "dies") as tee:
        tee.greet()
        tee.write(
            b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"set_volume"}}\n'
        )
        assert tee.process.wait(20) == 7
    event = keyed.room.last("mcp.call")
    assert (event.body["status"], event.header.class_) == ("unanswered", "unknown")


def test_a_signal_goes_to_the_server_and_its_end_comes_back(keyed: Keyed) -> None:
    with teed(keyed.room, "slow") as tee:
        assert tee.process.stderr is not None
        assert b"ready" in tee.process.stderr.readline()
        tee.process.send_signal(signal.SIGTERM)
        assert tee.process.wait(20) == 128 + signal.SIGTERM


def test_killed_at_any_time_the_ledger_stays_whole_and_the_server_ends(keyed: Keyed) -> None:
    words = ["sh", "-c", f"echo $$ >&2; exec {sys.executable} {Path(__file__).parent}/fake_daw.py"]
    tee = start(keyed.room, "tee", "--", *words)
    assert tee.process.stderr is not None
    server = int(tee.process.stderr.readline())
    for _ in range(5):
        tee.call("set_volume")
    wait_until(lambda: keyed.room.actions().count("mcp.call") >= 3)
    tee.process.kill()
    tee.process.communicate(timeout=20)

    def is_gone() -> bool:
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{server}/stat")
        return status.exists() and status.read_text().split()[2] == "Z"

    wait_until(is_gone)
    with opened(keyed.room.home) as log:
        assert list(check_log(log, bound_keys(log).keys).wrong) == []


def test_without_a_ledger_the_traffic_passes_and_strict_refuses(tmp_path: Path) -> None:
    room = make_room(tmp_path)
    room.home.database.unlink()
    with teed(room) as tee:
        assert "result" in tee.call("set_volume")
        code, told = tee.finish()
    assert code == 5
    assert "nothing is recorded: there is no ledger" in told
    with teed(room, "", "--strict") as tee:
        code, told = tee.finish()
    assert code == 3
    assert "fake daw ready" not in told


def test_a_ledger_that_breaks_stops_a_strict_tee_alone(keyed: Keyed) -> None:
    for options, code in (((), 5), (("--strict",), 3)):
        with teed(keyed.room, "", *options) as tee:
            tee.greet()
            good = keyed.room.home.database
            aside = good.rename(good.with_suffix(".aside"))
            try:
                if options:
                    tee.write(
                        b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"x"}}\n'
                    )
                    assert tee.process.wait(20) == code
                    assert tee.process.stdout is not None
                    assert tee.process.stdout.read() == b""
                else:
                    assert "result" in tee.call("set_volume")
                    assert tee.finish()[0] == code
            finally:
                good.unlink(missing_ok=True)
                aside.rename(good)


def test_a_strict_tee_has_recorded_a_call_when_its_answer_comes(keyed: Keyed) -> None:
    with teed(keyed.room, "", "--strict") as tee:
        tee.call("set_volume")
        assert keyed.room.actions().count("mcp.call") == 1
        assert tee.finish()[0] == 5


def test_a_command_that_is_not_there_is_one_sentence(keyed: Keyed) -> None:
    found = command(keyed.room, "mcp", "tee", "--", "no-such-program-anywhere")
    assert found.returncode == 3
    assert "cannot be started" in found.stderr
    both = command(keyed.room, "mcp", "tee", "--http", "http://127.0.0.1:1/", "--", "cat")
    assert both.returncode == 2


def test_the_tee_costs_a_call_little(keyed: Keyed) -> None:
    with teed(keyed.room) as tee:
        tee.greet()
        took = []
        for _ in range(40):
            began = time.perf_counter()
            tee.ask("ping")
            took.append(time.perf_counter() - began)
        tee.finish()
    # A loose bound for a busy machine; scripts/bench agents has the figure.
    assert sorted(took)[20] < 0.05
