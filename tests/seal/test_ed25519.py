"""Strict Ed25519: RFC 8032's own vectors, and what other implementations let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemproof.errors import BadInput, Malformed, Refuted
from stemproof.seal.ed25519 import (
    FIELD_PRIME,
    GROUP_ORDER,
    SMALL_ORDER_Y,
    check_public,
    check_signature,
    public_of,
    sign,
)

# RFC 8032 section 7.1, TEST 1 to 3 and TEST SHA(abc): seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]

D = -121665 * pow(121666, -1, FIELD_PRIME) % FIELD_PRIME
Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    """Add two points of -x^2 + y^2 = 1 + d x^2 y^2, in the affine form of RFC 7748."""
    (x1, y1), (x2, y2) = one, other
    product = D * x1 * x2 * y1 * y2 % FIELD_PRIME
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, FIELD_PRIME)
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, FIELD_PRIME)
    return x % FIELD_PRIME, y % FIELD_PRIME


def times(number: int, point: Point) -> Point:
    total = (0, 1)
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def x_of(y: int) -> int | None:
    """Solve the curve for x, or say that there is no such point (RFC 8032 section 5.1.3)."""
    u, v = (y * y - 1) % FIELD_PRIME, (D * y * y + 1) % FIELD_PRIME
    square = u * pow(v, -1, FIELD_PRIME) % FIELD_PRIME
    root = pow(square, (FIELD_PRIME + 3) // 8, FIELD_PRIME)
    for x in (root, root * pow(2, (FIELD_PRIME - 1) // 4, FIELD_PRIME) % FIELD_PRIME):
        if x * x % FIELD_PRIME == square:
            return x
    return None


def test_the_table_of_small_orders_is_the_whole_torsion() -> None:
    # Multiplying points by the group order leaves their part of small order; all eight show up.
    found: set[Point] = set()
    y = 1
    while len(found) < 8:
        y += 1
        x = x_of(y)
        if x is not None:
            found |= {times(GROUP_ORDER, (x, y)), times(GROUP_ORDER, (-x % FIELD_PRIME, y))}
    assert {y for _, y in found} == SMALL_ORDER_Y
    assert {times(8, point) for point in found} == {(0, 1)}


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032_hold(seed: str, public: str, message: str, signature: str) -> None:
    assert public_of(bytes.fromhex(seed)).hex() == public
    assert sign(bytes.fromhex(seed), bytes.fromhex(message)).hex() == signature
    check_signature(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


SEED = bytes(range(32))
PUBLIC = public_of(SEED)
MESSAGE = b"a decision"
SIGNATURE = sign(SEED, MESSAGE)


@given(bit=st.integers(0, 511))
def test_every_flipped_bit_of_a_signature_is_refused(bit: int) -> None:
    changed = (int.from_bytes(SIGNATURE, "little") ^ 1 << bit).to_bytes(64, "little")
    with pytest.raises(Refuted):
        check_signature(PUBLIC, MESSAGE, changed)


@given(bit=st.integers(0, 255))
def test_every_flipped_bit_of_a_public_key_is_refused(bit: int) -> None:
    changed = (int.from_bytes(PUBLIC, "little") ^ 1 << bit).to_bytes(32, "little")
    with pytest.raises(Refuted):
        check_signature(changed, MESSAGE, SIGNATURE)


def test_another_message_is_refuted() -> None:
    with pytest.raises(Refuted, match="does not verify"):
        check_signature(PUBLIC, MESSAGE + b"!", SIGNATURE)


@pytest.mark.parametrize("multiple", [1, 2, 8])
def test_the_same_signature_with_s_plus_the_order_is_malformed(multiple: int) -> None:
    s = int.from_bytes(SIGNATURE[32:], "little") + multiple * GROUP_ORDER
    with pytest.raises(Malformed, match="S of the Ed25519 signature"):
        check_signature(PUBLIC, MESSAGE, SIGNATURE[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize("sign_bit", [0, 1])
@pytest.mark.parametrize("y", [*sorted(SMALL_ORDER_Y), FIELD_PRIME, FIELD_PRIME + 1, 2**255 - 1])
def test_a_point_of_small_order_or_with_a_second_spelling_is_malformed(
    y: int, sign_bit: int
) -> None:
    encoded = (y | sign_bit << 255).to_bytes(32, "little")
    with pytest.raises(Malformed, match="Ed25519 public key"):
        check_public(encoded)
    with pytest.raises(Malformed, match="R of the Ed25519 signature"):
        check_signature(PUBLIC, MESSAGE, encoded + SIGNATURE[32:])


def test_a_signature_that_fits_every_message_is_malformed() -> None:
    # Neutral public key and R, S = 0: the equation holds whatever the message is.
    neutral = (1).to_bytes(32, "little")
    with pytest.raises(Malformed, match="small order"):
        check_signature(neutral, b"anything", neutral + bytes(32))


def test_bytes_that_are_no_point_are_refuted() -> None:
    assert x_of(2) is None
    with pytest.raises(Refuted, match="does not verify"):
        check_signature((2).to_bytes(32, "little"), MESSAGE, SIGNATURE)


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(Malformed, match="64 bytes"):
        check_signature(PUBLIC, MESSAGE, bytes(length))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        check_signature(bytes(length), MESSAGE, SIGNATURE)
    with pytest.raises(BadInput, match="32 bytes"):
        public_of(b"s" * length)
    with pytest.raises(BadInput, match="32 bytes") as caught:
        sign(b"s" * length, MESSAGE)
    assert "ss" not in str(caught.value)
