"""Write the files that docs/guides/marks.md looks at: a download with marks, and a bounce."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.audio.making_marks import SUNO, bext, wave

from stemproof.audio.ffmpeg import find_ffmpeg

GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 42, "steps": 50, "sampler_name": "euler"}},
    "14": {"class_type": "TextEncodeAceStepAudio", "inputs": {"tags": "dreamy pads, 90 bpm"}},
}


def write(name: str, *options: str) -> None:
    """Write three seconds of a tone with these options."""
    command = [str(find_ffmpeg().path), "-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=d=3"]
    subprocess.run([*command, *options, name], check=True, timeout=60)


if __name__ == "__main__":
    write("Neon.mp3", "-metadata", f"comment={SUNO}")
    write("pads.flac", "-metadata", f"prompt={json.dumps(GRAPH)}")
    Path("bounce.wav").write_bytes(wave(bext("REAPER")))
