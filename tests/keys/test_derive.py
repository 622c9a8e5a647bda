"""What the words become, held against public vectors, eth_account, pyrage and RFC 5869."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic
from pyrage import x25519

from stemproof.errors import BadInput
from stemproof.evidence import ethsig
from stemproof.keys import derive
from stemproof.keys.bech32 import format_bech32, parse_bech32
from stemproof.keys.words import format_words, parse_words, seed_of
from stemproof.seal import ed25519

VECTORS = Path(__file__).parents[1] / "vectors" / "derivation"
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


# Any: a vector is whatever its file says.
def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return document


def private_key_of_xprv(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + BASE58.index(letter)
    return number.to_bytes(82, "big")[46:78]


@pytest.mark.parametrize("name", ["bip32-vector-1", "bip32-vector-2"])
def test_the_public_bip32_vectors_are_met(name: str) -> None:
    vector = load(name)
    for path, xprv in vector["chain"].items():
        key = derive.derive_account(bytes.fromhex(vector["seed"]), path)
        assert key == private_key_of_xprv(xprv), path


def test_the_well_known_test_words_give_their_well_known_accounts() -> None:
    vector = load("bip44-test-junk")
    seed = Mnemonic.to_seed(vector["mnemonic"])
    for path, address in vector["accounts"].items():
        key = derive.derive_account(seed, path)
        assert ethsig.format_address(ethsig.address_of_key(key)) == address


@pytest.mark.parametrize("name", ["words-zero", "words-ones", "words-mixed"])
def test_the_same_words_give_the_same_keys_for_ever(name: str) -> None:
    vector = load(name)
    derived = derive.derive(parse_words(vector["words"]))
    identity = derive.age_identity_of(derived.age)
    assert ethsig.format_address(ethsig.address_of_key(derived.account)) == vector["account"]
    assert ed25519.public_of(derived.identity).hex() == vector["identity_key"]
    assert identity == vector["age_identity"]
    assert derive.age_recipient_of(derived.age) == vector["age_recipient"]
    assert derive.backup_key_of(identity).hex() == vector["backup_key"]


def test_another_wallet_derives_the_same_account() -> None:
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    for entropy in (bytes(32), bytes(range(32)), b"\xa5" * 32):
        wallet = Account.from_mnemonic(format_words(entropy), account_path=derive.ACCOUNT_PATH)
        assert derive.derive(entropy).account == bytes(wallet.key)


def test_the_labels_are_hkdf_info_as_another_implementation_reads_it() -> None:
    seed = seed_of(bytes(32))
    for label in (derive.IDENTITY_LABEL, derive.AGE_LABEL):
        oracle = HKDF(algorithm=SHA256(), length=32, salt=None, info=label)
        assert derive.expand(seed, label) == oracle.derive(seed)


@given(secret=st.binary(min_size=32, max_size=32))
def test_age_takes_identity_and_recipient(secret: bytes) -> None:
    identity = derive.age_identity_of(secret)
    assert str(x25519.Identity.from_str(identity).to_public()) == derive.age_recipient_of(secret)
    assert derive.age_secret_of(identity) == secret


@given(payload=st.binary(max_size=48))
def test_bech32_reads_what_it_writes(payload: bytes) -> None:
    assert parse_bech32(format_bech32("age", payload), "age") == payload


@given(place=st.integers(0, 73), letter=st.sampled_from("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"))
def test_an_age_identity_with_a_slip_is_refused(place: int, letter: str) -> None:
    identity = derive.age_identity_of(bytes(range(32)))
    altered = identity[:place] + letter + identity[place + 1 :]
    if altered != identity:
        with pytest.raises(BadInput):
            derive.age_secret_of(altered)


@pytest.mark.parametrize(
    "text", ["", "AGE-SECRET-KEY-1", "age-secret-key-1qqq", "A" * 200, "AGE-SECRET-KEY-1QQQQQQ"]
)
def test_what_is_no_age_identity_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        derive.age_secret_of(text)


@pytest.mark.parametrize("path", ["", "44'", "m/44h", "m/-1", "m/2147483648", "m//0", "m/\uff11"])
def test_a_key_path_in_another_form_is_refused(path: str) -> None:
    with pytest.raises(BadInput):
        derive.derive_account(bytes(64), path)


def test_printed_secrets_show_nothing() -> None:
    derived = derive.derive(bytes(32))
    assert repr(derived) == "Derived()"
