"""Keccak-256: published digests; the room is cheap to import and its examples hold."""

from __future__ import annotations

import doctest
import subprocess
import sys
from types import ModuleType

import pytest

from stemproof.evidence import eip712, ethsig
from stemproof.evidence.keccak import keccak256


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"\x80", "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
        (b"\xc0", "1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"),
    ],
)
def test_a_published_digest_is_computed(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


def test_importing_the_room_loads_neither_crypto_nor_a_chain_library() -> None:
    code = (
        "import sys, stemproof.evidence.chain, stemproof.evidence.assembly, "
        "stemproof.evidence.ethsig, stemproof.evidence.eip712\n"
        "heavy = {'Crypto', 'coincurve', 'cffi', 'web3', 'eth_account', 'eth_hash', 'rlp'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", [eip712, ethsig])
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
