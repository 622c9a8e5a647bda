"""stemproof: a record of how a piece of music was made, which a stranger can check."""

__version__ = "0.1.0"
