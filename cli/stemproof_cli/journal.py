"""The log as `log show` tells it: working sessions, and in each its saves with what was decided.

    Small Hours, Sunday 22 November 2026, 14:02 to 15:40
    1 save, 4 decisions: 4 mixing
        4  14:02:11  Mix.rpp: first seen, 4 tracks
      5-9  14:05:40  Mix.rpp: saved, 4 decisions, human with tool
                     mixing       Lead Vox: volume -3.0 dB -> -4.5 dB
                     mixing       Lead Vox: ReaEQ (Cockos) added

The numbers on the left are those of the events that a line stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from stemproof_cli import say
from stemproof_cli.amounts import counted

if TYPE_CHECKING:
    from stemproof.acts.sittings import Block, Item

# More lines about one save are told by their number: a day must fit a look.
MOST: Final = 15
_STAGE_WIDTH: Final = 11  # "performance", "composition", "arrangement"


def show_blocks(blocks: Sequence[Block], stage: str | None) -> None:
    """Write blocks under a heading each; of saves only what was decided in this stage, if any."""
    width = max(len(_numbers(item)) for block in blocks for item in block.items)
    for place, block in enumerate(blocks):
        if place:
            say.answer("")
        say.answer(say.strong(say.clean(_heading(block))))
        if totals := _totals(block, stage):
            say.paragraph(totals)
        day = _time(block.items[0]).date()
        for item in block.items:
            moment = _time(item)
            if moment.date() != day:
                day = moment.date()
                say.answer(f"  {_day(moment)}")
            _show(item, f"  {_numbers(item):>{width}}  {moment:%H:%M:%S}  ", stage)


def show_item(item: Item, stage: str | None) -> None:
    """Write one item as it stands in a block, with the work that it is of."""
    title = say.clean(item.lines[0].title)
    _show(item, f"  {_numbers(item)}  {_time(item):%H:%M:%S}  {title}  ", stage)


def _heading(block: Block) -> str:
    first, last = _time(block.items[0]), _time(block.items[-1])
    title = f"{block.title}, {_day(first)}"
    if not block.session:
        return title
    return f"{title}, {'' if block.is_whole else 'shown from '}{first:%H:%M} to {last:%H:%M}"


def _totals(block: Block, only: str | None) -> str:
    stages = Counter({stage: n for stage, n in block.stages.items() if only in (None, stage)})
    told = [counted(block.saves, "save")] if block.saves else []
    if count := stages.total():
        shares = ", ".join(
            f"{number} {'of no stage' if stage == 'none' else stage}"
            for stage, number in stages.most_common()
        )
        told.append(f"{counted(count, 'decision')}: {shares}")
    return ", ".join(told)


def _show(item: Item, lead: str, stage: str | None) -> None:
    head = item.head
    classes = ", ".join(word.replace("_", " ") for word in item.classes)
    text = "decisions of a save" if head is None else head.text
    if head is not None and head.header.stage != "none":
        text = f"{head.header.stage}: {text}"
    say.hanging(lead, f"{text}, {classes}" if classes else text)
    told = item.told(stage)
    # One line more than said takes as much room as saying so.
    shown = told if len(told) <= MOST + 1 else told[:MOST]
    for one in shown:
        is_of_stage = one.stage != "none"
        say.hanging(
            " " * len(lead) + f"{one.stage if is_of_stage else '-':<{_STAGE_WIDTH}}  ",
            one.text,
            "stage",
        )
    if left := len(told) - len(shown):
        say.answer(" " * len(lead) + f"and {counted(left, 'line')} more; --all shows each event")


def _numbers(item: Item) -> str:
    first, last = item.events
    return str(first) if first == last else f"{first}-{last}"


def _time(item: Item) -> datetime:
    from stemproof.record.event import parse_time

    return parse_time(item.lines[0].header.time).astimezone()


def _day(moment: datetime) -> str:
    return f"{moment:%A} {moment.day} {moment:%B %Y}"
