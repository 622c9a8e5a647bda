"""The story that `demo` tells: an artist's side in this process, a stranger's in others."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stemproof.acts.home import Home, now, opened
from stemproof_cli import say

if TYPE_CHECKING:
    from stemproof.acts.anchors import Anchor
    from stemproof.acts.begin import Work
    from stemproof.acts.observe import Observed
    from stemproof.acts.rehearsal import Rehearsal
    from stemproof.keys.ring import Keys

SHOWN_LINES = 5


@dataclass(slots=True)
class Story:
    """One run of the demo and all that it made."""

    folder: Path
    own_folder: Path | None
    artist: Home
    stranger: Path
    song: Path
    began: float = field(default_factory=time.monotonic)
    chapter: int = 0

    @classmethod
    def begin(cls, out: Path, own_folder: Path | None) -> Story:
        """Choose a fresh folder, so that the demo can be run any number of times."""
        number = 1
        while (folder := out.absolute() / f"run-{number}").exists():
            number += 1
        folder.mkdir(parents=True)
        song = folder / "song" if own_folder is None else own_folder.absolute()
        return cls(folder, own_folder, Home(folder / "artist"), folder / "stranger", song)

    def tell(self) -> bool:
        """Tell it all; say whether each part came out as it should."""
        keys, work = self._start()
        chain = self._open_chain()
        self._make_music(work, chain)
        self._anchor(keys, chain, "Everything recorded so far is timestamped in one transaction")
        self._pin(work, keys.age_recipient, "The stems are pinned, encrypted for the artist alone")
        bundle = self._claim(keys, work, chain)
        self._pin(work, None, "The artist releases the stems: pinned in clear, fetched by anybody")
        is_right = self._stranger(bundle, chain)
        self._finish(bundle, is_right)
        return is_right

    def end(self) -> None:
        """Stop what was started; what it holds is kept."""
        from stemproof.pin import node
        from stemproof.testnet import anvil

        node.stop(self.artist.blocks)
        anvil.stop(self.artist.testnet)

    def _start(self) -> tuple[Keys, Work]:
        from stemproof.acts.begin import add_work, make_ledger
        from stemproof.testnet.song import TITLE

        self._say("An artist starts a ledger", "stemproof start DIR")
        passphrase = secrets.token_urlsafe(18)
        created = make_ledger(self.artist, passphrase, now())
        if self.own_folder is None:
            self.song.mkdir()
        title = TITLE if self.own_folder is None else self.song.name
        work = add_work(self.artist, self.song, title, now())
        self._line(f"keys made and encrypted, log {created.keys.origin[-12:]} bound to them")
        self._line(f"watching {self.song}")
        return created.keys, work

    def _open_chain(self) -> Rehearsal:
        from stemproof.acts.rehearsal import start_testnet

        self._say("A chain of one's own to rehearse on", "stemproof testnet up")
        chain = start_testnet(self.artist, port=0, search_path=os.environ.get("PATH"))
        self._line(f"local chain {chain.chain_id} at {chain.rpc_url}")
        self._line(f"contract Anchors at {chain.contract}")
        return chain

    def _make_music(self, work: Work, chain: Rehearsal) -> None:
        from stemproof.testnet.song import STEPS, write_step

        if self.own_folder is not None:
            self._say("Your folder is read; nothing in it is changed", "stemproof watch --once")
            self._show(self._look(work, live=False))
            return
        self._say("Music is made, and every save is recorded as it happens", "stemproof watch")
        for step, sentence in enumerate(STEPS, 1):
            write_step(self.song, step)
            self._line(say.strong(sentence))
            self._show(self._look(work, live=True))

    def _look(self, work: Work, *, live: bool) -> Observed:
        from stemproof.acts.bounds import find_bound
        from stemproof.acts.observe import Look, observe

        with opened(self.artist) as log:
            return observe(log, work, Look(now, live, lambda: find_bound(self.artist, log)))

    def _show(self, observed: Observed) -> None:
        for text in observed.lines[:SHOWN_LINES]:
            self._line("    " + text)
        if len(observed.lines) > SHOWN_LINES:
            self._line(f"    … and {len(observed.lines) - SHOWN_LINES} more")
        for problem in observed.problems:
            self._line("    could not be read: " + problem)

    def _anchor(self, keys: Keys, chain: Rehearsal, what: str) -> Anchor:
        from stemproof.acts import anchoring
        from stemproof.acts.anchors import list_anchors
        from stemproof.acts.following import wait_for

        self._say(what, "stemproof anchor")
        with opened(self.artist) as log:
            place = anchoring.connect(self.artist, log)
            number = anchoring.anchor_now(self.artist, log, place, keys, lambda _: True)
            if number is None:
                return list_anchors(log)[-1]
            wait_for(log, place, number, states=("anchored",), timeout_s=30)
            anchoring.settle_local_chain(self.artist, place)
            found = wait_for(log, place, number, states=("final",), timeout_s=30)
        self._line(f"{found.size} events, block {found.block_number}, {found.state};")
        self._line("header, state and receipt proofs are captured and checked")
        return found

    def _pin(self, work: Work, recipient: str | None, what: str) -> None:
        from stemproof.acts.pinning import open_node, pin_file

        flag = " --public" if recipient is None else ""
        self._say(what, f"stemproof pin add stems{flag}")
        with opened(self.artist) as log:
            keeper = open_node(self.artist, log, None)
            for path in self._stems(work):
                pin = pin_file(log, work, keeper, path, recipient, now())
                self._line(f"{path.name:12} {pin.cid}")

    def _stems(self, work: Work) -> list[Path]:
        from stemproof.acts.claiming import choose_audio

        with opened(self.artist) as log:
            chosen = choose_audio(log, work, [], [])
        return [work.folder / item.path for item in chosen.stems]

    def _claim(self, keys: Keys, work: Work, chain: Rehearsal) -> Path:
        from stemproof.acts.claiming import choose_audio, make_bundle, make_claim
        from stemproof.keys.durable import write_whole

        self._say("The finished work is claimed", "stemproof claim make")
        with opened(self.artist) as log:
            chosen = choose_audio(log, work, [], [])
            signed = make_claim(log, keys, work, chosen, now())
        self._line(f"{len(chosen.masters)} master, {len(chosen.stems)} stems, signed twice")
        self._anchor(keys, chain, "The claim itself is dated")
        path = self.folder / "song.stemproof"
        with opened(self.artist) as log:
            data = make_bundle(log, keys, signed)
        write_whole(path, data)
        self._line(f"bundle {path.name}, {len(data):,} bytes: all that a stranger needs")
        return path

    def _stranger(self, bundle: Path, chain: Rehearsal) -> bool:
        self._say(
            "A stranger, in another process with another folder, fetches the stems and checks",
            "stemproof pin fetch CID; stemproof verify BUNDLE AUDIO...",
        )
        files = self._fetch(bundle)
        rpc = ["--rpc", chain.rpc_url]
        answers = [self._verify(0, [str(bundle), *map(str, files), *rpc])]
        self._say("One bit of the bundle is changed", "stemproof verify TAMPERED")
        tampered = self.folder / "tampered.stemproof"
        data = bytearray(bundle.read_bytes())
        data[len(data) // 2] ^= 1
        tampered.write_bytes(data)
        answers.append(self._verify(1, [str(tampered), *rpc]))
        self._say("One sample of a stem is changed", "stemproof verify BUNDLE STEM")
        if files:
            altered = self.stranger / f"altered-{files[0].name}"
            sound = bytearray(files[0].read_bytes())
            sound[len(sound) // 2] ^= 1
            altered.write_bytes(sound)
            answers.append(self._verify(1, [str(bundle), str(altered), *rpc]))
        return all(answers)

    def _fetch(self, bundle: Path) -> list[Path]:
        from stemproof.claim.bundle import parse_bundle
        from stemproof.claim.claim import parse_claim
        from stemproof.pin import node

        claim = parse_claim(parse_bundle(bundle.read_bytes())[0].signed.claim)
        running = node.status(self.artist.blocks)
        files = []
        self.stranger.mkdir()
        for item in claim.audio:
            if item.role != "stem" or running is None:
                continue
            target = self.stranger / item.name
            words = ["pin", "fetch", item.cid, "--out", str(target)]
            if self._run([*words, "--gateway", running.gateway_url], 0):
                files.append(target)
        return files

    def _verify(self, want: int, words: list[str]) -> bool:
        return self._run(["verify", *words], want)

    def _run(self, words: list[str], want: int) -> bool:
        command = [
            sys.executable,
            "-P",
            "-m",
            "stemproof_cli",
            "--home",
            str(self.stranger / "home"),
        ]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        for line in (done.stdout + done.stderr).splitlines():
            # Of a refusal, the verdict and what it rests on; the rest was shown before.
            if want == 0 or line.startswith(("refuted", "undecided", "stemproof:")):
                self._line("    " + line)
        if done.returncode != want:
            self._line(f"    exit code {done.returncode}, expected {want}")
        return done.returncode == want

    def _finish(self, bundle: Path, is_right: bool) -> None:
        took = time.monotonic() - self.began
        self._say(f"{'Done' if is_right else 'Not as it should be'}, in {took:.0f} seconds", "")
        self._line(f"bundle      {bundle}")
        self._line(f"tampered    {self.folder / 'tampered.stemproof'}")
        self._line(f"the song    {self.song}")
        self._line(f"the ledger  {self.artist.path}")
        self._line(f"look again: stemproof --home {self.artist.path} log show")

    def _say(self, what: str, command: str) -> None:
        self.chapter += 1
        say.answer("", say.strong(f"{self.chapter}. {what}"))
        if command:
            say.answer(f"   $ {command}")
        sys.stdout.flush()

    def _line(self, text: str) -> None:
        say.answer("   " + text)
        sys.stdout.flush()
