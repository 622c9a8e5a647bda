"""One conversation between a client and a server: which calls were made, and how they ended.

    sent(message)       what the client says
    answered(message)   what the server says; gives the calls that it ends

Calls wait for their answers within bounds: one too many, and the oldest is given as unanswered.
A stream is one pair of pipes, or one exchange of HTTP: equal ids of two streams are two calls.
Who the peers are is what they say themselves, in the handshake or (from version 2026-07-28 on)
in `_meta` of each message. No I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stemproof.capture.mcp.messages import Answer, Id, Message, Notification, Object, Request

MAX_PENDING: Final = 1_000
MAX_PENDING_BYTES: Final = 64 << 20
# Servers with more tools overwhelm the models that they are for.
MAX_TOOLS: Final = 2_000
MAX_NAME: Final = 200

_CLIENT_KEY: Final = "io.modelcontextprotocol/clientInfo"
_SERVER_KEY: Final = "io.modelcontextprotocol/serverInfo"
_TRACKED: Final = frozenset({"tools/call", "tools/list", "initialize"})

STATUSES: Final = ("ok", "failed", "asked", "cancelled", "unanswered")
"""How a call ended; `asked` is a result that asks the user for something first."""


@dataclass(frozen=True, slots=True)
class Peer:
    """What a program says that it is; empty where it says nothing."""

    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, and how it ended.

    `read_only` is what the server says of the tool (`readOnlyHint`), or None.
    """

    tool: str
    arguments: Object
    began: datetime
    ended: datetime
    status: str
    result: Object | None
    error: str
    client: Peer
    server: Peer
    read_only: bool | None


@dataclass(frozen=True, slots=True)
class _Pending:
    request: Request
    began: datetime
    size: int


class Conversation:
    """What was said so far, as far as it matters for the calls to come."""

    def __init__(self) -> None:
        self.server = Peer()
        self.unmatched = 0
        self._clients: set[Peer] = set()
        self._client = Peer()
        self._read_only: dict[str, bool] = {}
        self._pending: dict[tuple[int, type, Id], _Pending] = {}
        self._bytes = 0

    @property
    def client(self) -> Peer:
        """Who calls; nobody, where several clients share one server and cannot be told apart."""
        return self._client if len(self._clients) <= 1 else Peer()

    def sent(
        self, message: Message, moment: datetime, *, size: int, stream: int = 0
    ) -> list[ToolCall]:
        """Hear the client; gives the calls that end by it."""
        if isinstance(message, Notification):
            return self._cancel(message, moment, stream)
        if not isinstance(message, Request):
            return []
        self._hear_client(message)
        if message.method not in _TRACKED:
            return []
        key = (stream, type(message.id), message.id)
        # JSON-RPC forbids an id that is in use: the first call can no longer be told.
        ended = self._end(key, moment, "unanswered", "its id was used again")
        self._pending[key] = _Pending(message, moment, size)
        self._bytes += size
        while len(self._pending) > MAX_PENDING or self._bytes > MAX_PENDING_BYTES:
            oldest = next(iter(self._pending))
            ended += self._end(oldest, moment, "unanswered", "too many calls wait")
        return ended

    def answered(self, message: Message, moment: datetime, *, stream: int = 0) -> list[ToolCall]:
        """Hear the server; gives the calls that end by it."""
        if not isinstance(message, Answer):
            return []
        if message.result is not None:
            self._hear_server(message.result)
        if message.id is None or (key := self._find(stream, message.id)) is None:
            self.unmatched += 1
            return []
        pending = self._take(key)
        if message.result is None:
            told = {"error": {"code": message.code, "message": message.text}}
            return self._ended(
                pending, moment, "failed", result=told, error=f"error {message.code}"
            )
        if pending.request.method == "tools/list":
            self._hear_tools(message.result)
        return self._ended(pending, moment, _status(message.result), result=message.result)

    def broke(self, moment: datetime, error: str, *, stream: int) -> list[ToolCall]:
        """Hear that a stream failed; gives the calls that it was to answer."""
        keys = [key for key in self._pending if key[0] == stream]
        return [call for key in keys for call in self._end(key, moment, "failed", error)]

    def end(self, moment: datetime) -> list[ToolCall]:
        """Give what is still unanswered when all is over."""
        keys = list(self._pending)
        return [call for key in keys for call in self._end(key, moment, "unanswered", "")]

    def _cancel(self, message: Notification, moment: datetime, stream: int) -> list[ToolCall]:
        if message.method != "notifications/cancelled":
            return []
        wanted = message.params.get("requestId")
        if type(wanted) is not int and not isinstance(wanted, str):
            return []
        key = self._find(stream, wanted)
        return [] if key is None else self._end(key, moment, "cancelled", "")

    def _find(self, stream: int, wanted: Id) -> tuple[int, type, Id] | None:
        own = (stream, type(wanted), wanted)
        if own in self._pending:
            return own
        # A stream of HTTP that broke off goes on as another one.
        alike = [key for key in self._pending if key[1:] == own[1:]]
        return alike[0] if len(alike) == 1 else None

    def _take(self, key: tuple[int, type, Id]) -> _Pending:
        pending = self._pending.pop(key)
        self._bytes -= pending.size
        return pending

    def _end(
        self, key: tuple[int, type, Id], moment: datetime, status: str, error: str
    ) -> list[ToolCall]:
        if key not in self._pending:
            return []
        return self._ended(self._take(key), moment, status, error=error)

    def _ended(
        self,
        pending: _Pending,
        moment: datetime,
        status: str,
        *,
        result: Object | None = None,
        error: str = "",
    ) -> list[ToolCall]:
        params = pending.request.params
        tool, arguments = params.get("name"), params.get("arguments", {})
        if pending.request.method != "tools/call" or not isinstance(tool, str):
            return []
        if not isinstance(arguments, dict):
            arguments = {}
        return [
            ToolCall(
                tool=tool[:MAX_NAME],
                arguments=arguments,
                began=pending.began,
                ended=moment,
                status=status,
                result=result,
                error=error,
                client=self.client,
                server=self.server,
                read_only=self._read_only.get(tool),
            )
        ]

    def _hear_client(self, message: Request) -> None:
        meta = message.params.get("_meta")
        said = message.params.get("clientInfo") if message.method == "initialize" else None
        if said is None and isinstance(meta, dict):
            said = meta.get(_CLIENT_KEY)
        peer = _peer(said)
        if peer is not None:
            self._client = peer
            if len(self._clients) <= 1:
                self._clients.add(peer)

    def _hear_server(self, result: Object) -> None:
        meta = result.get("_meta")
        said = meta.get(_SERVER_KEY) if isinstance(meta, dict) else None
        self.server = _peer(said) or _peer(result.get("serverInfo")) or self.server

    def _hear_tools(self, result: Object) -> None:
        tools = result.get("tools")
        for tool in tools if isinstance(tools, list) else []:
            if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
                continue
            hints = tool.get("annotations")
            hint = hints.get("readOnlyHint") if isinstance(hints, dict) else None
            if isinstance(hint, bool) and len(self._read_only) < MAX_TOOLS:
                self._read_only[tool["name"]] = hint


def _peer(said: object) -> Peer | None:
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        return None
    version = said.get("version")
    return Peer(said["name"][:MAX_NAME], version[:MAX_NAME] if isinstance(version, str) else "")


def _status(result: Object) -> str:
    if result.get("isError") is True:
        return "failed"
    return "asked" if result.get("resultType") == "input_required" else "ok"
