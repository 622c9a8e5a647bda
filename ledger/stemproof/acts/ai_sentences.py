"""What `log show` says of events about machines that generate: one sentence a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Body = Mapping[str, Any]  # JSON that this program wrote; read for showing only


def _request(body: Body) -> str:
    model = f" ({body['model']})" if body["model"] else ""
    return f"asked {body['provider']}{model} for {body['kind']}, seen by {body['tool']}"


_STATUS: Final = {"ok": "", "failed": ", failed", "cut": ", cut short"}


def _result(body: Body) -> str:
    status = _STATUS.get(body["status"], "")
    error = f": {body['error']}" if body["error"] else ""
    return (
        f"result {body['index'] + 1} of call {body['call'][:8]}:"
        f" {body['media'].partition(';')[0] or 'nothing'}, {body['bytes']} bytes{status}{error}"
    )


def _mcp_call(body: Body) -> str:
    caller = body["client"] or "a program"
    ending = _MCP_ENDINGS.get(body["status"], body["status"])
    reads = ", which only reads as the server says" if body["read_only"] else ""
    return f"{caller} called {body['tool']} of {body['server'] or 'a server'}{reads}: {ending}"


_MCP_ENDINGS: Final = {
    "ok": "done",
    "failed": "failed",
    "asked": "the user was asked first",
    "cancelled": "taken back",
    "unanswered": "no answer seen",
}


def _agent_said(body: Body) -> str:
    who = body["client"] or "an assistant"
    share = {"generated": " that it generated", "note": ""}.get(body["share"], " of its own work")
    tool = f" (with {body['tool']})" if body["tool"] else ""
    return f"{who} says{share}: {body['text']}{tool}"


def _mark(body: Body) -> str:
    return f"{body['path']}: {body['says']}"


def _said(body: Body) -> str:
    plan = f", plan {body['plan']}" if body["plan"] else ""
    return (
        f"{body['path']}: made with {body['provider'] or 'a generator'}{plan}, as its author says"
    )


def _tool_present(body: Body) -> str:
    return f"AI-capable tool present: {_tool(body)}; what it did is not known"


def _tool_changed(body: Body) -> str:
    return f"state of an AI-capable tool changed: {_tool(body)}; by whom is not known"


def _tool_burst(body: Body) -> str:
    return (
        f"{body['count']} parameters of an AI-capable tool changed in one save: {_tool(body)};"
        " that the tool set them is inferred"
    )


def _tool(body: Body) -> str:
    return f"{body['device']} on {body['track']} ({body['tool']}, known by {body['how']})"


_KNOWN_BY: Final = {
    "digest": "the same bytes",
    "notes": "the same notes",
    "text": "the same words",
    "fingerprint": "it sounds alike: no proof",
}


def _keep(body: Body) -> str:
    return f"{body['path']}: {_which(body)} was taken up ({_KNOWN_BY[body['how']]})"


def _reject(body: Body) -> str:
    return f"{_which(body)} was not taken up by then"


def _modify(body: Body) -> str:
    if "count" in body:
        count = body["count"]
        return f"{body['path']}: {_which(body)} was edited, {count} change{'s'[: count != 1]}"
    unit = "notes" if "notes" in body else "characters"
    now, given, same = body[unit], body["given"], body["same"]
    return (
        f"{body['path']}: {_which(body)} was edited:"
        f" {same} of its {given} {unit} are left, {now} are there now"
    )


def _which(body: Body) -> str:
    return f"result {body['index'] + 1} of call {body['call'][:8]}"


AI_TELLERS: Final[dict[str, Callable[[Body], str]]] = {
    "ai.mark": _mark,
    "ai.said": _said,
    "gen.request": _request,
    "gen.result": _result,
    "gen.keep": _keep,
    "gen.reject": _reject,
    "gen.modify": _modify,
    "mcp.call": _mcp_call,
    "agent.said": _agent_said,
    "tool.present": _tool_present,
    "tool.changed": _tool_changed,
    "tool.burst": _tool_burst,
}
