"""What one figure is, and how a time or a peak of memory is taken."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

DISK = Path(__file__).parents[2] / ".cache"
"""Where files lie that are measured: on the repository's disk, since memory is not durable."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its peer or limit, both in `unit`; `want` is a bound on their ratio."""

    name: str
    value: float
    unit: str
    beside: float
    beside_name: str
    want: str | None = None
    """A comparison with one number: "<= 1.3", ">= 2"; without it the figure is only told."""

    @property
    def ratio(self) -> float:
        """The figure over its peer."""
        return self.value / self.beside if self.beside else float("inf")

    @property
    def is_met(self) -> bool:
        """Ask whether the ratio is within what is wanted."""
        if self.want is None:
            return True
        comparison, bound = self.want.split()
        return self.ratio <= float(bound) if comparison == "<=" else self.ratio >= float(bound)


def measure_group(group: str, quick: bool) -> list[Row]:
    """Take the figures of one group."""
    return list(import_module(f"benchmarks.{group}").measure(quick))


def seconds(action: Callable[[], object]) -> float:
    """Time one run."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def best_of(times: int, *actions: Callable[[], object]) -> list[float]:
    """Time actions in turns, so that a busy moment hits all; keep the best of each."""
    rounds = [[seconds(action) for action in actions] for _ in range(times)]
    return [min(column) for column in zip(*rounds, strict=True)]


def median_of(times: int, *actions: Callable[[], object]) -> list[float]:
    """Time actions in turns; keep the median of each."""
    rounds = [[seconds(action) for action in actions] for _ in range(times)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def run_quietly(command: list[str]) -> None:
    """Run a program to its end; a failure ends the measurement."""
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


@contextmanager
def workshop() -> Iterator[Path]:
    """Give an empty folder on the disk, and remove it in the end."""
    DISK.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=DISK) as name:
        yield Path(name)


PEAK = """
import resource, sys
if sys.platform == "linux":
    # Not getrusage: there a child starts with the peak of its parent.
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mib(program: str, *arguments: str) -> float:
    """Run Python source in a process of its own; return the most memory that it held, in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", program + PEAK, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout.split()[-1]) / 2**20
