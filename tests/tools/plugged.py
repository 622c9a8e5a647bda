"""A REAPER project of ours with one track and, on it, a plug-in whose settings have names."""

from __future__ import annotations

import base64
from collections.abc import Mapping

DDSP = (
    '"VST3: DDSP Effect (Magenta)" "DDSP Effect.vst3" 0 ""'
    ' 1357782062{ABCDEF019182FAEB4D61676552616E6A} ""'
)
PLAIN = (
    '"VST3: Plain Effect (Nobody)" "Plain.vst3" 0 ""'
    ' 1357782062{ABCDEF019182FAEB4E6F626F506C6169} ""'
)
COUNT = 40


def project(
    plugin: str = DDSP,
    values: Mapping[int, str] | None = None,
    *,
    preset: str = "",
    volume: str = "0.7",
    name: str = "Lead",
) -> bytes:
    """Write a save; `plugin` empty leaves the plug-in away."""
    settings = {number: "0.5" for number in range(COUNT)} | dict(values or {})
    inner = "".join(f'<PARAM id="p{n}" value="{value}"/>' for n, value in settings.items())
    xml = f"<STATE>{inner}</STATE>".encode()
    state = b"VC2!" + len(xml).to_bytes(4, "little") + xml + b"\0"
    lines = [
        '<REAPER_PROJECT 0.1 "6.69/linux-x86_64" 1667941366',
        "  TEMPO 120 4 4",
        "  <TRACK {11111111-0000-0000-0000-000000000001}",
        f'    NAME "{name}"',
        f"    VOLPAN {volume} 0 -1 -1 1",
        "    TRACKID {11111111-0000-0000-0000-000000000001}",
    ]
    if plugin:
        lines += [
            "    <FXCHAIN",
            "      BYPASS 0 0 0",
            f"      <VST {plugin}",
            f"        {base64.b64encode(state).decode()}",
            "      >",
            *([f"      PRESETNAME {preset}"] if preset else []),
            "      FXID {22222222-0000-0000-0000-000000000001}",
            "    >",
        ]
    return "\n".join([*lines, "  >", ">", ""]).encode()


def changed(count: int) -> dict[int, str]:
    """Give other values for so many settings."""
    return {number: f"0.{number + 60}" for number in range(count)}
