"""A small MCP server over pipes: initialize, ping, tools/list, tools/call, and nothing else.

    server = Server(SERVER, INSTRUCTIONS, tools)
    serve(server, sys.stdin.buffer, sys.stdout.buffer)

Versions that begin with a handshake are spoken (2024-11-05 to 2025-11-25); a client that asks
for another one is offered the newest of them, as the specification says. Arguments are checked
against what `tools/list` promises before a tool sees them. What is no message is answered as
JSON-RPC 2.0 section 5.1 says; a line beyond its bound ends nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from stemproof.capture.mcp.conversation import MAX_NAME, Peer
from stemproof.capture.mcp.lines import Lines
from stemproof.capture.mcp.messages import Message, Object, Request, read_value
from stemproof.capture.prompts.reading import parse_json
from stemproof.errors import Malformed, StemproofError
from stemproof.record.canonical import Json

VERSIONS: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
# A prompt of 100,000 characters, escaped.
MAX_LINE_BYTES: Final = 1 << 20
_PIECE_BYTES: Final = 1 << 16

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602


@dataclass(frozen=True, slots=True)
class Field:
    """One argument of a tool: text with a bound, words of a list, or a number with bounds."""

    about: str
    is_needed: bool = False
    most: int = 200
    words: tuple[str, ...] = ()
    is_number: bool = False

    def schema(self) -> dict[str, Json]:
        """Give its JSON Schema."""
        if self.is_number:
            return {
                "type": "integer",
                "minimum": 1,
                "maximum": self.most,
                "description": self.about,
            }
        if self.words:
            return {"type": "string", "enum": list(self.words), "description": self.about}
        return {"type": "string", "maxLength": self.most, "description": self.about}

    def fits(self, value: object) -> bool:
        """Say whether a value is what the schema promises."""
        if self.is_number:
            return type(value) is int and 1 <= value <= self.most
        if not isinstance(value, str):
            return False
        return value in self.words if self.words else len(value) <= self.most


Arguments = Mapping[str, str | int]
Deed = Callable[[Arguments, Peer], dict[str, Json]]


@dataclass(frozen=True, slots=True)
class Tool:
    """What the server offers; `deed` gets checked arguments and who calls."""

    name: str
    about: str
    fields: Mapping[str, Field]
    is_read_only: bool
    deed: Deed

    def as_json(self) -> dict[str, Json]:
        """Describe it as `tools/list` does."""
        properties: dict[str, Json] = {name: one.schema() for name, one in self.fields.items()}
        return {
            "name": self.name,
            "description": self.about,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": [name for name, one in self.fields.items() if one.is_needed],
                "additionalProperties": False,
            },
            "annotations": {
                "readOnlyHint": self.is_read_only,
                "destructiveHint": False,
                "idempotentHint": self.is_read_only,
                "openWorldHint": False,
            },
        }


class _Refused(Exception):
    """Becomes the error of an answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Server:
    """Answers one client."""

    def __init__(self, name: Peer, instructions: str, tools: Sequence[Tool]) -> None:
        self.name = name
        self.instructions = instructions
        self.tools = {tool.name: tool for tool in tools}
        self.client = Peer()

    def answer_line(self, line: bytes) -> bytes | None:
        """Answer one line, or nothing where it asks for nothing."""
        try:
            value = parse_json(line, "message")
        except Malformed as error:
            # What cannot be parsed has no id (JSON-RPC section 5).
            return _written(_error(None, PARSE_ERROR, str(error)))
        try:
            read = read_value(value)
        except Malformed as error:
            return _written(_error(None, INVALID_REQUEST, str(error)))
        answers = [found for one in read.messages if (found := self._answer(one)) is not None]
        answers += [_error(None, INVALID_REQUEST, "no message")] * read.unread
        if not answers:
            return None
        return _written(list(answers) if read.is_batch else answers[0])

    def _answer(self, message: Message) -> dict[str, Json] | None:
        if not isinstance(message, Request):
            return None
        try:
            result = self._result(message.method, message.params)
        except _Refused as refused:
            return _error(message.id, refused.code, refused.text)
        return {"jsonrpc": "2.0", "id": message.id, "result": result}

    def _result(self, method: str, params: Object) -> dict[str, Json]:
        match method:
            case "initialize":
                return self._initialize(params)
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [tool.as_json() for tool in self.tools.values()]}
            case "tools/call":
                return self._call(params)
        raise _Refused(METHOD_NOT_FOUND, f"there is no method {method[:60]!r}")

    def _initialize(self, params: Object) -> dict[str, Json]:
        wanted, said = params.get("protocolVersion"), params.get("clientInfo")
        if not isinstance(wanted, str) or not isinstance(said, dict):
            raise _Refused(INVALID_PARAMS, "initialize wants protocolVersion and clientInfo")
        name, version = said.get("name"), said.get("version")
        self.client = Peer(
            name[:MAX_NAME] if isinstance(name, str) else "",
            version[:MAX_NAME] if isinstance(version, str) else "",
        )
        return {
            "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": self.name.name, "version": self.name.version},
            "instructions": self.instructions,
        }

    def _call(self, params: Object) -> dict[str, Json]:
        name = params.get("name")
        tool = self.tools.get(name) if isinstance(name, str) else None
        if tool is None:
            raise _Refused(INVALID_PARAMS, f"there is no tool {str(name)[:60]!r}")
        try:
            found = tool.deed(_check(tool, params.get("arguments", {})), self.client)
        except StemproofError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return {"content": [_text(f"{error}{hint}")], "isError": True}
        return {
            "content": [_text(json.dumps(found, ensure_ascii=False, indent=1))],
            "structuredContent": found,
            "isError": False,
        }


def serve(server: Server, incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Answer until the client hangs up."""
    lines = Lines(MAX_LINE_BYTES)
    told = 0
    # A raw read gives what is there: a client waits for its answer before it writes more.
    read = getattr(incoming, "read1", incoming.read)
    while part := read(_PIECE_BYTES):
        for line in lines.feed(part):
            if (answer := server.answer_line(line)) is not None:
                outgoing.write(answer)
                outgoing.flush()
        while told < lines.too_long:
            told += 1
            text = f"a message may have at most {MAX_LINE_BYTES} bytes"
            outgoing.write(_written(_error(None, INVALID_REQUEST, text)))
            outgoing.flush()


def _check(tool: Tool, arguments: object) -> Arguments:
    if not isinstance(arguments, dict):
        raise _Refused(INVALID_PARAMS, "arguments are an object")
    for name, value in arguments.items():
        field = tool.fields.get(name)
        if field is None:
            raise _Refused(INVALID_PARAMS, f"{tool.name} takes no {name[:60]!r}")
        if not field.fits(value):
            want = json.dumps({k: v for k, v in field.schema().items() if k != "description"})
            raise _Refused(INVALID_PARAMS, f"{name} of {tool.name} does not fit {want[:300]}")
    for name, field in tool.fields.items():
        if field.is_needed and name not in arguments:
            raise _Refused(INVALID_PARAMS, f"{tool.name} wants {name}")
    return arguments


def _text(text: str) -> dict[str, Json]:
    return {"type": "text", "text": text}


def _error(id_: int | str | None, code: int, text: str) -> dict[str, Json]:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": text}}


def _written(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
