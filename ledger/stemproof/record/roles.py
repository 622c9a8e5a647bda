"""Roles of credits: the codes of DDEX's studio standard (RIN), and the stage each belongs to."""

from __future__ import annotations

import json
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files

from stemproof.errors import Usage

# What people say, and the code that means it.
EVERYDAY = {
    "singer": "Vocalist",
    "vocals": "Vocalist",
    "songwriter": "ComposerLyricist",
    "writer": "ComposerLyricist",
    "producer": "StudioProducer",
    "mixer": "MixingEngineer",
    "mixing": "MixingEngineer",
    "mastering": "MasteringEngineer",
    "lyrics": "Lyricist",
    "music": "Composer",
}
USUAL = ("Composer", "Lyricist", "Vocalist", "Musician", "MixingEngineer", "StudioProducer")


@lru_cache(maxsize=1)
def stages_by_role() -> dict[str, str]:
    """Give every role's code and its stage; `none` for roles beyond the music."""
    text = files(__package__).joinpath("rin_roles.json").read_text("utf-8")
    return {role: stage for stage, roles in json.loads(text)["roles"].items() for role in roles}


def find_role(text: str) -> str:
    """Find a role's code as DDEX spells it, from how a person typed it."""
    known = {role.lower(): role for role in stages_by_role()}
    typed = "".join(character for character in text if character.isalnum()).lower()
    if typed in known:
        return known[typed]
    if typed in EVERYDAY:
        return EVERYDAY[typed]
    musical = {role.lower() for role, stage in stages_by_role().items() if stage != "none"}
    near = [known[role] for role in get_close_matches(typed, musical, 3, 0.7)]
    near += [role for role in USUAL if role not in near]
    raise Usage(
        f"{text!r:.80} is not a role of the DDEX standard (RIN)",
        hint="for example " + ", ".join(near),
    )
