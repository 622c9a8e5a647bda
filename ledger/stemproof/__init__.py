"""stemproof: a record of how a piece of music was made, which a stranger can check."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stemproof.acts.calling import ai

__all__ = ["__version__", "ai"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Loaded when it is asked for: importing stemproof costs next to nothing.
    if name == "ai":
        from stemproof.acts.calling import ai

        return ai
    raise AttributeError(f"module 'stemproof' has no attribute {name!r}")
