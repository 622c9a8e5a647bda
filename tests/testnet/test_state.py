"""The folder of a local chain after a kill: what is half goes, what is whole stays."""

from __future__ import annotations

from pathlib import Path

from stemproof.testnet.state import StateDir

WHOLE = b'{"best_block_number": 7}'


def test_half_a_copy_that_a_kill_left_is_cleared_even_while_the_state_is_being_written(
    tmp_path: Path,
) -> None:
    chain = StateDir(tmp_path)
    chain.state.write_bytes(WHOLE[:9])
    chain.good.write_bytes(WHOLE)
    half = tmp_path / "anvil.good.new"
    half.write_bytes(WHOLE[:3])

    assert not chain.keep_good_copy()

    assert not half.exists()
    assert chain.good.read_bytes() == WHOLE


def test_a_whole_state_replaces_the_copy(tmp_path: Path) -> None:
    chain = StateDir(tmp_path)
    chain.state.write_bytes(WHOLE)
    chain.good.write_bytes(b"{}")

    assert chain.keep_good_copy()

    assert chain.good.read_bytes() == WHOLE
    assert not (tmp_path / "anvil.good.new").exists()


def test_what_a_kill_left_beside_a_young_copy_is_cleared_at_the_next_look(tmp_path: Path) -> None:
    chain = StateDir(tmp_path)
    chain.state.write_bytes(WHOLE)
    chain.good.write_bytes(WHOLE)
    half = tmp_path / "anvil.good.new"
    half.write_bytes(WHOLE[:3])

    chain.refresh_good_copy()

    assert not half.exists()
