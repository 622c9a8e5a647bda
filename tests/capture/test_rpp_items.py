"""REAPER's items: in which order they are told, how they are stretched and turned round."""

from stemproof.capture.diff import diff
from stemproof.capture.sessions.registry import read_session
from stemproof.capture.summary import summarise


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


def _wave(mode: str) -> tuple[str, ...]:
    wave = ("<SOURCE WAVE", 'FILE "a.wav"', ">")
    return ("<SOURCE SECTION", "LENGTH 1", f"MODE {mode}", "STARTPOS 0", *wave, ">")


def test_an_item_turned_round_is_a_decision() -> None:
    forward, back = (_project(_item("2", *_wave(mode))) for mode in ("0", "2"))
    assert _texts(forward, back) == ["Vox: clip 'take 2' reversed off -> on"]
    assert _texts(back, _project(_item("2", *_wave("3")))) == []


def test_stretch_markers_of_the_take_in_use_are_read() -> None:
    wave = ("<SOURCE WAVE", 'FILE "a.wav"', ">")
    plain = _project(_item("2", *wave))
    one = _project(_item("2", "SM 0 0 + 0.5 0.4", *wave))
    two = _project(_item("2", "SM 0 0 + 0.5 0.3", *wave))
    assert _texts(plain, one) == ["Vox: automation of stretch markers added (2 points)"]
    assert len(_texts(one, two)) == 1
    assert "stretch markers" in _texts(one, two)[0]
    assert _texts(one, one) == []


def test_another_take_that_runs_backwards_is_one_decision() -> None:
    wave = ("<SOURCE WAVE", 'FILE "b.wav"', ">")

    def item(take: str) -> bytes:
        first = (*_wave("2"), "GUID {1}")
        return _project(_item("2", *first, take, "NAME other", "GUID {2}", *wave))

    (text,) = _texts(item("TAKE SEL"), item("TAKE"))
    assert "chosen" in text


def test_a_glued_item_is_one_take_replaced() -> None:
    def item(name: str, guid: str, *more: str) -> bytes:
        wave = ("<SOURCE WAVE", f'FILE "{name}.wav"', ">")
        return _project(_item("2", f"GUID {{{guid}}}", "IGUID {i}", *wave, *more))

    assert _texts(item("a", "1"), item("a-glued", "2")) == ["Vox: take 'take 2' replaced"]
    assert _texts(item("a", "1"), item("a", "1")) == []


def test_a_take_of_another_name_came_and_the_old_one_went() -> None:
    def item(name: str, guid: str) -> bytes:
        wave = ("<SOURCE WAVE", 'FILE "a.wav"', ">")
        keys = (f"NAME {name}", f"GUID {{{guid}}}", "IGUID {i}")
        return _project(("<ITEM", "POSITION 2", "LENGTH 1", *keys, *wave, ">"))

    assert _texts(item("one", "1"), item("two", "2")) == [
        "Vox: take 'two' added, 1 take in all",
        "Vox: take 'one' removed from clip 'two'",
    ]


def test_resized_items_say_where_they_are_and_are_summed_up_as_one() -> None:
    def project(length: str) -> bytes:
        wave = ("<SOURCE WAVE", 'FILE "a.wav"', ">")
        items = [
            ("<ITEM", f"POSITION {n}", f"LENGTH {length}", "NAME hit", f"IGUID {{{n}}}", *wave, ">")
            for n in ("2", "4")
        ]
        return _project(*items)

    one, two = (read_session("a.rpp", project(length)) for length in ("1", "0.5"))
    decisions = diff(one, two)
    assert [d.text for d in decisions] == [
        "Vox: length of clip 'hit' at 0:02.00 (bar 2): 1.000 s -> 0.500 s",
        "Vox: length of clip 'hit' at 0:04.00 (bar 3): 1.000 s -> 0.500 s",
    ]
    assert [line.text for line in summarise(decisions)] == ["Vox: 2 clips resized"]
