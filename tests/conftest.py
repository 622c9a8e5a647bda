"""Options of the whole suite."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person accept what the commands print now: tests/cli/test_transcripts.py."""
    parser.addoption("--rewrite", action="store_true", help="write transcripts anew")
