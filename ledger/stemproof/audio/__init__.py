"""Audio: decode a file, fingerprint it, say whether two pieces sound alike.

A fingerprint is evidence of likeness, never proof: docs/fingerprints.md.
Importing this package is cheap; numpy, pyacoustid and ffmpeg are reached for only when a file is
observed. `stemproof.audio.match` compares two fingerprints, `codec` reads and writes Chromaprint's
compressed form, `digest` defines the bytes that are hashed.
"""

from __future__ import annotations

from stemproof.audio.facts import AudioFacts, Fingerprint
from stemproof.audio.observe import observe_audio

__all__ = ["AudioFacts", "Fingerprint", "observe_audio"]
