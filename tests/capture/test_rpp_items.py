"""REAPER's items: in which order they are told, how they are stretched and turned round."""

from stemproof.capture.diff import diff
from stemproof.capture.sessions.registry import read_session


def _item(position: str, *lines: str) -> tuple[str, ...]:
    name = f"take {position}"
    return ("<ITEM", f"POSITION {position}", "LENGTH 1", f'NAME "{name}"', *lines, ">")


def _project(*items: tuple[str, ...]) -> bytes:
    lines = [line for item in items for line in item]
    head = ('<REAPER_PROJECT 0.1 "7.22" 1', "TEMPO 120 4 4", "<TRACK {A}", "NAME Vox")
    return "\n".join((*head, *lines, ">", ">")).encode()


def _texts(one: bytes, two: bytes) -> list[str]:
    return [d.text for d in diff(read_session("a.rpp", one), read_session("a.rpp", two))]


def test_items_that_went_are_told_in_the_order_of_the_song() -> None:
    items = [_item(position) for position in ("8", "2", "4")]
    assert _texts(_project(*items), _project()) == [
        "Vox: clip 'take 2' removed at 0:02.00 (bar 2)",
        "Vox: clip 'take 4' removed at 0:04.00 (bar 3)",
        "Vox: clip 'take 8' removed at 0:08.00 (bar 5)",
    ]
