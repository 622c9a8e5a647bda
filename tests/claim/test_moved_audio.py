"""Audio that was renamed after it was recorded: a claim finds it by its present name."""

from __future__ import annotations

import pytest
from tests.keys.story import Begun, the_work, verify

from stemproof.acts.begin import find_work
from stemproof.acts.claiming import choose_audio, recorded_audio
from stemproof.acts.home import now, opened
from stemproof.acts.observe import Look, observe
from stemproof.errors import BadInput
from stemproof.verify.verdict import State


def _move(begun: Begun, old: str, new: str) -> None:
    (begun.story.song / new).parent.mkdir(exist_ok=True)
    (begun.story.song / old).rename(begun.story.song / new)
    with opened(begun.home) as log:
        # What is missing once is not gone yet: it may be on its way.
        for _ in range(2):
            seen = observe(log, find_work(log, None), Look(now, True, lambda: None))
            assert seen.problems == []


def test_a_renamed_file_is_chosen_by_its_present_name(begun: Begun) -> None:
    work = the_work(begun.home)
    _move(begun, "master.wav", "first bounce.wav")
    with opened(begun.home) as log, pytest.raises(BadInput, match="is called a master"):
        choose_audio(log, work, [], [])
    _move(begun, "mix.wav", "masters/final.wav")
    _move(begun, "masters/final.wav", "The Master.wav")
    with opened(begun.home) as log:
        (master,) = choose_audio(log, work, [], []).masters
        assert (master.path, master.recorded_path) == ("The Master.wav", "mix.wav")
        named = choose_audio(log, work, [begun.story.song / "first bounce.wav"], [])
        assert [item.recorded_path for item in named.masters] == ["master.wav"]
        assert {item.path for item in recorded_audio(log, work.id)} == {
            "The Master.wav",
            "first bounce.wav",
        }


def test_a_master_that_waits_for_its_anchor_is_told_from_one_that_is_not_recorded(
    begun: Begun,
) -> None:
    work, path = the_work(begun.home), begun.story.song / "newer master.wav"
    sound = bytearray(next(begun.story.song.rglob("*.wav")).read_bytes())
    sound[-2] ^= 1
    path.write_bytes(sound)
    with opened(begun.home) as log:
        with pytest.raises(BadInput, match="is not in the anchored record"):
            choose_audio(log, work, [path], [])
        observe(log, work, Look(now, True, lambda: None))
        with pytest.raises(BadInput, match="recorded and not anchored yet") as caught:
            choose_audio(log, work, [path], [])
    assert caught.value.hint is not None
    assert "`stemproof anchor` is the next step" in caught.value.hint


def test_a_claim_names_it_as_it_was_recorded_and_is_verified(begun: Begun) -> None:
    verdict = verify(begun.story.claim(begun.home, begun.keys), begun.anchor)
    assert verdict.state is State.VERIFIED
    assert verdict.claim is not None
    assert [item.name for item in verdict.claim.audio] == ["mix.wav"]
