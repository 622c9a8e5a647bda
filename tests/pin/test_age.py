"""Encryption: Debian's age opens ours, ours opens age's, and nothing half-open gets out."""

from __future__ import annotations

import io
import shutil
import subprocess
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.content.recipe import counter_stream

from stemproof.errors import BadInput, Locked, Malformed, Unavailable, Usage
from stemproof.pin import age
from stemproof.pin.padme import padme_size

ARTIST, ARTIST_PUBLIC = age.new_identity()
LABEL, LABEL_PUBLIC = age.new_identity()


def seal(content: bytes, recipients: list[str] | None = None) -> tuple[bytes, age.Sealed]:
    out = io.BytesIO()
    sealed = age.encrypt(
        io.BytesIO(content), out, size=len(content), recipients=recipients or [ARTIST_PUBLIC]
    )
    return out.getvalue(), sealed


def unseal(cipher: bytes, *identities: str) -> bytes:
    out = io.BytesIO()
    size = age.decrypt(io.BytesIO(cipher), out, identities or [ARTIST])
    assert size == len(out.getvalue())
    return out.getvalue()


def seal_plain(plain: bytes) -> bytes:
    """Encrypt an age plaintext that our own padding would not write."""
    import pyrage

    sealed: bytes = pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(ARTIST_PUBLIC)])
    return sealed


# Worked by hand from algorithm 1 of the PURBs paper.
@pytest.mark.parametrize(
    ("size", "padded"),
    [
        (0, 0),
        (1, 1),
        (8, 8),
        (9, 10),
        (63, 64),
        (100, 104),
        (1000, 1024),
        (1025, 1088),
        (10_000_000, 10_223_616),
    ],
)
def test_sizes_are_padded_as_the_paper_says(size: int, padded: int) -> None:
    assert padme_size(size) == padded


@given(size=st.integers(1, 2**50))
def test_padding_costs_at_most_an_eighth_and_settles(size: int) -> None:
    padded = padme_size(size)
    assert size <= padded <= size * 1.125
    assert padme_size(padded) == padded
    assert padme_size(size + 1) >= padded


@given(content=st.binary(max_size=5000))
def test_each_recipient_and_the_release_identity_open_a_file(content: bytes) -> None:
    cipher, sealed = seal(content, [ARTIST_PUBLIC, LABEL_PUBLIC])
    for identity in (ARTIST, LABEL, sealed.release_identity):
        assert unseal(cipher, identity) == content


def test_the_release_identity_of_one_file_opens_no_other() -> None:
    _, sealed_first = seal(b"first")
    second, sealed_second = seal(b"second")
    assert sealed_first.release_recipient != sealed_second.release_recipient
    with pytest.raises(Locked):
        unseal(second, sealed_first.release_identity)


def payload_size(cipher: bytes) -> int:
    """What follows the header; its own length varies, since age writers grease it at random."""
    return len(cipher) - cipher.index(b"\n", cipher.index(b"\n--- ") + 1)


def test_sizes_that_round_to_the_same_look_the_same() -> None:
    sizes = {payload_size(seal(bytes(size))[0]) for size in (100_400, 100_900, 102_000)}
    assert len(sizes) == 1


def test_the_release_identity_is_not_in_the_text_of_the_result() -> None:
    _, sealed = seal(b"x")
    assert "AGE-SECRET-KEY" not in repr(sealed)


FIXED_CIPHER = seal(b"take one" * 20)[0]


@given(data=st.data())
def test_every_flipped_bit_is_refused(data: st.DataObject) -> None:
    cipher = bytearray(FIXED_CIPHER)
    bit = data.draw(st.integers(0, len(cipher) * 8 - 1))
    cipher[bit // 8] ^= 1 << bit % 8
    with pytest.raises((Locked, Malformed)):
        unseal(bytes(cipher))


@pytest.mark.parametrize("cut", [1, 16, 17, 65536, 70000, 150_000])
def test_a_cut_off_file_is_refused(cut: int) -> None:
    with pytest.raises((Locked, Malformed)):
        unseal(seal(bytes(140_000))[0][:-cut])


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\0" * 7,
        (5).to_bytes(8, "big") + b"stems",  # 13 bytes, Padmé says 14
        (5).to_bytes(8, "big") + b"stems\0\0",
        (5).to_bytes(8, "big") + b"stems\1",
        (5).to_bytes(8, "big") + b"stem",
        (3).to_bytes(8, "big") + b"stems",
        (2**63).to_bytes(8, "big") + b"stems",
        b"RIFF....WAVEfmt ",
    ],
)
def test_other_padding_than_ours_is_refused(plain: bytes) -> None:
    with pytest.raises(Malformed):
        unseal(seal_plain(plain))


def test_padding_written_by_hand_is_read() -> None:
    assert unseal(seal_plain((5).to_bytes(8, "big") + b"stems\0")) == b"stems"


def test_a_file_is_decrypted_whole_or_not_at_all(tmp_path: Path) -> None:
    source, cipher, back = (tmp_path / name for name in ("stem.wav", "stem.age", "back.wav"))
    source.write_bytes(counter_stream("stem", 200_000))
    sealed = age.encrypt_file(source, cipher, [ARTIST_PUBLIC])
    assert sealed.size == 200_000
    damaged = bytearray(cipher.read_bytes())
    damaged[-20] ^= 1
    cipher.write_bytes(damaged)
    with pytest.raises(Malformed):
        age.decrypt_file(cipher, back, [ARTIST])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stem.age", "stem.wav"]
    damaged[-20] ^= 1
    cipher.write_bytes(damaged)
    assert age.decrypt_file(cipher, back, [LABEL, ARTIST]) == 200_000
    assert back.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("size", [0, 99, 101, 1000])
def test_a_file_that_changes_length_is_refused(size: int) -> None:
    source = io.BytesIO(bytes(100))
    with pytest.raises(BadInput, match=r"shorter|longer"):
        age.encrypt(source, io.BytesIO(), size=size, recipients=[ARTIST_PUBLIC])


def test_no_recipient_or_a_wrong_one_is_a_usage_error() -> None:
    for recipients in ([], ["age1nobody"], [ARTIST], ["ssh-rsa AAAA"], [""]):
        with pytest.raises(Usage):
            age.encrypt(io.BytesIO(b""), io.BytesIO(), size=0, recipients=recipients)


def test_a_wrong_identity_is_never_repeated_in_the_message() -> None:
    slip = ARTIST[:-1] + "!"
    with pytest.raises(Usage) as caught:
        unseal(seal(b"x")[0], slip)
    assert slip[16:40] not in str(caught.value)


def test_a_missing_source_and_a_missing_target_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        age.encrypt_file(tmp_path / "none.wav", tmp_path / "out", [ARTIST_PUBLIC])
    (tmp_path / "some.wav").write_bytes(b"x")
    with pytest.raises(Unavailable):
        age.encrypt_file(tmp_path / "some.wav", tmp_path / "no" / "out", [ARTIST_PUBLIC])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    source = tmp_path / "long.wav"
    with open(source, "wb") as file:
        file.truncate(100 << 20)
    age.encrypt_file(source, tmp_path / "long.age", [ARTIST_PUBLIC])
    tracemalloc.start()
    age.encrypt_file(source, tmp_path / "long.age", [ARTIST_PUBLIC])
    age.decrypt_file(tmp_path / "long.age", tmp_path / "back.wav", [ARTIST])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def _debian_age() -> str:
    found = shutil.which("age")
    if found is None:
        pytest.skip("the age program is not installed")
    return found


def test_debians_age_opens_a_stem_of_ours(tmp_path: Path) -> None:
    program = _debian_age()
    content = counter_stream("interop", 70_000)
    cipher, sealed = seal(content)
    (tmp_path / "stem.age").write_bytes(cipher)
    (tmp_path / "key").write_text(sealed.release_identity + "\n")
    done = subprocess.run(
        [program, "-d", "-i", "key", "stem.age"], cwd=tmp_path, capture_output=True, check=True
    )
    assert int.from_bytes(done.stdout[:8], "big") == len(content)
    assert done.stdout[8 : 8 + len(content)] == content
    assert not any(done.stdout[8 + len(content) :])


def test_we_open_what_debians_age_encrypted(tmp_path: Path) -> None:
    program = _debian_age()
    content = counter_stream("interop", 70_000)
    plain = len(content).to_bytes(8, "big") + content
    plain += bytes(padme_size(len(plain)) - len(plain))
    done = subprocess.run(
        [program, "-r", LABEL_PUBLIC, "-r", ARTIST_PUBLIC],
        input=plain,
        capture_output=True,
        check=True,
    )
    assert unseal(done.stdout) == content
