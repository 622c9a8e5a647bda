"""A small MCP server that drives a made-up DAW; what it does wrong is chosen by its arguments.

python fake_daw.py [nonsense|endless|flood|dies|echo-key|slow]
"""

import base64
import json
import os
import sys
import time

WAV = b"RIFF$\x00\x00\x00WAVEfmt " + bytes(range(40))
TOOLS = [
    {"name": "set_volume", "inputSchema": {"type": "object"}},
    {
        "name": "get_tempo",
        "inputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
    },
    {"name": "make_sound", "inputSchema": {"type": "object"}},
    {"name": "fail", "inputSchema": {"type": "object"}},
]


def say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def call(name: str, arguments: dict[str, object]) -> dict[str, object]:
    """Do what a tool is asked for."""
    text = {"type": "text", "text": f"{name} done: {json.dumps(arguments)}"}
    if name == "fail":
        return {"content": [text], "isError": True}
    if name == "make_sound":
        data = base64.b64encode(WAV).decode()
        blob = {"uri": "sound://2", "mimeType": "audio/midi", "blob": data}
        return {
            "content": [
                {"type": "audio", "data": data, "mimeType": "audio/wav"},
                {"type": "resource", "resource": blob},
            ]
        }
    if name == "environment":
        return {"content": [{"type": "text", "text": os.environ.get("DAW_API_KEY", "")}]}
    return {"content": [text]}


def misbehave(how: str) -> None:
    """Do wrong before anything is asked."""
    if how == "nonsense":
        sys.stdout.buffer.write(b'not json\n{"jsonrpc": "1.0"}\n[]\n\xff\xfe\n' + b"[" * 5000)
        sys.stdout.buffer.write(b'\n\n{"jsonrpc":"2.0","id":null,"result":{}}\n')
        sys.stdout.buffer.flush()
    elif how == "endless":
        for _ in range(40):
            sys.stdout.buffer.write(b"x" * (1 << 20))
        sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    elif how == "flood":
        line = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        sys.stdout.write((line + "\n") * 50_000)
        sys.stdout.flush()


def main() -> int:
    """Answer until the client hangs up."""
    how = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.stderr.write("fake daw ready\n")
    sys.stderr.flush()
    misbehave(how)
    for line in sys.stdin:
        message = json.loads(line)
        method, number = message.get("method"), message.get("id")
        if number is None:
            continue
        if how == "dies" and method == "tools/call":
            os._exit(7)
        if how == "slow":
            time.sleep(30)
        if method == "initialize":
            info = {"name": "fake-daw", "version": "4.2"}
            result: dict[str, object] = {"protocolVersion": "2025-06-18", "serverInfo": info}
            result["capabilities"] = {"tools": {}}
        elif method == "tools/list":
            result = {"tools": TOOLS}
        elif method == "tools/call":
            params = message["params"]
            result = call(params["name"], params.get("arguments", {}))
        else:
            error = {"code": -32601, "message": "unknown"}
            say({"jsonrpc": "2.0", "id": number, "error": error})
            continue
        say({"jsonrpc": "2.0", "id": number, "result": result})
    return 5


sys.exit(main())
