"""The adapters that are known: our own, and those that other packages bring.

A package brings one by an entry point of the group `stemproof.music_apis` that names a class
without arguments. One that cannot be loaded is named and left out; it stops nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Final

from stemproof.capture.prompts.anthropic import Anthropic
from stemproof.capture.prompts.api import Api
from stemproof.capture.prompts.elevenlabs import ElevenLabs
from stemproof.capture.prompts.openai import OpenAi
from stemproof.capture.prompts.stableaudio import StableAudio
from stemproof.capture.prompts.sunoapi import SunoApi

GROUP: Final = "stemproof.music_apis"
_OWN: Final[tuple[Callable[[], Api], ...]] = (
    OpenAi,
    Anthropic,
    SunoApi,
    StableAudio,
    ElevenLabs,
)


def load_apis() -> tuple[dict[str, Api], list[str]]:
    """Give the adapters by name, and what is to be said of those that cannot be used."""
    found: dict[str, Api] = {}
    problems: list[str] = []
    for make in _OWN:
        api = make()
        found[api.name] = api
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            made = point.load()()
        # Somebody else's code: whatever it raises when it is loaded is its own.
        except Exception as error:  # noqa: BLE001 - see above; it is told, not hidden
            problems.append(f"the adapter {point.name!r} cannot be loaded: {error}")
            continue
        if not isinstance(made, Api):
            problems.append(f"the adapter {point.name!r} is no adapter: {type(made).__name__}")
        elif point.name in found:
            problems.append(f"the adapter {point.name!r} has the name of another one")
        else:
            found[point.name] = made
    return found, problems
