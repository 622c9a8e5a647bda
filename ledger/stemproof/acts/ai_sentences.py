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
        f" {body['media'] or 'nothing'}, {body['bytes']} bytes{status}{error}"
    )


def _mark(body: Body) -> str:
    return f"{body['path']}: {body['says']}"


def _said(body: Body) -> str:
    plan = f", plan {body['plan']}" if body["plan"] else ""
    return f"{body['path']}: made with {body['provider'] or 'a generator'}{plan}, as its author says"


AI_TELLERS: Final[dict[str, Callable[[Body], str]]] = {
    "ai.mark": _mark,
    "ai.said": _said,
    "gen.request": _request,
    "gen.result": _result,
}
