"""`stemproof.ai`: a program records its own calls, and is never broken by that."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.acts.keyed import Keyed

import stemproof
from stemproof.acts.calling import Scope
from stemproof.errors import Usage

KEY = "sk-test-" + "Qq7" * 12


@pytest.fixture
def ai(keyed: Keyed) -> Callable[..., Scope]:
    """`stemproof.ai` with this ledger."""

    def made(**words: str) -> Scope:
        return stemproof.ai(
            tool="riffusion",
            stage="composition",
            home=keyed.room.home.path,
            model=words.get("model", ""),
            kind=words.get("kind", "text"),
            work=words.get("work"),
        )

    return made


def test_a_with_block_records_what_it_asked_and_what_it_got(
    keyed: Keyed, ai: Callable[..., Scope]
) -> None:
    with ai(model="v1", kind="audio") as call:
        call.ask("a waltz", lyrics="la la", seed=7, steps=20, api_key=KEY)
        call.gave(b"RIFF1", media="audio/wav")
        call.gave(b"RIFF2", media="audio/wav")
    request = keyed.room.last("gen.request")
    assert (request.body["provider"], request.body["model"]) == ("riffusion", "v1")
    assert (request.body["tool"], request.header.stage) == ("api", "composition")
    assert request.body["parameters"] == {"steps": 20}
    assert request.fields["prompt"] == b"a waltz"
    assert request.fields["lyrics"] == b"la la"
    results = [e for e in keyed.room.events() if e.action == "gen.result"]
    assert [e.body["index"] for e in results] == [0, 1]
    assert results[0].header.stage == "composition"
    assert keyed.kept(sha256(b"RIFF2").digest()) == b"RIFF2"
    assert call.problems == []


def test_a_file_is_a_result_by_its_path(
    keyed: Keyed, ai: Callable[..., Scope], tmp_path: Path
) -> None:
    (tmp_path / "take.wav").write_bytes(b"RIFF" * 9)
    with ai(kind="audio") as call:
        call.gave(tmp_path / "take.wav")
    body = keyed.room.last("gen.result").body
    assert (body["media"], body["bytes"]) == ("audio/wav", 36)


def test_a_decorated_function_gives_what_it_gave_and_is_recorded(
    keyed: Keyed, ai: Callable[..., Scope]
) -> None:
    @ai()
    def verse(prompt: str, temperature: float = 0.5, token: str = KEY) -> str:
        """Write a verse."""
        return prompt.upper()

    assert verse("rain") == "RAIN"
    assert verse.__doc__ == "Write a verse."
    request = keyed.room.last("gen.request")
    assert request.fields["prompt"] == b"rain"
    assert request.body["parameters"] == {"temperature": "0.5"}
    assert keyed.kept(sha256(b"RAIN").digest()) == b"RAIN"


def test_a_list_of_results_is_as_many_results(keyed: Keyed, ai: Callable[..., Scope]) -> None:
    @ai()
    def verses(prompt: str) -> list[str]:
        return [prompt, prompt * 2]

    verses("la")
    assert [e.body["index"] for e in keyed.room.events() if e.action == "gen.result"] == [0, 1]


def test_async_functions_and_blocks_are_recorded_too(
    keyed: Keyed, ai: Callable[..., Scope]
) -> None:
    @ai()
    async def verse(prompt: str) -> str:
        await asyncio.sleep(0)
        return prompt + "!"

    async def all_of_it() -> list[str]:
        async with ai() as call:
            call.ask("in a block")
            call.gave("a text")
        return await asyncio.gather(*(verse(f"line {n}") for n in range(5)))

    assert asyncio.run(all_of_it()) == [f"line {n}!" for n in range(5)]
    actions = keyed.room.actions()
    assert (actions.count("gen.request"), actions.count("gen.result")) == (6, 6)


def test_an_error_is_raised_as_it_was_and_recorded_by_its_kind(
    keyed: Keyed, ai: Callable[..., Scope]
) -> None:
    @ai()
    def verse(prompt: str) -> str:
        raise ValueError(f"bad key {KEY}")

    with pytest.raises(ValueError, match="bad key"):
        verse("rain")
    body = keyed.room.last("gen.result").body
    assert (body["status"], body["error"]) == ("failed", "ValueError")


def test_a_block_without_results_is_a_request(keyed: Keyed, ai: Callable[..., Scope]) -> None:
    with ai():
        pass
    assert keyed.room.actions() == ["gen.request"]


def test_one_scope_can_be_entered_again_and_within_itself(
    keyed: Keyed, ai: Callable[..., Scope]
) -> None:
    scope = ai()
    with scope as outer, scope as inner:
        outer.gave("one")
        inner.gave("two")
    assert keyed.room.actions().count("gen.result") == 2


def test_a_ledger_that_is_not_there_breaks_nothing(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="no ledger"):
        with stemproof.ai(tool="x", home=tmp_path / "nowhere") as call:
            call.gave("text")
    assert call.problems


def test_a_work_that_is_not_there_breaks_nothing(ai: Callable[..., Scope]) -> None:
    with pytest.warns(RuntimeWarning, match="no work"), ai(work="nobody") as call:
        call.gave("text")


@pytest.mark.parametrize("words", [{"stage": "cooking"}, {"kind": "smell"}, {"tool": ""}])
def test_a_word_that_is_none_is_a_usage_error_at_once(words: dict[str, str]) -> None:
    with pytest.raises(Usage):
        stemproof.ai(**{"tool": "x", **words})  # type: ignore[arg-type]  # the test's table is of texts


def test_asking_twice_is_a_usage_error(ai: Callable[..., Scope]) -> None:
    with ai() as call:
        call.ask("one")
        with pytest.raises(Usage):
            call.ask("two")


def test_importing_stemproof_loads_nothing_else() -> None:
    program = (
        "import sys, stemproof; print(sorted(n for n in sys.modules if n.startswith('stemproof.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_attribute_that_is_none_is_none() -> None:
    with pytest.raises(AttributeError):
        stemproof.nothing  # noqa: B018 - reading it is the test
