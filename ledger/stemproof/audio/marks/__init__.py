"""Marks in audio files: what generators, programs and signers wrote beside the sound.

    report = inspect_audio(path)
    for finding in report.findings: print(finding.says)

Tags are read by own bounded readers (`id3`, `riff`, `mp4`, `vorbis`, `ape`), recognised by a
table of sources (`marks.json`), and Content Credentials are checked by c2pa in a process of its
own, where that extra is installed. Nothing here asks the network.

A mark says what somebody wrote into a file. That there is none says nothing: marks are dropped
by the first program that writes the file anew. Importing this package is cheap.
"""

from __future__ import annotations

from stemproof.audio.marks.inspect import Report, inspect_audio
from stemproof.audio.marks.model import Finding

__all__ = ["Finding", "Report", "inspect_audio"]
