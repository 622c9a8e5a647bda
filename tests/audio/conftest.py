"""The demo's music and copies of it in other formats, made once by ffmpeg in a scratch folder."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stemproof.audio.ffmpeg import find_ffmpeg
from stemproof.testnet.song import write_step


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the stems, the mix and the master."""
    folder = tmp_path_factory.mktemp("song")
    for step in (7, 13):
        write_step(folder, step)
    return folder


Convert = Callable[..., Path]


@pytest.fixture(scope="session")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Run ffmpeg on an input with options; return the new file, made once for each name."""
    folder = tmp_path_factory.mktemp("copies")

    def run(name: str, *options: str) -> Path:
        target = folder / name
        if not target.exists():
            command = [str(find_ffmpeg().path), "-nostdin", "-v", "error", *options, str(target)]
            subprocess.run(command, check=True, timeout=120)
        return target

    return run
