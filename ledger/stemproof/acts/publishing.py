"""Publishing a claim: its bundle pinned in clear, and told to an index on chain (ERC-7053).

    stored -> sent -> published

Nothing is published before the claim's own anchor is final: whoever copied it could anchor it
first. The signed transaction is stored before it is sent, as with anchors, and the same bytes
are sent again after a crash. What was published is an event of the work.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stemproof.acts.begin import Work
from stemproof.acts.clearing import final_claims
from stemproof.acts.facts import fact
from stemproof.acts.home import Home
from stemproof.acts.pinning import Keeper, pin_proof
from stemproof.claim.bundle import Bundle, SignedClaim
from stemproof.claim.claim import Audio, parse_claim
from stemproof.claim.publication import (
    Placed,
    Publication,
    format_commit_data,
    format_publication,
)
from stemproof.errors import BadInput, Unavailable
from stemproof.log.store import Draft, Log
from stemproof.record.canonical import Json
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.anchor.evm import Chain
    from stemproof.anchor.publish import Intent
    from stemproof.keys.ring import Keys

SETTING: Final = "publications"
CONTRACT: Final = "Commits"
_PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Published:
    """A claim's publication as the ledger keeps it, from the stored transaction on."""

    work: str
    claim: str
    chain: int
    contract: str
    publication: str
    bundle: str
    masters: tuple[str, ...]
    raw: str
    tx: str
    made: str
    #: The block that took it in; None while none did.
    block: int | None = None


@dataclass(frozen=True, slots=True)
class Press:
    """Whose claim is published, and where."""

    home: Home
    log: Log
    chain: Chain
    keys: Keys
    work: Work
    signed: SignedClaim


@dataclass(frozen=True, slots=True)
class Prepared:
    """A publication that is made and signed; nothing is pinned or sent yet."""

    publication: Path
    bundle: Path
    kept: Published
    intent: Intent


def check_publishable(log: Log, work: Work, signed: SignedClaim, chain: int) -> None:
    """Refuse to publish a claim before an anchor on that chain which covers it is final."""
    claims = final_claims(log, work.id, lambda anchor: anchor.chain == chain)
    if hashlib.sha256(signed.claim).hexdigest() not in claims:
        raise BadInput(
            f"the newest claim about {work.title!r} is not final on this chain yet: whoever found"
            " it published could anchor a copy first",
            hint="run `stemproof anchor --final`, then publish",
        )


def publications(log: Log) -> list[Published]:
    """List what was published or is on its way, oldest first."""
    rows = json.loads(log.setting(SETTING) or "[]")
    return [Published(**{**row, "masters": tuple(row["masters"])}) for row in rows]


def find_publication(log: Log, signed: SignedClaim, chain: Chain) -> Published | None:
    """Find a claim's publication on a chain that was stored before."""
    claim = hashlib.sha256(signed.claim).hexdigest()
    found = [one for one in publications(log) if (one.claim, one.chain) == (claim, chain.info.id)]
    return found[-1] if found else None


def needs_contract(chain: Chain) -> bool:
    """Say whether the index is not on a chain yet; refuse another contract in its place."""
    from stemproof.anchor.contract import address_of, load_artifact
    from stemproof.anchor.problems import ContractMissing
    from stemproof.evidence.ethsig import format_address

    where = format_address(address_of(CONTRACT))
    code = chain.node.read_data("eth_getCode", where, "latest")
    if code and code != load_artifact(CONTRACT).runtime_bytecode:
        raise ContractMissing(f"another contract than {CONTRACT} is at {where}")
    return not code


def deploy_index(
    press: Press,
    agree: Callable[[Intent], bool],
    *,
    timeout_s: float,
    cap_wei: int | None = None,
) -> bool:
    """Put the index on a chain, once for everybody; False where `agree` says no."""
    from stemproof.anchor.follow import TxState, wait_until_mined
    from stemproof.anchor.publish import hold_account, prepare_deployment, send
    from stemproof.evidence.ethsig import parse_address

    chain, account = press.chain, parse_address(press.keys.account_address)
    with hold_account(press.home.locks, chain, account):
        intent = prepare_deployment(
            chain, press.keys.account_key, contract=CONTRACT, cap_wei=cap_wei
        )
        if not agree(intent):
            return False
        send(chain, intent.raw)
        status = wait_until_mined(chain, intent.raw, timeout_s=timeout_s)
    if status.state not in (TxState.MINED, TxState.FINAL):
        raise Unavailable(
            f"the contract {CONTRACT} is not in a block of {chain.info.name} yet",
            hint="run the command again in a while",
        )
    return True


def publish_now(
    press: Press,
    keeper: Keeper,
    agree: Callable[[Prepared], bool],
    *,
    cap_wei: int | None = None,
) -> Published | None:
    """Plan, ask, pin, store and send, while no other process can interfere; None where not."""
    from stemproof.acts.home import now
    from stemproof.anchor.publish import hold_account, send
    from stemproof.evidence.ethsig import parse_address

    account = parse_address(press.keys.account_address)
    with _folder(press.home) as folder, hold_account(press.home.locks, press.chain, account):
        prepared = plan_publication(press, folder, moment=now(), cap_wei=cap_wei)
        if not agree(prepared):
            return None
        for path, cid in (
            (prepared.bundle, prepared.kept.bundle),
            (prepared.publication, prepared.kept.publication),
        ):
            pinned = pin_proof(press.log, press.work, keeper, path, now())
            if pinned.cid != cid:
                raise BadInput(f"{path.name} changed while it was published")
        _put(press.log, prepared.kept)
        send(press.chain, prepared.intent.raw)
    return prepared.kept


def plan_publication(
    press: Press, folder: Path, *, moment: datetime, cap_wei: int | None = None
) -> Prepared:
    """Write the bundle and the publication into `folder`, and sign what tells the index."""
    from stemproof.acts.claiming import make_bundle
    from stemproof.acts.sound import file_cid
    from stemproof.anchor.contract import address_of
    from stemproof.anchor.publish import prepare_call
    from stemproof.evidence.ethsig import format_address
    from stemproof.keys.durable import write_whole

    signed = press.signed
    data = make_bundle(press.log, press.keys, signed)
    bundle, publication = folder / "claim.stemproof", folder / "publication.json"
    write_whole(bundle, data)
    placed = Placed(file_cid(bundle), len(data), hashlib.sha256(data).digest())
    public = format_publication(Publication(signed, placed))
    write_whole(publication, public)
    cid = file_cid(publication)
    audio = parse_claim(signed.claim).audio
    masters = tuple(dict.fromkeys(item.cid for item in audio if item.role == "master"))
    calldata = commit_calldata(press.chain, masters, format_commit_data(public, cid))
    index = address_of(CONTRACT)
    intent = prepare_call(press.chain, press.keys.account_key, index, calldata, cap_wei=cap_wei)
    kept = Published(
        work=press.work.id.hex(),
        claim=hashlib.sha256(signed.claim).hexdigest(),
        chain=press.chain.info.id,
        contract=format_address(index),
        publication=cid,
        bundle=placed.cid,
        masters=masters,
        raw=intent.raw.hex(),
        tx=intent.tx_hash.hex(),
        made=format_time(moment),
    )
    return Prepared(publication, bundle, kept, intent)


def opened_path(bundle: Bundle, item: Audio) -> str:
    """Give the path that a bundle shows of a claimed file; its name where it shows none."""
    for opened in bundle.logs[item.log].openings:
        if (opened.work_seq, opened.opening.field) == (item.work_seq, "body"):
            return str(json.loads(opened.opening.value)["path"])
    return item.name


def commit_calldata(chain: Chain, cids: tuple[str, ...], data: str) -> bytes:
    """Encode a call of the index about one master or several."""
    from web3 import Web3

    from stemproof.anchor.contract import load_artifact

    contract = Web3(chain.node.provider).eth.contract(abi=load_artifact(CONTRACT).abi)
    if len(cids) == 1:
        text = contract.encode_abi("commit", args=[cids[0], data])
    else:
        text = contract.encode_abi("commitMany", args=[list(cids), data])
    return bytes.fromhex(text.removeprefix("0x"))


def follow_publication(
    log: Log, chain: Chain, kept: Published, moment: datetime, *, timeout_s: float
) -> Published | None:
    """Wait for the block of a publication and record it; None where its transaction failed.

    What the node does not know any more is sent again, the same bytes.
    """
    from stemproof.anchor.follow import TxState, find_status, wait_until_mined
    from stemproof.anchor.problems import NonceTaken
    from stemproof.anchor.publish import send

    raw = bytes.fromhex(kept.raw)
    status = find_status(chain, raw)
    if status.block is None and not status.is_known and status.state is not TxState.FAILED:
        # Another transaction took its number between the two questions: it has failed then.
        with suppress(NonceTaken):
            send(chain, raw)
    status = wait_until_mined(chain, raw, timeout_s=timeout_s)
    if status.state is TxState.FAILED:
        _drop(log, kept)
        return None
    if status.block is None or kept.block == status.block.number:
        return kept
    found = replace(kept, block=status.block.number)
    with log.writing():
        _put(log, found)
        if kept.block is None:
            log.append(bytes.fromhex(kept.work), [_event(found, moment)])
    return found


def _event(found: Published, moment: datetime) -> Draft:
    body: dict[str, Json] = {
        "claim": found.claim,
        "publication": found.publication,
        "bundle": found.bundle,
        "chain": found.chain,
        "contract": found.contract,
        "tx": found.tx,
    }
    return fact("claim.published", moment, body)


def _put(log: Log, kept: Published) -> None:
    with log.writing():
        others = [one for one in publications(log) if one.tx != kept.tx]
        log.put_setting(SETTING, json.dumps([asdict(one) for one in (*others, kept)]))


def _drop(log: Log, kept: Published) -> None:
    with log.writing():
        others = [one for one in publications(log) if one.tx != kept.tx]
        log.put_setting(SETTING, json.dumps([asdict(one) for one in others]))


@contextmanager
def _folder(home: Home) -> Iterator[Path]:
    """Give a folder for what is about to be published to one process at a time."""
    from stemproof.anchor.filelock import hold_lock

    folder = home.path / "publishing"
    with hold_lock(home.locks / "publishing.lock", timeout_s=_PATIENCE_S):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be made: {error.strerror}") from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
