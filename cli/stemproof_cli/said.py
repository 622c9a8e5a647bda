"""note, credit, erase: what only a person can say, and what a person takes back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from stemproof_cli import context, say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.erase import Plan
    from stemproof.acts.forgetting import Unseal
    from stemproof.log.store import Log

SHOWN = 20
WHICH_WORK = "name one of them with --work"
MAX_EVENT = 2**63 - 1
"""The largest number of an event that the ledger can hold."""

WorkName = Annotated[
    str | None,
    typer.Option("--work", metavar="WORK", help="Its title, its folder or the start of its id."),
]
Json = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command()(note)
    app.command()(credit)
    app.command()(erase)


def note(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; - reads it from stdin.")],
    work: WorkName = None,
    stage: Annotated[
        str | None, typer.Option(help="The stage that it is about, such as mixing.")
    ] = None,
    about: Annotated[
        int | None,
        typer.Option(
            metavar="EVENT",
            min=0,
            max=MAX_EVENT,
            help="The event that it is about, as `stemproof log show` numbers it.",
        ),
    ] = None,
    class_: Annotated[
        str | None,
        typer.Option("--class", help="With --about: who decided it, in your word, such as human."),
    ] = None,
) -> None:
    """Write a note into the record: declared by you, seen by nobody else.

    With --about it stands beside that event; what --stage and --class say of it is your word
    against the rules' answer, and both stay.
    """
    from stemproof.acts.begin import find_work
    from stemproof.acts.home import now, opened
    from stemproof.acts.reading import line_of
    from stemproof.acts.said import MAX_NOTE, View, say_about, say_note
    from stemproof.errors import Usage

    if text == "-":
        # Four bytes are the most that UTF-8 takes for a character; one more shows that it is long.
        data = sys.stdin.buffer.read(4 * MAX_NOTE + 4)
        text = data.decode("utf-8", "surrogateescape")
    with opened(context.writable()) as log:
        if about is None:
            if class_ is not None:
                raise Usage("--class is said of one event", hint="name it: --about EVENT")
            found = find_work(log, work, hint=WHICH_WORK)
            event, what = say_note(log, found, text, stage, now()), found.title
        else:
            named = None if work is None else find_work(log, work)
            entry = log.entry(about)
            if named is not None and entry is not None and entry.work != named.id:
                raise Usage(
                    f"event {about} is not of {named.title!r}",
                    hint="--about says which work it is: leave --work away",
                )
            event, where = say_about(log, about, text, View(stage, class_), now())
            title = find_work(log, where.hex()).title
            what = f"event {about} of {title} ({line_of(log, about).text})"
    say.answer(say.clean(f"event {event}: note on {what}"))


def credit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose credit it is.")],
    role: Annotated[
        str,
        typer.Argument(
            metavar="ROLE", help="What they did: a role of the DDEX standard, e.g. Vocalist."
        ),
    ],
    work: WorkName = None,
) -> None:
    """Write into the record who did what: declared by you, seen by nobody else."""
    from stemproof.acts.begin import find_work
    from stemproof.acts.home import now, opened
    from stemproof.acts.said import say_credit

    with opened(context.writable()) as log:
        found = find_work(log, work, hint=WHICH_WORK)
        event, code = say_credit(log, found, name, role, now())
    say.answer(say.clean(f"event {event}: {' '.join(name.split())}, {code} on {found.title}"))


def erase(
    events: Annotated[
        list[int] | None,
        typer.Argument(
            metavar="[EVENT]...", max=MAX_EVENT, help="Numbers that `stemproof log show` shows."
        ),
    ] = None,
    work: WorkName = None,
    prompts: Annotated[
        bool, typer.Option("--prompts", help="Every prompt to an AI tool, or those of --work.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    json: Json = False,
) -> None:
    """Delete for ever what opens events: their text, digests and salts; their places stay."""
    from stemproof.acts.erase import beyond_reach
    from stemproof.acts.erase import erase as erase_now
    from stemproof.acts.home import now, opened

    with opened(context.writable()) as log:
        plan = _plan(log, events or [], work, prompts)
        reach = beyond_reach(log, plan)
        if not json:
            _preview(log, plan, reach)
        if not plan.is_empty:
            say.confirm("erase this for ever?", yes=yes)
        unseal = _unsealing(plan)
        with say.waiting("writing the ledger anew"):
            swept = erase_now(log, plan, now(), unseal)
    if json:
        say.answer_json(
            {
                "v": 0,
                "events": [
                    {"event": target.entry.id, "fields": list(target.fields)}
                    for target in plan.targets
                ],
                "saves": plan.saves,
                "kept": len(plan.kept) + plan.kept_of_works,
                "kept_too": plan.later if unseal is None else 0,
                "swept": swept,
                "beyond_reach": list(reach),
            }
        )
    elif not plan.is_empty:
        kept = plan.saves + len(plan.kept) + plan.kept_of_works
        events_told = counted(len(plan.targets), "event")
        say.answer(f"erased: what opened {events_told}, {counted(kept, 'kept save')}")
    if not swept:
        say.talk(
            "the old bytes are not swept out of the file yet: end other stemproof processes"
            " and see that the disk has room, then give this command again"
        )


def _unsealing(plan: Plan) -> Unseal | None:
    """Unlock the keys where other saves can be read only with one that goes."""
    from stemproof.acts.forgetting import open_with
    from stemproof.errors import Locked

    if not plan.later:
        return None
    try:
        return open_with(context.unlock(context.writable()).age_identities)
    except Locked as error:
        later = "1 later save goes" if plan.later == 1 else f"{plan.later} later saves go"
        say.talk(f"{error}: {later} too, readable only with these")
        return None


def _plan(log: Log, events: list[int], work: str | None, prompts: bool) -> Plan:
    from stemproof.acts.begin import find_work
    from stemproof.acts.erase import plan_events, plan_prompts, plan_work
    from stemproof.errors import Usage

    if bool(events) == (work is not None or prompts):
        raise Usage(
            "nothing was named to erase" if not events else "name events, or --work or --prompts",
            hint="`stemproof log show` numbers the events",
        )
    if events:
        return plan_events(log, events)
    found = None if work is None else find_work(log, work)
    if prompts:
        return plan_prompts(log, found)
    return plan_work(log, find_work(log, work))


def _preview(log: Log, plan: Plan, reach: list[str]) -> None:
    from stemproof.acts.erase import consequences, nameless, title_of
    from stemproof.acts.reading import lines_of
    from stemproof_cli.logs import local_time

    if plan.is_empty:
        say.answer("there is nothing to erase")
        return
    shown = plan.targets[:SHOWN]
    lines = lines_of(log, [(target.entry, target.header) for target in shown])
    rows = [
        (
            str(target.entry.id),
            local_time(target.header.time),
            title_of(log, target.entry.work),
            ", ".join(target.fields),
            line.text,
        )
        for target, line in zip(shown, lines, strict=True)
    ]
    if rows:
        say.table(("event", "time", "work", "erases", "what"), rows)
    if len(plan.targets) > SHOWN:
        say.answer(f"and {counted(len(plan.targets) - SHOWN, 'more event')}")
    if plan.saves:
        say.answer(f"and {counted(plan.saves, 'session file')} kept for comparison")
    if plan.kept or plan.kept_of_works:
        files = counted(len(plan.kept) + plan.kept_of_works, "file")
        say.answer(f"and {files} kept in the vault")
    if plan.later:
        later = "1 later save is" if plan.later == 1 else f"{plan.later} later saves are"
        say.answer(f"{later} kept as a difference from them: unlock your keys")
    if plan.saves or plan.kept or plan.kept_of_works:
        say.paragraph(
            "decisions that rest on these saves can never be worked out anew:"
            " `stemproof replay` finds them missing"
        )
    for work in plan.whole_works:
        say.answer(
            f"and the title {say.clean(work.title)!r}: it is listed as {nameless(work)} then"
        )
    warned = consequences(plan)
    if warned:
        say.answer("", "what cannot be shown any more:", *(f"  {line}" for line in warned))
    say.answer("", "out of reach:", *(f"  {say.clean(line)}" for line in reach), "")
