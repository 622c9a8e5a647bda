"""A slot at a block, and how it came about: a node's answers that hold, and those that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.vectors import KINDS, cases, load

from stemproof.errors import Refuted, StemproofError
from stemproof.evidence.accumulator import parse_head
from stemproof.evidence.slot import (
    SlotHistory,
    SlotView,
    make_history,
    read_last_event,
    read_view,
)


def view(vector: dict[str, Any]) -> SlotView:
    return read_view(
        vector["block"],
        vector["proof"],
        contract=bytes.fromhex(vector["contract"]),
        slot=bytes.fromhex(vector["slot"]),
    )


def history(vector: dict[str, Any]) -> SlotHistory:
    event = read_last_event(
        vector["logs"],
        contract=bytes.fromhex(vector["contract"]),
        publisher=bytes.fromhex(vector["publisher"]),
        origin_id=bytes.fromhex(vector["origin_id"]),
    )
    assert event is not None
    return make_history(event, vector["block"])


@pytest.mark.parametrize("case", cases("slotview"))
def test_what_a_block_holds_is_what_the_contract_said(case: str) -> None:
    vector = load("slotview", case)
    found = view(vector)
    assert f"{found.word:064x}" == vector["word"]
    assert "0x" + found.block_hash.hex() == vector["block"]["hash"]
    assert (hex(found.number), found.is_proved) == (vector["block"]["number"], True)


@pytest.mark.parametrize("case", cases("slotview", refused=True))
def test_an_answer_that_does_not_hang_together_is_refused(case: str) -> None:
    vector = load("slotview", case)
    with pytest.raises(KINDS[vector["kind"]]):
        view(vector)


@pytest.mark.parametrize("case", cases("slothistory"))
def test_the_last_event_leads_to_the_word(case: str) -> None:
    vector = load("slothistory", case)
    found = history(vector)
    assert (found.step.size, found.ended_in) == (vector["size"], vector["ended_in"])
    assert found.leads_to(int(vector["word"], 16))
    assert not found.leads_to(int(vector["word"], 16) ^ 1)


@pytest.mark.parametrize("case", cases("slothistory", refused=True))
def test_events_of_another_log_or_form_are_refused(case: str) -> None:
    vector = load("slothistory", case)
    with pytest.raises(KINDS[vector["kind"]]):
        history(vector)


def test_a_history_that_could_be_none_leads_nowhere() -> None:
    found = history(load("slothistory", "ended"))
    assert not SlotHistory(found.word, found.step, None).leads_to(found.word)
    assert parse_head(found.word)[0] == found.step.size


def test_without_an_anchor_there_is_no_last_event() -> None:
    vector = load("slothistory", "ended")
    named = {name: bytes.fromhex(vector[name]) for name in ("contract", "publisher", "origin_id")}
    assert read_last_event([], **named) is None
    assert read_last_event(vector["logs"][-1:], **named) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(which=st.sampled_from(["block", "proof"]), value=st.dictionaries(st.text(), json_values))
def test_rubbish_for_an_answer_is_refused_and_nothing_else(
    which: str, value: dict[str, Any]
) -> None:
    with pytest.raises(Refuted):
        view({**load("slotview", "anchored"), which: value})


@given(logs=json_values)
def test_rubbish_for_events_is_refused_or_none(logs: object) -> None:
    try:
        found = read_last_event(logs, contract=b"", publisher=b"", origin_id=b"")
    except StemproofError as error:
        assert isinstance(error, Refuted)
    else:
        assert found is None
