"""A process that appends and seals, and acknowledges each event only when it is durable.

    python appender.py FOLDER NAME SEED [COUNT]

Each line `NAME NUMBER EVENT` on stdout is a promise; the test kills the process and keeps it to it.
Run with the repository's root and ledger/ on the path.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from tests.log.ledgers import WORKS, draft, seal_now

from stemproof.log.store import open_log


def main() -> None:
    folder, name, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 10**9
    chance = random.Random(seed)
    with open_log(folder / "ledger.db") as log:
        os.write(1, b"ready\n")
        done = 0
        while done < count:
            texts = [f"{name} {done + n}" for n in range(min(chance.randint(1, 40), count - done))]
            events = log.append(chance.choice(WORKS), [draft(text) for text in texts])
            os.write(1, "".join(f"{t} {e}\n" for t, e in zip(texts, events, strict=True)).encode())
            done += len(texts)
            if chance.random() < 0.3:
                os.write(1, f"sealed {seal_now(log).size}\n".encode())


if __name__ == "__main__":
    main()
