"""key revoke: logs ended on chain, after a theft or before keys are replaced."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted
from stemproof_cli.timestamps import MINED_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stemproof.acts.home import Home
    from stemproof.acts.revoking import Plan, Slot
    from stemproof.anchor.evm import Chain
    from stemproof.keys.ring import Keys
    from stemproof.log.store import Log

Name = Annotated[str | None, typer.Option(help="The chain, by name or id.")]
Rpc = Annotated[str | None, typer.Option(help="The node to talk to.")]
WORD: Final = "revoke"


def add_to(key_app: typer.Typer) -> None:
    """Add this command to the group `key`."""
    key_app.command()(revoke)


def revoke(
    log_name: Annotated[
        list[str] | None,
        typer.Option("--log", help="Only this log: its name, or the start of its device's id."),
    ] = None,
    chain: Name = None,
    rpc: Rpc = None,
    words_fd: Annotated[
        int | None,
        typer.Option(help="Read the 24 words of a former account from this file descriptor."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """End logs on chain for ever, after a theft: what was timestamped stands, nothing follows."""
    from stemproof.acts import anchoring, revoking
    from stemproof.acts.home import opened
    from stemproof.errors import BadInput, StemproofError, Undecided, Usage

    home = context.writable()
    with opened(home) as log:
        slots = revoking.choose_slots(revoking.slots_of(log), log_name or [])
        keys = context.unlock(home)
        held = [*keys.account_keys, *_former_key(words_fd)]
        if chain is not None:
            wanted = anchoring.connect(home, log, chain=chain, rpc=rpc).info.id
            slots = [slot for slot in slots if slot.chain == wanted]
        if not slots:
            raise BadInput(
                "nothing was anchored from this ledger: there is no log to end on a chain",
                hint="a restored backup knows the logs of the computer that it was made on",
            )
        open_ends = []
        for chain_id in dict.fromkeys(slot.chain for slot in slots):
            here = [slot for slot in slots if slot.chain == chain_id]
            try:
                place = anchoring.connect(home, log, chain=str(chain_id), rpc=rpc)
                _end_on(home, log, place, (here, held, keys), yes=yes)
            except Usage:
                raise
            except StemproofError as error:
                open_ends.append(f"chain {chain_id}: {error}")
                if error.hint:
                    say.talk(error.hint)
    if open_ends:
        raise Undecided("not everything was ended: " + "; ".join(open_ends))
    _say_way_on()


def _end_on(
    home: Home,
    log: Log,
    place: Chain,
    of: tuple[Sequence[Slot], Sequence[bytes], Keys],
    *,
    yes: bool,
) -> None:
    """Show what is ended on one chain and what it costs, ask for a word, and end it."""
    from stemproof.acts.handover import can_hand_over, hand_over
    from stemproof.acts.revoking import end_now, plan_endings, resume_endings

    slots, held, keys = of
    with say.waiting("asking the chain"):
        for order in resume_endings(log, place, timeout_s=MINED_TIMEOUT_S):
            say_ended(order.about, place, order.block)
        plan = plan_endings(place, slots, held)
    _say_plan(place, plan)
    if not plan.endings:
        return
    _ask_word(yes=yes)
    for ending in plan.endings:
        with say.waiting("waiting for the chain"):
            if can_hand_over(log, place, ending):
                # A former account's last word: who holds the log now.
                hand_over(home, log, place, keys, ending, timeout_s=MINED_TIMEOUT_S)
            order = end_now(home, log, place, ending, timeout_s=MINED_TIMEOUT_S)
        say_ended(ending.slot.origin, place, order.block)


def _say_plan(place: Chain, plan: Plan) -> None:
    from stemproof.anchor.price import tell_cost
    from stemproof.evidence.ethsig import Address, format_address

    for slot in plan.ended:
        say.talk(f"log {_device(slot.origin)} is ended on {place.info.name} already")
    for slot in plan.foreign:
        say.talk(
            f"log {_device(slot.origin)} on {place.info.name} is under the account"
            f" {format_address(Address(slot.publisher))}, whose key is not here: give its 24 words"
            " with --words-fd"
        )
    for ending in plan.endings:
        say.talk(
            f"to be ended on {place.info.name}: log {ending.device} at"
            f" {counted(ending.size, 'event')} of account"
            f" {format_address(Address(ending.slot.publisher))}"
        )
    if plan.endings:
        say.talk(
            f"it costs about {tell_cost(plan.expected_wei, place.info, None)}, at most"
            f" {tell_cost(plan.cost_wei, place.info, None)}; it cannot be undone"
        )


def _ask_word(*, yes: bool) -> None:
    from stemproof.errors import Usage

    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Usage("nobody can be asked", hint="give --yes")
    say.talk(f"type {WORD} to go on")
    if context.answered(input, "").strip() != WORD:
        raise typer.Abort


def say_ended(origin: str, place: Chain, block: int | None) -> None:
    """Say that a log is ended, and where."""
    say.answer(f"ended: log {_device(origin)} on {place.info.name}, in block {block}")


def _say_way_on() -> None:
    say.talk(
        "what was timestamped before stands; nobody can timestamp in an ended log, you included"
    )
    say.talk("to go on recording under a log of its own: `stemproof key new-device`")
    say.talk(
        "whoever has your 24 words can still sign claims about what is timestamped already, begin"
        " other logs in your account's name and spend its coins: after that put new keys in their"
        " place with `stemproof key rotate`, with --recovery if you have the recovery words"
    )


def _former_key(words_fd: int | None) -> list[bytes]:
    from stemproof.keys.derive import derive
    from stemproof.keys.words import parse_words
    from stemproof_cli.keys import read_words

    if words_fd is None:
        return []
    return [derive(parse_words(read_words("the former 24 words", words_fd))).account]


def _device(origin: str) -> str:
    return origin.rpartition("/")[2][:12]
