"""REAPER's chunk text: lines of quoted words, nested between `<NAME …` and `>`.

    <TRACK {GUID}
      NAME "Lead Vox"
      <FXCHAIN
      >
    >

A word is bare, or quoted by the first of " ' ` that it does not contain.
Lines inside a chunk stay text until somebody wants their words. Bounded: bytes, lines' length,
depth. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from stemproof.errors import BadInput

MAX_BYTES = 256 * 1024 * 1024
MAX_DEPTH = 64
"""REAPER nests a dozen deep (containers in containers); recursion must not follow strangers."""
MAX_LINE = 1024 * 1024
_QUOTES = "\"'`"


@dataclass(slots=True)
class Chunk:
    """One `<NAME …` with its lines and chunks in order."""

    name: str
    header: str
    children: list[str | Chunk] = field(default_factory=list)

    def words(self) -> list[str]:
        """Split the header after its name."""
        return split_words(self.header)[1:]

    def chunks(self, *names: str) -> list[Chunk]:
        """List the direct chunks of these names, all if none is given."""
        found = [c for c in self.children if isinstance(c, Chunk)]
        return [c for c in found if c.name in names] if names else found

    def lines(self) -> list[str]:
        """List the direct lines."""
        return [c for c in self.children if isinstance(c, str)]

    def settings(self) -> dict[str, list[str]]:
        """Map the first word of each line to the words after it; the first of equals counts."""
        found: dict[str, list[str]] = {}
        for line in self.lines():
            key = line.split(" ", 1)[0]
            if key not in found:
                found[key] = split_words(line)[1:]
        return found


def split_words(line: str) -> list[str]:
    """Split a line into words, honouring the three quotes."""
    if '"' not in line and "'" not in line and "`" not in line:
        return line.split()
    words: list[str] = []
    at, end = 0, len(line)
    while at < end:
        mark = line[at]
        if mark in " \t":
            at += 1
        elif mark in _QUOTES:
            close = line.find(mark, at + 1)
            close = end if close < 0 else close
            words.append(line[at + 1 : close])
            at = close + 1
        else:
            close = line.find(" ", at)
            close = end if close < 0 else close
            words.append(line[at:close])
            at = close
    return words


def decode_text(data: bytes) -> str:
    """Decode a project: UTF-8 since REAPER 4, the system's code page before."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"the REAPER project has {len(data)} bytes, want at most {MAX_BYTES}")
    if b"\0" in data:
        raise BadInput("the REAPER project holds zero bytes, want text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse_chunks(text: str, root: str) -> Chunk:
    """Parse project text whose one top chunk is named `root`."""
    top = Chunk("", "")
    stack = [top]
    # Only these end a line: str.splitlines would also cut at marks inside names.
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = raw.strip(" \t\r")
        if not line:
            continue
        if len(line) > MAX_LINE:
            raise BadInput(f"line {number} has {len(line)} characters, want at most {MAX_LINE}")
        if line == ">":
            if len(stack) == 1:
                raise BadInput(f"line {number} closes a chunk that nobody opened")
            stack.pop()
        elif line[0] == "<":
            chunk = Chunk(line[1:].split(" ", 1)[0], line[1:])
            stack[-1].children.append(chunk)
            stack.append(chunk)
            if len(stack) > MAX_DEPTH:
                raise BadInput(f"line {number} nests deeper than {MAX_DEPTH} chunks")
        else:
            stack[-1].children.append(line)
    if len(stack) > 1:
        raise BadInput(f"the chunk {stack[-1].name!r:.40} is never closed: the file is cut short")
    first = top.children[0] if len(top.children) == 1 else None
    if not isinstance(first, Chunk) or first.name != root:
        raise BadInput(f"the file is not one {root} chunk")
    return first
