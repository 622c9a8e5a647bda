"""Verifying a bundle and audio files as a stranger does: with files, options and nodes to ask.

Needs no ledger, no keys, no web3. Defaults come from the tables that ship with the program,
never from the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from stemproof.acts.address import check_address
from stemproof.audio.plain import open_plain
from stemproof.claim.container import MAX_BUNDLE_BYTES
from stemproof.errors import BadInput, Malformed, Refuted, StemproofError, Usage
from stemproof.evidence.bitcoin import MIN_DIFFICULTY, Block, parse_block
from stemproof.verify.bundle import Verdict, verify_bundle
from stemproof.verify.policy import CHAIN_ALONE, Policy, parse_policy
from stemproof.verify.sound import check_sound
from stemproof.verify.trust import Trust, TrustFile, parse_trust
from stemproof.verify.verdict import State


@dataclass(frozen=True, slots=True)
class Asked:
    """What the verifier said on the command line."""

    chain: str | None = None
    contract: str | None = None
    origins: Sequence[str] = ()
    blocks: Sequence[str] = ()
    rpcs: Sequence[str] = ()
    needed: int | None = None
    trust: Path | None = None
    chains_file: Path | None = None
    tsa_roots: Sequence[Path] = ()
    bitcoin: Sequence[str] = ()
    policy: str | None = None


def check_files(bundle: Path, audio: Sequence[Path], asked: Asked) -> Verdict:
    """Verify a bundle and the audio files beside it; one that cannot be read is a line of it."""
    trust = make_trust(asked)
    verdict = verify_bundle(_read(bundle, MAX_BUNDLE_BYTES), trust)
    for path in audio:
        _check_audio(verdict, path)
    return verdict


def make_trust(asked: Asked) -> Trust:
    """Put together whom the verifier trusts: the shipped tables, a file, the options."""
    from stemproof.anchor.chains import contract_on, find_chain, load_chains
    from stemproof.anchor.slotnode import RpcSlots

    chains = load_chains(asked.chains_file)
    file = TrustFile((), (), ())
    if asked.trust is not None:
        file = parse_trust(_read(asked.trust, 1 << 20))
    chain_id = None if asked.chain is None else find_chain(chains, asked.chain).id
    # The contract has one address everywhere, the rehearsal chain included.
    contracts = {chain: {bytes(contract_on(chain))} for chain in chains}
    for chain, address in file.contracts:
        contracts.setdefault(chain, set()).add(address)
    if asked.contract is not None:
        only = {_parse_contract(asked.contract)}
        ids = chains if chain_id is None else (chain_id,)
        contracts = dict.fromkeys(ids, only)
    for url in asked.rpcs:
        check_address(url)
    sources = tuple(RpcSlots(url) for url in asked.rpcs)
    needed = len(sources) // 2 + 1 if asked.needed is None else asked.needed
    if (sources or asked.needed is not None) and not 1 <= needed <= len(sources):
        raise Usage(f"{needed} of {len(sources)} nodes cannot agree")
    return Trust(
        contracts={chain: frozenset(known) for chain, known in contracts.items()},
        testnets=frozenset(chain.id for chain in chains.values() if chain.kind == "testnet"),
        chain_id=chain_id,
        blocks=frozenset(_parse_hash(text) for text in asked.blocks),
        chain_blocks=frozenset(file.blocks),
        identities=dict(file.identities),
        origins=frozenset(asked.origins),
        sources=sources,
        needed=needed,
        tsa_roots=(*file.tsa, *(each for path in asked.tsa_roots for each in _read_roots(path))),
        bitcoin={
            block.height: block
            for block in (*file.bitcoin, *(_parse_bitcoin(text, file) for text in asked.bitcoin))
        },
        is_bitcoin_rehearsed=file.min_difficulty < MIN_DIFFICULTY,
        policy=_choose_policy(asked, file),
        now=int(datetime.now(UTC).timestamp()),
    )


def _check_audio(verdict: Verdict, path: Path) -> None:
    from stemproof.audio.observe import hash_file, observe_audio

    try:
        sha256 = hash_file(path).hex()
    except StemproofError as error:
        hint = f"give the path of an audio file that you can read in place of {path}"
        verdict.checks.add(
            "audio file", State.UNDECIDED, f"{error}; it was not compared", hint, file=path.name
        )
        return
    check_sound(verdict, path.name, sha256, lambda: observe_audio(path))


def _read(path: Path, limit: int) -> bytes:
    try:
        with open_plain(path) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise BadInput(f"{path} is larger than {limit} bytes")
    return data


def _read_roots(path: Path) -> tuple[bytes, ...]:
    from stemproof.evidence.tokencheck import parse_certificates

    try:
        return parse_certificates(_read(path, 1 << 20))
    except Malformed as error:
        raise BadInput(f"{path} holds no certificate in PEM") from error


def _parse_bitcoin(text: str, file: TrustFile) -> Block:
    """Read HEIGHT:HEADER, as the verifier typed it."""
    height, _, header = text.partition(":")
    if not re.fullmatch(r"[0-9]{1,9}", height) or not re.fullmatch(r"[0-9a-fA-F]{160}", header):
        raise Usage(f"--bitcoin is {text!r:.60}, want HEIGHT:HEADER with 160 hex digits")
    try:
        return parse_block(bytes.fromhex(header), int(height), min_difficulty=file.min_difficulty)
    except Refuted as error:
        raise Usage(f"--bitcoin: {error}") from error


def _choose_policy(asked: Asked, file: TrustFile) -> Policy:
    if asked.policy is not None:
        return parse_policy(asked.policy)
    return CHAIN_ALONE if file.policy is None else file.policy


def _parse_contract(text: str) -> bytes:
    from stemproof.evidence.ethsig import parse_address

    # Explorers and tools also write it without capitals; then there is no checksum to check.
    if re.fullmatch(r"0x[0-9a-f]{40}", text):
        return bytes.fromhex(text[2:])
    try:
        return bytes(parse_address(text))
    except Malformed as error:
        # The verifier's own slip says nothing about the bundle.
        raise Usage(f"--contract: {error}") from error


def _parse_hash(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not all(c in "0123456789abcdef" for c in digits.lower()):
        raise Usage(f"{text!r:.80} is not a block hash: 64 hex digits")
    return bytes.fromhex(digits)
