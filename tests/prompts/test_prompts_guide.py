"""The guide's session, its programs and its adapter do what the guide says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.acts.keyed import Keyed
from tests.cli.transcript import PLACEHOLDERS, environment
from tests.prompts.test_proxy import KEY
from tests.prompts.test_proxy_hostile import start_command
from tests.prompts.upstreams import Provider

from stemproof.capture.prompts.api import Call, Reply
from stemproof.capture.prompts.registry import load_apis

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "prompts.md").read_text()
FENCES = re.findall(r"```(\w+)\n(.*?)```", GUIDE, re.DOTALL)
SESSIONS = [text for kind, text in FENCES if kind == "console"]
PROGRAMS = [text for kind, text in FENCES if kind == "python"]


def pattern(told: str) -> re.Pattern[str]:
    """Turn lines with placeholders into what they stand for."""
    text = re.escape(told)
    for name, stands in PLACEHOLDERS.items():
        text = text.replace(re.escape(name), stands)
    return re.compile(text)


def test_the_session_of_the_guide_is_what_happens(keyed: Keyed, upstream: Provider) -> None:
    process, url = start_command(keyed, upstream.url)
    program = PROGRAMS[0].replace("{PROXY}", url).replace("{KEY}", KEY)
    client = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    assert client.stdout.startswith("take 1: ")
    process.send_signal(signal.SIGINT)
    # The first line was read when it was started.
    assert process.stdout is not None
    lines = [f"proxy at {url}\n", *process.stdout]
    process.communicate(timeout=30)
    told = SESSIONS[0].split("\n", 1)[1]
    assert pattern(told).fullmatch("".join(lines))
    place = keyed.room.home.path
    shown = subprocess.run(
        [sys.executable, "-m", "stemproof_cli", "--home", str(place), "log", "show"],
        capture_output=True,
        text=True,
        env=environment(place),
        timeout=30,
        check=True,
    ).stdout.splitlines()
    wanted = SESSIONS[1].splitlines()[2:]
    for line, told in zip(shown[-len(wanted) :], wanted, strict=True):
        assert pattern(told).fullmatch(line), line


def test_the_program_of_the_guide_records_its_calls(keyed: Keyed, tmp_path: Path) -> None:
    # A file: a decorator looks at the source of what it decorates.
    program = tmp_path / "mine.py"
    program.write_text(f"from pathlib import Path\nHOME = Path({str(keyed.room.home.path)!r})\n")
    with program.open("a") as file:
        file.write(PROGRAMS[1])
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    events = keyed.room.events()[1:]
    assert [event.action for event in events] == ["gen.request", "gen.result"] * 2
    assert [event.header.stage for event in events] == ["composition"] * 2 + ["lyrics"] * 2


def test_the_adapter_of_the_guide_reads_a_song_in_three_steps() -> None:
    space: dict[str, object] = {}
    exec(compile(PROGRAMS[2], "guide", "exec"), space)  # noqa: S102 - the guide's own program
    made = space["MyMusic"]
    assert isinstance(made, type)
    api = made()
    start = Call("POST", "/songs", body=b'{"idea":"a waltz","seed":3}')
    asked = api.read_request(start)
    assert (asked.prompt, asked.seed) == ("a waltz", 3)
    answer = Reply(200, "application/json", b'{"song":"s1"}')
    assert api.read_reply(start, answer).job == "s1"
    poll = Call("GET", "/songs/s1")
    links = Reply(200, "application/json", json.dumps({"links": ["https://a.example/1"]}).encode())
    step = api.read_reply(poll, links)
    assert (step.job, step.downloads[0].url) == ("s1", "https://a.example/1")


def test_the_guide_names_every_adapter() -> None:
    apis, _ = load_apis()
    assert [name for name in apis if f"`{name}`" not in GUIDE] == []
