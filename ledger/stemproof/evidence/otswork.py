"""How much work the OpenTimestamps proofs of one bundle may make together.

A proof alone is bounded; hundreds of them, of which each appends four kilobytes to a fork
and hashes them a thousand times, would take minutes. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stemproof.errors import Malformed

# For each of the 2,048 timestamps of eight logs 64 operations on 128 bytes; a proof that has
# come to a block has some forty to a hundred, on seventy bytes.
MAX_OPERATIONS: Final = 1 << 17
MAX_BYTES: Final = 1 << 24


@dataclass(slots=True)
class Budget:
    """What is left for the proofs that are still to be read."""

    operations: int = MAX_OPERATIONS
    message_bytes: int = MAX_BYTES

    def spend(self, message_bytes: int) -> None:
        """Count one operation on a message."""
        self.operations -= 1
        self.message_bytes -= message_bytes
        if self.operations < 0 or self.message_bytes < 0:
            raise Malformed(
                "work of all OpenTimestamps proofs together",
                "more",
                f"at most {MAX_OPERATIONS} operations on {MAX_BYTES} bytes",
            )
