"""An artist with fixed keys, whose log is kept in memory: bundles, honest and forged.

    studio = Studio(); studio.say(...); studio.anchor(chain); data = studio.bundle()

Everything that a bundle holds can be taken out, altered and put in again, signed anew by
the artist's own key (`sealed`), so that what refuses it is the check inside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tests.verify.madeup_chain import MadeUpChain, Mined, Order

from stemproof.claim.bundle import Bundle, SignedClaim, format_bundle
from stemproof.claim.claim import (
    Audio,
    Claim,
    Credit,
    LogCover,
    claim_digest,
    claim_message,
    format_claim,
)
from stemproof.claim.logpart import Anchorage, Block, Head, LogPart, Opened
from stemproof.claim.report import make_report
from stemproof.evidence import ethsig
from stemproof.keys.binding import check_binding, make_binding
from stemproof.keys.rotation import holder_of, make_rotation
from stemproof.record.canonical import Json, canonical_bytes
from stemproof.record.commitment import Opening, commitment_of
from stemproof.record.event import Header, format_header, leaf_hash, parse_header
from stemproof.seal import ed25519
from stemproof.seal.checkpoint import Checkpoint, sign_checkpoint
from stemproof.seal.merkle import root_of
from stemproof.seal.workmap import (
    WorkHead,
    format_map_proof,
    map_key,
    prove_map,
    update_map,
)
from stemproof.verify.trust import Trust

OWN = bytes(16)
SONG = bytes.fromhex("5a" * 16)
OTHER_SONG = bytes.fromhex("0b" * 16)
SESSION = "51" * 16
MADE = "2027-01-15T09:00:00.000Z"


class Chain(Protocol):
    """A chain that takes anchors."""

    chain_id: int
    contract: bytes

    def anchor(self, order: Order) -> Mined:
        """Mine an anchor."""


@dataclass(frozen=True)
class Person:
    """An identity and the account that goes with it."""

    seed: bytes
    account_key: bytes

    @classmethod
    def called(cls, name: str) -> Person:
        """Make somebody's keys from a name."""
        return cls(_secret(name + " identity"), _secret(name + " account"))

    @property
    def identity(self) -> bytes:
        """The public key."""
        return ed25519.public_of(self.seed)

    @property
    def account(self) -> bytes:
        """The address."""
        return bytes(ethsig.address_of_key(self.account_key))

    def sign(self, message: bytes) -> bytes:
        """Sign as the identity."""
        return ed25519.sign(self.seed, message)

    def sign_claim(self, claim: Claim) -> SignedClaim:
        """Sign a claim with both keys."""
        data = format_claim(claim)
        account = ethsig.sign_digest(self.account_key, claim_digest(claim, data))
        return SignedClaim(data, self.sign(claim_message(data)), account)


@dataclass
class Studio:
    """One device of one person."""

    person: Person = field(default_factory=lambda: Person.called("artist"))
    device: str = "laptop"
    recovery: bytes = hashlib.sha256(b"recovery").digest()
    trees: dict[bytes, list[bytes]] = field(default_factory=dict)
    opened: dict[bytes, list[Opened]] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)
    mined: Mined | None = None
    chain: Chain | None = None
    size: int = 0
    clock: int = 0

    def __post_init__(self) -> None:
        """Begin the log with its binding."""
        self.log_seed = _secret(self.device + " log")
        self._records: dict[tuple[int, bytes], bytes] = {}
        binding = make_binding(
            identity_seed=self.person.seed,
            log_seed=self.log_seed,
            account_key=self.person.account_key,
            recovery=self.recovery,
        )
        self.holder = holder_of(check_binding(binding))
        self.origin = self.holder.origin
        self.say("log.open", {"body": binding}, work=OWN, show=("body",))

    def say(
        self,
        action: str,
        values: Mapping[str, bytes],
        *,
        work: bytes = SONG,
        show: Sequence[str] = (),
        **words: str,
    ) -> int:
        """Append an event; `show` names the fields that bundles open."""
        tree = self.trees.setdefault(work, [])
        salts = {name: _secret(f"{work.hex()} {len(tree)} {name}")[:16] for name in values}
        self.clock += 1000
        header = Header(
            origin=self.origin,
            work=work.hex(),
            work_seq=len(tree),
            prev=leaf_hash(tree[-1]).hex() if tree else "",
            time=words.pop("time", _time(self.clock)),
            session=words.pop("session", ""),
            stage=words.pop("stage", "none"),
            action=action,
            class_=words.pop("class_", "unknown"),
            observed=words.pop("observed", "tool"),
            actor=words.pop("actor", "machine"),
            tool=words.pop("tool", "capture"),
            commit={
                name: commitment_of(name, salts[name], value).hex()
                for name, value in values.items()
            },
        )
        tree.append(format_header(header))
        self.size += 1
        openings = [Opening(name, salts[name], values[name]) for name in show]
        shown = [Opened(header.work_seq, opening) for opening in openings]
        self.opened.setdefault(work, []).extend(shown)
        return header.work_seq

    def decide(self, stage: str = "mixing", class_: str = "human_with_tool") -> int:
        """Append a decision."""
        words = {"session": SESSION, "actor": "author", "tool": "daw", "class_": class_}
        values = {"body": b'{"kind":"param"}'}
        return self.say("decision.param", values, work=SONG, show=(), stage=stage, **words)

    def open_session(self, after: Json, session: str = SESSION) -> int:
        """Append the opening of a working session, with its bound."""
        body = canonical_bytes({"after": after})
        return self.say("session.open", {"body": body}, session=session, show=("body",))

    def record_audio(self, path: str, body: Mapping[str, Json] | None = None) -> Audio:
        """Append the event of an audio file, and give the claim's line on it."""
        facts = {**audio_body(path), **(body or {})}
        digest, inner = str(facts["sha256"]), facts["fingerprint"]
        assert isinstance(inner, dict)
        values = {
            "body": canonical_bytes(facts),
            "audio": bytes.fromhex(digest),
            "fingerprint": bytes.fromhex(str(inner["digest"])),
        }
        seq = self.say("audio.appeared", values, session=SESSION, show=tuple(values))
        return claimed_audio(facts, seq)

    def rotate(self, successor: Person) -> None:
        """Hand the log over to another identity, allowed by the one in force."""
        body = make_rotation(
            self.holder,
            authority_seed=self.person.seed,
            identity_seed=successor.seed,
            account_key=successor.account_key,
        )
        self.say("key.rotate", {"body": body}, work=OWN, show=("body",))
        after = replace(self.holder, number=self.holder.number + 1)
        self.holder = replace(
            after, identity_key=successor.identity, account=ethsig.Address(successor.account)
        )
        self.person, self.heads = successor, []

    def anchor(self, chain: Chain) -> Mined:
        """Seal the log and anchor it."""
        key = hashlib.sha256(self.origin.encode()).digest()
        update = update_map(
            [
                (map_key(work), WorkHead(len(tree), root_of([leaf_hash(data) for data in tree])))
                for work, tree in self.trees.items()
            ],
            self._read,
        )
        self._records |= {(row.depth, row.prefix): row.value for row in update.records}
        checkpoint = Checkpoint(self.origin, self.size, update.root)
        mined = chain.anchor(Order(self.person.account, key, self.size, update.root))
        self.heads.append(
            Head(
                note=sign_checkpoint(checkpoint, self.log_seed),
                own_size=len(self.trees[OWN]),
                own_proof=self.prove(OWN),
                work_size=len(self.trees.get(SONG, ())),
                work_proof=self.prove(SONG),
                block=Block(mined.number, mined.time, mined.parent_hash),
            )
        )
        self.roots.append(update.root)
        self.mined, self.chain = mined, chain
        return mined

    def prove(self, work: bytes) -> bytes:
        """Prove a work's head, or its absence, in the newest checkpoint."""
        return format_map_proof(prove_map(map_key(work), self._read))

    def cover(self) -> LogCover:
        """Say what a claim that rests on the newest checkpoint states of this log."""
        work = self.trees[SONG][: self.heads[-1].work_size]
        size = int(self.heads[-1].note.split(b"\n")[1])
        root = root_of([leaf_hash(data) for data in work])
        return LogCover(self.origin, size, self.roots[-1].hex(), len(work), root.hex())

    def claim(self, *audio: Audio) -> Claim:
        """State what the newest checkpoint covers."""
        cover = self.cover()
        headers = [parse_header(data) for data in self.trees[SONG][: cover.work_size]]
        return Claim(
            work=SONG.hex(),
            title="Über Nacht",
            made=MADE,
            identity=self.person.identity.hex(),
            account=self.person.account.hex(),
            logs=(cover,),
            audio=tuple(audio),
            credits=(Credit("Ann", "composer"),),
            identifiers=(("isrc", "XX-ABC-27-00001"),),
            report=make_report([headers]),
        )

    def part(self) -> LogPart:
        """Give the log's share of a bundle."""
        assert self.mined is not None and self.chain is not None
        newest = self.heads[-1]
        return LogPart(
            own_headers=tuple(self.trees[OWN][: newest.own_size]),
            own_openings=_ordered(self.opened[OWN]),
            headers=tuple(self.trees[SONG][: newest.work_size]),
            openings=_ordered(
                each for each in self.opened.get(SONG, ()) if each.work_seq < newest.work_size
            ),
            heads=tuple(self.heads),
            anchorage=Anchorage(self.chain.chain_id, self.chain.contract, self.person.account),
            evidence=self.mined.evidence,
        )

    def bundle(self, *audio: Audio) -> Bundle:
        """Make the bundle of a claim."""
        return Bundle("full", self.person.sign_claim(self.claim(*audio)), (self.part(),))

    def sealed(self, bundle: Bundle) -> bytes:
        """Write a bundle, signed by the artist's own key."""
        return format_bundle(bundle, self.person.sign)

    def trust(self) -> Trust:
        """Trust the chain, the contract and the block, as a friendly stranger does."""
        assert self.mined is not None and self.chain is not None
        return Trust(
            {self.chain.chain_id: frozenset({self.chain.contract})},
            blocks=frozenset({self.mined.hash}),
        )

    def _read(self, depth: int, prefix: bytes) -> bytes | None:
        return self._records.get((depth, prefix))


def audio_body(path: str) -> dict[str, Json]:
    """Make up what an audio event records."""
    digest = hashlib.sha256(path.encode()).hexdigest()
    return {
        "path": path,
        "bytes": 4096,
        "sha256": digest,
        "cid": "bafkrei" + "a" * 52,
        "profile": "unixfs-v1-2025",
        "codec": "pcm_s16le",
        "sample_rate": 44100,
        "channels": 2,
        "samples": 441000,
        "duration_ms": 10000,
        "pcm": None,
        "fingerprint": {
            "algorithm": 1,
            "compressed": "AQAAAA",
            "digest": hashlib.sha256(b"fingerprint" + path.encode()).hexdigest(),
            "items": 0,
            "producer": "made up",
        },
    }


def claimed_audio(body: Mapping[str, Json], work_seq: int, role: str = "master") -> Audio:
    """Claim a file as its event recorded it."""
    inner = body["fingerprint"]
    assert isinstance(inner, dict)
    return Audio(
        role=role,
        name=str(body["path"]).rpartition("/")[2],
        bytes=int(str(body["bytes"])),
        sha256=str(body["sha256"]),
        cid=str(body["cid"]),
        profile=str(body["profile"]),
        duration_ms=int(str(body["duration_ms"])),
        fingerprint=str(inner["digest"]),
        log=0,
        work_seq=work_seq,
        pin="",
        encrypted=False,
    )


@dataclass(frozen=True)
class Scene:
    """A small honest bundle and all that made it."""

    studio: Studio
    chain: MadeUpChain
    master: Audio
    bundle: Bundle
    data: bytes

    @property
    def trust(self) -> Trust:
        """What lets it be verified."""
        return self.studio.trust()


def make_scene(chain: MadeUpChain | None = None) -> Scene:
    """Make a song of one session, anchored three times: before it began, midway, at its end."""
    chain = MadeUpChain() if chain is None else chain
    studio = Studio()
    studio.say("work.open", {"body": b'{"title":"another"}'}, work=OTHER_SONG)
    studio.anchor(chain)
    studio.say("work.open", {"body": b'{"title":"Song"}'})
    studio.open_session(None)
    studio.decide()
    studio.anchor(chain)
    studio.decide("composition", "human")
    studio.say("note.said", {"body": b"{}"}, stage="lyrics", observed="declared", tool="none")
    master = studio.record_audio("bounce/master.wav")
    studio.anchor(chain)
    bundle = studio.bundle(master)
    return Scene(studio, chain, master, bundle, studio.sealed(bundle))


def _ordered(openings: Iterable[Opened]) -> tuple[Opened, ...]:
    return tuple(sorted(openings, key=lambda each: (each.work_seq, each.opening.field)))


def _secret(name: str) -> bytes:
    return hashlib.sha256(b"made up for tests: " + name.encode()).digest()


def _time(clock_ms: int) -> str:
    seconds, ms = divmod(clock_ms, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"2027-01-15T{hours % 24:02d}:{minute:02d}:{second:02d}.{ms:03d}Z"
