"""`stemproof.ai`: a program of one's own says what it asks a generator for, and what it gave.

    import stemproof

    with stemproof.ai(tool="riffusion", stage="composition", model="v1", kind="audio") as call:
        call.ask(prompt="a slow waltz", seed=7, steps=20)
        call.gave(make_sound(), media="audio/wav")

    @stemproof.ai(tool="lyric-bot", stage="lyrics")
    def write_verse(prompt: str, temperature: float = 0.7) -> str: ...

Both forms also work with `async`. A ledger that cannot be written never breaks the program: the
call goes on, a RuntimeWarning says why, and `call.problems` holds it. What is recorded is what
the program says of itself, seen by this library (`tool`: api).
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, ParamSpec, TypeVar, cast

from stemproof.acts.begin import Work
from stemproof.acts.generating import (
    KINDS,
    Request,
    Result,
    choose_work,
    record_request,
    record_result,
)
from stemproof.acts.home import Home, now, opened
from stemproof.errors import StemproofError, Usage
from stemproof.log.store import Log
from stemproof.record.vocabulary import STAGES

P = ParamSpec("P")
R = TypeVar("R")
Output = str | bytes | Path

# A file longer than this is recorded by its digest, and not kept.
MAX_KEPT_BYTES: Final = 128 << 20
_MEDIA: Final = {
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".mid": "audio/midi",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class _Said:
    """What was said of a tool when `ai` was called."""

    tool: str
    stage: str
    model: str
    kind: str
    work: str | Path | None
    home: Path | None


@dataclass(slots=True)
class Call:
    """One call of a generator: `ask`, then `gave` once for each result."""

    _said: _Said
    id: str = ""
    results: int = 0
    problems: list[str] = field(default_factory=list)

    def ask(
        self,
        prompt: str | None = None,
        *,
        lyrics: str | None = None,
        seed: int | str | None = None,
        **parameters: object,
    ) -> None:
        """Record what is asked for; secrets among the parameters are left out."""
        if self.id:
            raise Usage("this call has asked already; begin another with stemproof.ai(...)")
        request = Request(
            provider=self._said.tool,
            model=self._said.model,
            kind=self._said.kind,
            parameters=parameters,
            seed=seed,
            tool="api",
            prompt=prompt,
            lyrics=lyrics,
            stage=self._said.stage,
        )

        def write(log: Log, work: Work) -> None:
            self.id = record_request(log, work, request, now())

        self._write(write)

    def gave(self, output: Output, *, media: str = "", cut: bool = False) -> None:
        """Record one result: a text, bytes, or the path of a file."""
        data, found, size, digest = _read(output)
        self._give(data, media or found, digest, size, status="cut" if cut else "ok", error="")

    def failed(self, error: str) -> None:
        """Record that the call failed."""
        nothing = sha256(b"").hexdigest()
        self._give(None, "", nothing, 0, status="failed", error=error)

    def _give(self, data: bytes | None, media: str, digest: str, size: int, **end: str) -> None:
        if not self.id:
            self.ask()
        if not self.id:
            # The request could not be recorded; that was said.
            return
        result = Result(
            call=self.id,
            index=self.results,
            media=media,
            data=data,
            sha256=digest,
            size=size,
            stage=self._said.stage,
            status=end["status"],
            error=end["error"],
        )
        self.results += 1

        def write(log: Log, work: Work) -> None:
            problem = record_result(log, work, result, now())
            if problem:
                self._tell(f"the output is not kept in the vault: {problem}")

        self._write(write)

    def _write(self, write: Callable[[Log, Work], None]) -> None:
        try:
            home = _home(self._said.home)
            wanted = self._said.work
            with opened(home) as log:
                name = None if wanted is None else str(wanted)
                write(log, choose_work(log, name, Path.cwd()))
        except (StemproofError, OSError) as error:
            self._tell(f"not recorded: {error}")

    def _tell(self, problem: str) -> None:
        self.problems.append(problem)
        warnings.warn(f"stemproof: {problem}", RuntimeWarning, stacklevel=4)


class Scope:
    """What `ai` gives: a context manager, or a decorator."""

    def __init__(self, said: _Said) -> None:
        self._said = said
        self._calls: list[Call] = []

    def __enter__(self) -> Call:
        call = Call(self._said)
        self._calls.append(call)
        return call

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        call = self._calls.pop()
        if kind is not None and not call.results:
            # Only the kind of error: its text may quote a key.
            call.failed(kind.__name__)
        elif not call.id and not call.problems:
            call.ask()

    async def __aenter__(self) -> Call:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, tb)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Record each call of a function: its `prompt`, its other plain arguments, its result."""
        names = inspect.signature(function)

        def arguments(*given: P.args, **named: P.kwargs) -> Mapping[str, object]:
            bound = names.bind(*given, **named)
            bound.apply_defaults()
            return {name: item for name, item in bound.arguments.items() if name != "self"}

        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def later(*given: P.args, **named: P.kwargs) -> object:
                async with Scope(self._said) as call:
                    await asyncio.to_thread(_ask, call, arguments(*given, **named))
                    result = await function(*given, **named)
                    await asyncio.to_thread(_gave, call, result)
                return result

            # The wrapper of a coroutine function is one: what it returns is what R is.
            return cast("Callable[P, R]", later)

        @wraps(function)
        def at_once(*given: P.args, **named: P.kwargs) -> R:
            with Scope(self._said) as call:
                _ask(call, arguments(*given, **named))
                result = function(*given, **named)
                _gave(call, result)
            return result

        return at_once


def ai(
    *,
    tool: str,
    stage: str = "none",
    model: str = "",
    kind: str = "text",
    work: str | Path | None = None,
    home: Path | None = None,
) -> Scope:
    """Record calls of a generator made by this program.

    `work` is a title, a folder or the start of an id; left out it is the only work, or the one
    whose folder holds the current directory. `home` is the ledger folder; left out it is the
    one that the system keeps such things in.
    """
    if stage not in STAGES:
        raise Usage(f"{stage!r:.80} is not a stage", hint="one of " + ", ".join(STAGES))
    if kind not in KINDS:
        raise Usage(f"{kind!r:.80} is not a kind", hint="one of " + ", ".join(KINDS))
    if not tool:
        raise Usage("a tool needs a name")
    return Scope(_Said(tool, stage, model, kind, work, home))


def _ask(call: Call, arguments: Mapping[str, object]) -> None:
    """Record a function's arguments as what was asked."""
    named = {name: item for name, item in arguments.items() if _is_plain(item)}
    texts = {name: named.pop(name, None) for name in ("prompt", "lyrics")}
    seed = named.pop("seed", None)
    call.ask(
        texts["prompt"] if isinstance(texts["prompt"], str) else None,
        lyrics=texts["lyrics"] if isinstance(texts["lyrics"], str) else None,
        seed=seed if isinstance(seed, int | str) else None,
        **named,
    )


def _gave(call: Call, result: object) -> None:
    found = result if isinstance(result, list | tuple) else [result]
    for output in cast("Iterable[object]", found):
        if isinstance(output, str | bytes | Path):
            call.gave(output)


def _is_plain(item: object) -> bool:
    return item is None or isinstance(item, str | int | float | bool | list | tuple | dict)


def _read(output: Output) -> tuple[bytes | None, str, int, str]:
    """Give an output's bytes where they can be kept, its media type, size and digest."""
    if isinstance(output, str):
        output, media = output.encode("utf-8", "replace"), _MEDIA[".txt"]
    elif isinstance(output, Path):
        media = _MEDIA.get(output.suffix.lower(), "application/octet-stream")
        size, digest = 0, sha256()
        kept: list[bytes] = []
        with output.open("rb") as file:
            while part := file.read(1 << 20):
                size += len(part)
                digest.update(part)
                if size <= MAX_KEPT_BYTES:
                    kept.append(part)
        data = b"".join(kept) if size <= MAX_KEPT_BYTES else None
        return data, media, size, digest.hexdigest()
    else:
        media = "application/octet-stream"
    return output, media, len(output), sha256(output).hexdigest()


def _home(given: Path | None) -> Home:
    from stemproof.acts.keeping import check_place

    if given is None:
        import platformdirs

        given = Path(platformdirs.user_data_dir("stemproof", appauthor=False))
    home = Home(given.expanduser().absolute())
    if not home.exists:
        raise Usage(f"there is no ledger at {home.path}", hint="`stemproof start DIR` makes one")
    check_place(home)
    return home
