"""A bundle in which any byte is changed, missing or added is never verified."""

from __future__ import annotations

import random

import pytest
from tests.verify.studio import Scene, make_scene

from stemproof.verify.bundle import verify_bundle
from stemproof.verify.verdict import State


@pytest.fixture(scope="module")
def scene() -> Scene:
    return make_scene()


def test_the_honest_bundle_is_verified(scene: Scene) -> None:
    verdict = verify_bundle(scene.data, scene.trust)
    assert verdict.state is State.VERIFIED, verdict.checks.lines


def test_a_bundle_with_one_bit_flipped_in_any_byte_is_refuted(scene: Scene) -> None:
    assert [n for n in range(len(scene.data)) if not _is_refuted(scene, n, 1 << n % 8)] == []


@pytest.mark.deep
def test_a_bundle_with_any_bit_flipped_is_refuted(scene: Scene) -> None:
    places = [(n, 1 << bit) for n in range(len(scene.data)) for bit in range(8)]
    assert [place for place in places if not _is_refuted(scene, *place)] == []


def test_a_bundle_cut_anywhere_is_refuted(scene: Scene) -> None:
    for end in [*range(0, len(scene.data), 101), len(scene.data) - 1]:
        assert verify_bundle(scene.data[:end], scene.trust).state is State.REFUTED, end


@pytest.mark.parametrize("tail", [b"\0", b"PK\x05\x06" + bytes(18), b"\n"])
def test_bytes_after_the_end_are_refuted(scene: Scene, tail: bytes) -> None:
    assert verify_bundle(scene.data + tail, scene.trust).state is State.REFUTED


def test_bytes_before_the_beginning_are_refuted(scene: Scene) -> None:
    assert verify_bundle(b"\0" + scene.data, scene.trust).state is State.REFUTED


def test_a_zip_comment_is_refuted(scene: Scene) -> None:
    assert verify_bundle(scene.data[:-2] + b"\x02\x00hi", scene.trust).state is State.REFUTED


def test_runs_of_bytes_replaced_by_noise_are_refuted(scene: Scene) -> None:
    noise = random.Random(7)
    for _ in range(300):
        start = noise.randrange(len(scene.data))
        data = bytearray(scene.data)
        data[start : start + noise.randrange(1, 60)] = noise.randbytes(noise.randrange(60))
        if bytes(data) != scene.data:
            assert verify_bundle(bytes(data), scene.trust).state is State.REFUTED


def _is_refuted(scene: Scene, place: int, mask: int) -> bool:
    data = bytearray(scene.data)
    data[place] ^= mask
    return verify_bundle(bytes(data), scene.trust).state is State.REFUTED
