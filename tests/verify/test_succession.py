"""Several logs of one person whose keys were replaced in some: who may claim over all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.verify.altering import judge
from tests.verify.madeup_chain import MadeUpChain
from tests.verify.studio import SONG, Person, Studio

from stemproof.claim.bundle import Bundle, format_bundle
from stemproof.claim.report import make_report
from stemproof.errors import Refuted
from stemproof.evidence.ethsig import Address
from stemproof.keys.rotation import Holder
from stemproof.record.event import parse_header
from stemproof.verify.bundle import Verdict
from stemproof.verify.succession import last_party, party_of
from stemproof.verify.verdict import State

ARTIST = Person.called("artist")
LATER = Person.called("artist, later")
LATEST = Person.called("artist, at last")
THIEF = Person.called("thief")


def _log(chain: MadeUpChain, device: str, *holders: Person) -> Studio:
    """Keep a log under one holder after the other, and anchor it under each."""
    studio = Studio(person=holders[0], device=device)
    for successor in (*holders[1:], None):
        studio.decide()
        studio.anchor(chain)
        if successor is not None:
            studio.rotate(successor)
    return studio


def _verdict(claimant: Person, *studios: Studio, sealer: Person | None = None) -> Verdict:
    """Let somebody claim over these logs, and judge it."""
    covers = tuple(studio.cover() for studio in studios)
    headers = [
        [parse_header(data) for data in studio.trees[SONG][: cover.work_size]]
        for studio, cover in zip(studios, covers, strict=True)
    ]
    claim = replace(
        studios[0].claim(),
        identity=claimant.identity.hex(),
        account=claimant.account.hex(),
        logs=covers,
        report=make_report(headers),
    )
    parts = tuple(studio.part() for studio in studios)
    bundle = Bundle("full", claimant.sign_claim(claim), parts)
    trust = studios[0].trust()
    blocks = frozenset(studio.mined.hash for studio in studios if studio.mined is not None)
    data = format_bundle(bundle, (claimant if sealer is None else sealer).sign)
    return judge(data, replace(trust, blocks=blocks))


def _refused(verdict: Verdict) -> list[str]:
    return [line.name for line in verdict.checks.lines if line.state is State.REFUTED]


def _says(verdict: Verdict, name: str) -> str:
    return " | ".join(line.says for line in verdict.checks.lines if line.name == name)


@pytest.mark.parametrize("is_old_first", [True, False])
def test_who_replaced_the_keys_in_a_new_log_claims_over_the_old_one_too(
    is_old_first: bool,
) -> None:
    chain = MadeUpChain()
    old, new = _log(chain, "laptop", ARTIST), _log(chain, "desktop", ARTIST, LATER)
    verdict = _verdict(LATER, *((old, new) if is_old_first else (new, old)))
    assert verdict.state is State.VERIFIED, verdict.checks.lines
    notes = [line.says for line in verdict.checks.lines if line.name == "keys"]
    assert len(notes) == 2
    assert any("replaced in event 1 of its own record" in says for says in notes)
    assert any(f"held by keys that log …{new.origin[-12:]} replaced" in says for says in notes)


def test_a_succession_goes_on_from_log_to_log() -> None:
    chain = MadeUpChain()
    first = _log(chain, "laptop", ARTIST)
    second = _log(chain, "desktop", ARTIST, LATER)
    third = _log(chain, "tower", LATER, LATEST)
    assert _verdict(LATEST, first, second, third).state is State.VERIFIED
    # Without the log between them nothing leads from the first to the last.
    assert _refused(_verdict(LATEST, first, third)) == ["bundle signature", "claim signatures"]


def test_two_replacements_in_one_log_are_a_succession_for_another() -> None:
    chain = MadeUpChain()
    old = _log(chain, "laptop", ARTIST)
    new = _log(chain, "desktop", ARTIST, LATER, LATEST)
    assert _verdict(LATEST, old, new).state is State.VERIFIED
    for former in (ARTIST, LATER):
        assert "claim signatures" in _refused(_verdict(former, old, new))


def test_a_stolen_key_that_was_replaced_claims_nothing_beside_the_log_that_replaced_it() -> None:
    chain = MadeUpChain()
    old, new = _log(chain, "laptop", ARTIST), _log(chain, "desktop", ARTIST, LATER)
    for logs in ((old, new), (new, old), (new,)):
        refused = _refused(_verdict(ARTIST, *logs))
        assert refused == ["bundle signature", "claim signatures"]
        # Whoever is in force may seal the bundle: the claim is not theirs all the same.
        assert _refused(_verdict(ARTIST, *logs, sealer=LATER)) == ["claim signatures"]
        assert _refused(_verdict(LATER, *logs, sealer=ARTIST)) == ["bundle signature"]


def test_a_thief_of_the_old_key_cannot_put_a_rotation_of_their_own_beside_the_artists() -> None:
    chain = MadeUpChain()
    new = _log(chain, "desktop", ARTIST, LATER)
    forged = _log(chain, "thief's", ARTIST, THIEF)
    old = _log(chain, "laptop", ARTIST)
    for logs in ((new, forged), (forged, new), (old, new, forged)):
        for claimant in (THIEF, LATER, ARTIST):
            verdict = _verdict(claimant, *logs)
            assert _refused(verdict) == ["bundle signature", "claim signatures"]
            assert "who holds the record cannot be told" in _says(verdict, "claim signatures")


def test_a_thief_of_the_old_key_cannot_claim_a_log_that_began_with_the_new_one() -> None:
    chain = MadeUpChain()
    forged = _log(chain, "thief's", ARTIST, THIEF)
    hers = _log(chain, "desktop", LATER)
    verdict = _verdict(THIEF, forged, hers)
    assert _refused(verdict) == ["bundle signature", "claim signatures"]
    assert "neither replaced the other" in _says(verdict, "claim signatures")


def test_a_log_of_somebody_who_stands_in_no_succession_cannot_be_claimed() -> None:
    chain = MadeUpChain()
    new = _log(chain, "desktop", ARTIST, LATER)
    hers = _log(chain, "laptop", Person.called("she"))
    assert "claim signatures" in _refused(_verdict(LATER, new, hers))


def test_a_key_that_comes_back_holds_nothing() -> None:
    chain = MadeUpChain()
    round_about = _log(chain, "desktop", ARTIST, LATER, ARTIST)
    verdict = _verdict(ARTIST, round_about)
    assert {"bundle signature", "claim signatures"} <= set(_refused(verdict))
    assert "and yet holds log" in _says(verdict, "claim signatures")


def test_an_account_that_the_identity_did_not_hold_where_it_was_replaced_is_not_handed_on() -> None:
    chain = MadeUpChain()
    other_account = replace(ARTIST, account_key=Person.called("another").account_key)
    old, new = _log(chain, "laptop", other_account), _log(chain, "desktop", ARTIST, LATER)
    assert "claim signatures" in _refused(_verdict(LATER, old, new))


def _holder(number: int, name: str) -> Holder:
    person = Person.called(name)
    return Holder("stemproof/a/b", number, person.identity, Address(person.account), bytes(32))


def test_the_order_of_logs_does_not_matter() -> None:
    a, b, c = (_holder(number, name) for number, name in enumerate("abc"))
    lines = [[a], [a, b], [b, c], [c]]
    for turn in range(4):
        assert last_party([*lines[turn:], *lines[:turn]]) == party_of(c)
    with pytest.raises(Refuted, match="cannot be told"):
        last_party([*lines, [a, c]])
    with pytest.raises(Refuted, match="and yet holds log"):
        last_party([[a, b], [b, a]])
    with pytest.raises(Refuted, match="neither replaced"):
        last_party([[a, b], [c]])


def test_a_log_whose_keys_were_never_replaced_has_no_note_on_keys() -> None:
    verdict = _verdict(ARTIST, _log(MadeUpChain(), "laptop", ARTIST))
    assert verdict.state is State.VERIFIED
    assert _says(verdict, "keys") == ""
