"""Write the saves that docs/guides/blame.md looks at: `python write_steps.py 1`, then 2."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.acts.room import write_tone
from tests.blame.reaper import Item, project

if __name__ == "__main__":
    folder = Path("Rain")
    folder.mkdir(exist_ok=True)
    if sys.argv[1] == "1":
        write_tone(folder / "rain.wav")
        (folder / "Rain.rpp").write_bytes(project([Item("rain.wav", 0, 4)], name="Rain"))
        (folder / "lyrics.txt").write_text("Silver rain on a tin roof\n")
    else:
        moved = project([Item("rain.wav", 2, 4)], name="Rain", volume=0.5)
        (folder / "Rain.rpp").write_bytes(moved)
