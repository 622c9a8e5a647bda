"""What an adapter is: it reads the calls of one API, and nothing else.

    class MyApi:
        name = "mymusic"
        upstream = "https://api.mymusic.example"
        def read_request(self, call: Call) -> Asked | None: ...
        def read_reply(self, call: Call, reply: Reply) -> Step: ...

`read_request` says what a call asks a generator for, or None where it starts no generation (a
list of models, a poll). `read_reply` says what an answer brings: outputs, files to download, a
job whose outputs come later, or a failure. A music API has three steps: the request answers
with a job, a poll answers with the job's outputs or with addresses, the proxy downloads those.
An adapter gets bounded bytes and gives values: no I/O, no clock, and what it cannot read it
leaves out. It may raise Malformed; the call goes on all the same. docs/guides/prompts.md says
how to bring one of one's own, by the entry point group `stemproof.music_apis`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came: `path` without the query, `query` by name, whole `body`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    media: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came, already unpacked; `media` is its Content-Type with parameters."""

    status: int
    media: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks for."""

    model: str
    kind: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    seed: int | str | None = None
    prompt: str | None = None
    lyrics: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One thing that was generated, as it would be saved."""

    index: int
    media: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """One thing that was generated, and lies at an address."""

    index: int
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """What one answer brings.

    `job` names work that goes on at the provider: given by the answer to a request, and again
    by each poll about it. `error` ends a job or a call; `is_cut` says that it ended too early.
    """

    job: str = ""
    outputs: tuple[Output, ...] = ()
    downloads: tuple[Download, ...] = ()
    error: str = ""
    is_cut: bool = False


@runtime_checkable
class Api(Protocol):
    """An adapter; an instance of it is shared by all calls and keeps no state."""

    @property
    def name(self) -> str:
        """The provider, as events name it."""
        ...

    @property
    def upstream(self) -> str:
        """The address that calls go to where the user names no other."""
        ...

    def read_request(self, call: Call) -> Asked | None:
        """Say what a call asks for; None where it starts no generation."""
        ...

    def read_reply(self, call: Call, reply: Reply) -> Step:
        """Say what the answer to a call brings."""
        ...
