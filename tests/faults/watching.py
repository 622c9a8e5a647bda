"""A watch that looks often whether a timestamp is due, so that a test need not wait long.

python watching.py HOME
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from stemproof.acts.beside import Rhythm, own_command, timestamping
from stemproof.acts.home import Home
from stemproof.acts.observe import Observed
from stemproof.acts.watch import watch

RHYTHM = Rhythm(look_s=0.2, follow_s=0.5, retry_s=0.5, longest_retry_s=1.0)


def main() -> None:
    """Watch until told to end."""
    home = Home(Path(sys.argv[1]))
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))

    def tell(text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def say(_observed: Observed, _work: object) -> None:
        pass

    with timestamping(home, own_command(home), tell=tell, rhythm=RHYTHM):
        watch(home, stop=lambda: bool(told), say=say)


if __name__ == "__main__":
    main()
