"""Pinning: stems to an IPFS node, encrypted unless the artist says otherwise.

The CID is computed here first and compared with what the node says. What was pinned is an
event of the work. A pin in clear cannot be recalled, so it waits for `--public` and, for a
recorded work, for the claim's own anchor to be final.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stemproof.acts.begin import Work
from stemproof.acts.clearing import check_claimed, check_clear
from stemproof.acts.facts import fact
from stemproof.acts.home import Home
from stemproof.acts.sound import PROFILE
from stemproof.content.cid import parse_cid
from stemproof.errors import BadInput, StemproofError, Unavailable
from stemproof.log.store import Log
from stemproof.record.canonical import Json
from stemproof.record.event import format_time

if TYPE_CHECKING:
    from stemproof.pin.backend import Backend

NODE_SETTING: Final = "ipfs"
INTENT_SETTING: Final = "pinning"
OWN_NODE: Final = "own node"
KUBO_RPC: Final = "http://127.0.0.1:5001"
# A long album may be on its way to a slow node.
_SEALING_PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Pinned:
    """One pinned file; `home` names the node, `release` is sealed for the artist alone."""

    cid: str
    work: bytes
    path: str
    profile: str
    home: str
    encrypted: bool
    plain_cid: str
    digest: bytes
    release: str
    made: str


@dataclass(frozen=True, slots=True)
class Keeper:
    """A node that keeps pins, by the name that is recorded: the ledger's own has no fixed port."""

    backend: Backend
    name: str


def open_node(home: Home, log: Log, to: str | None) -> Keeper:
    """Choose the node: the one named, the ledger's own choice, a Kubo that answers, or our own."""
    from stemproof.pin import node
    from stemproof.pin.ipfs import IpfsNode

    url = to or log.setting(NODE_SETTING)
    if url is not None:
        return Keeper(IpfsNode(url), url)
    kubo = IpfsNode(KUBO_RPC, connect_s=0.5)
    try:
        if "kubo" in kubo.describe().lower():
            return Keeper(kubo, KUBO_RPC)
    except StemproofError:
        # Nobody is there: the usual case.
        pass
    running = node.status(home.blocks)
    if running is None:
        running = node.start(node.NodeConfig(home.blocks, api_port=0, gateway_port=0))
    return Keeper(IpfsNode(f"http://{node.LOOPBACK}:{running.api_port}"), OWN_NODE)


def home_of(home: Home, pinned: Pinned) -> Backend:
    """Find the node that keeps a pin; the ledger's own, whatever port it has today."""
    from stemproof.pin import node
    from stemproof.pin.ipfs import IpfsNode

    if pinned.home != OWN_NODE:
        return IpfsNode(pinned.home)
    running = node.status(home.blocks)
    if running is None:
        raise Unavailable("this ledger's node does not run", hint="stemproof node start")
    return IpfsNode(f"http://{node.LOOPBACK}:{running.api_port}")


def pin_file(
    log: Log, work: Work, keeper: Keeper, path: Path, recipient: str | None, moment: datetime
) -> Pinned:
    """Pin one file of a work; encrypted to `recipient`, or in clear where that is None.

    What is about to be pinned is noted before it is sent: an upload whose end was not recorded,
    by a kill for instance, is found again by `finish_pins`.
    """
    from stemproof.audio.observe import hash_file

    if recipient is None:
        check_clear(log, work, hash_file(path), stays_here=keeper.name == OWN_NODE)
    return _pin(log, work, keeper, path, recipient, moment)


def pin_proof(log: Log, work: Work, keeper: Keeper, path: Path, moment: datetime) -> Pinned:
    """Pin in clear what proves a claim that is final: a bundle, and what leads to it."""
    check_claimed(log, work, stays_here=keeper.name == OWN_NODE)
    return _pin(log, work, keeper, path, None, moment)


def _pin(
    log: Log, work: Work, keeper: Keeper, path: Path, recipient: str | None, moment: datetime
) -> Pinned:
    from stemproof.acts.sound import file_cid
    from stemproof.audio.observe import hash_file

    with _sealing_folder(log) as folder:
        digest = hash_file(path)
        sent, release = path, ""
        if recipient is not None:
            sent = folder / "file.age"
            release = _encrypt(path, sent, recipient)
        plain_cid = file_cid(path)
        pinned = Pinned(
            cid=plain_cid if recipient is None else file_cid(sent),
            work=work.id,
            path=_name(work, path),
            profile=PROFILE,
            home=keeper.name,
            encrypted=recipient is not None,
            plain_cid=plain_cid,
            digest=digest,
            release=release,
            made=format_time(moment),
        )
        _note_intent(log, pinned)
        _add(keeper.backend, sent, pinned.cid)
        _record(log, pinned, moment)
    return pinned


def finish_pins(home: Home, log: Log, moment: datetime) -> list[Pinned]:
    """Record what was uploaded and not recorded, and forget what did not get that far."""
    finished = []
    if not unfinished_pins(log):
        return []
    with _sealing_folder(log):
        for pinned in unfinished_pins(log):
            try:
                is_held = home_of(home, pinned).has(parse_cid(pinned.cid))
            except StemproofError:
                # Its node does not answer now: it is asked again the next time.
                continue
            if is_held:
                _record(log, pinned, moment)
                finished.append(pinned)
            else:
                _drop_intent(log, pinned.cid)
    return finished


def unfinished_pins(log: Log) -> list[Pinned]:
    """List what was about to be pinned and is not recorded."""
    known = {pinned.cid for pinned in list_pins(log)}
    return [pinned for pinned in _intents(log) if pinned.cid not in known]


def list_pins(log: Log, work: Work | None = None) -> list[Pinned]:
    """List what was pinned, oldest first."""
    rows: Sequence[Any] = log.fetch_all("pins")
    found = [replace(pin, encrypted=bool(pin.encrypted)) for pin in (Pinned(*row) for row in rows)]
    return [pin for pin in found if work is None or pin.work == work.id]


def release_identity(pinned: Pinned, identities: Sequence[str]) -> str:
    """Open the release identity of a pin: publishing it opens this file to everybody."""
    import pyrage

    keys = [pyrage.x25519.Identity.from_str(text) for text in identities]
    try:
        opened: bytes = pyrage.decrypt(base64.b64decode(pinned.release), keys)
    except (pyrage.DecryptError, ValueError) as error:
        raise BadInput(f"these keys do not open the release key of {pinned.path!r}") from error
    return opened.decode()


def _add(backend: Backend, path: Path, cid: str) -> None:
    from stemproof.content.unixfs import profile_named

    named = str(backend.add_file(path, profile_named(PROFILE)).cid)
    if named != cid:
        raise BadInput(f"{path.name!r} changed while it was pinned", hint="pin it again")


def _encrypt(path: Path, sealed_path: Path, recipient: str) -> str:
    """Encrypt a file; give its release identity, sealed for the artist."""
    import pyrage

    from stemproof.pin.age import encrypt_file

    sealed = encrypt_file(path, sealed_path, [recipient])
    own = pyrage.x25519.Recipient.from_str(recipient)
    release: bytes = pyrage.encrypt(sealed.release_identity.encode(), [own])
    return base64.b64encode(release).decode()


def _intents(log: Log) -> list[Pinned]:
    rows = json.loads(log.setting(INTENT_SETTING) or "[]")
    return [
        Pinned(**row | {"work": bytes.fromhex(row["work"]), "digest": bytes.fromhex(row["digest"])})
        for row in rows
    ]


def _put_intents(log: Log, intents: Sequence[Pinned]) -> None:
    rows = [
        asdict(pinned) | {"work": pinned.work.hex(), "digest": pinned.digest.hex()}
        for pinned in intents
    ]
    log.put_setting(INTENT_SETTING, json.dumps(rows))


def _note_intent(log: Log, pinned: Pinned) -> None:
    with log.writing():
        others = [other for other in _intents(log) if other.cid != pinned.cid]
        _put_intents(log, [*others, pinned])


def _drop_intent(log: Log, cid: str) -> None:
    with log.writing():
        _put_intents(log, [other for other in _intents(log) if other.cid != cid])


@contextmanager
def _sealing_folder(log: Log) -> Iterator[Path]:
    """Give a folder for encrypted files to one process at a time, which alone pins meanwhile."""
    from stemproof.anchor.filelock import hold_lock

    home = Home(log.path.parent)
    folder = home.path / "sealing"
    with hold_lock(home.locks / "sealing.lock", timeout_s=_SEALING_PATIENCE_S):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be made: {error.strerror}") from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _record(log: Log, pinned: Pinned, moment: datetime) -> None:
    body: dict[str, Json] = {
        "cid": pinned.cid,
        "profile": pinned.profile,
        "path": pinned.path,
        "encrypted": pinned.encrypted,
        "plain_cid": pinned.plain_cid,
        "home": pinned.home,
    }
    extra = {"audio": pinned.digest}
    with log.writing():
        log.append(pinned.work, [fact("pin.added", moment, body, extra=extra)])
        log.run(
            "put_pin",
            pinned.cid,
            pinned.work,
            pinned.path,
            pinned.profile,
            pinned.home,
            int(pinned.encrypted),
            pinned.plain_cid,
            pinned.digest,
            pinned.release,
            pinned.made,
        )
        _drop_intent(log, pinned.cid)


def _name(work: Work, path: Path) -> str:
    full = path.resolve()
    return full.relative_to(work.folder).as_posix() if work.folder in full.parents else full.name
