"""Ctrl-C ends a command quietly, with 130, wherever it comes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.typed import stemproof

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "cli:ledger"}
ROOT = Path(__file__).parents[2]
# The import that is interrupted is the first that costs time.
WHILE_LOADING = """
import sys
class Struck:
    def find_spec(self, name, *rest):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Struck())
from stemproof_cli.__main__ import run
run()
"""


def test_an_interrupt_while_the_program_loads_shows_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHILE_LOADING],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_interrupted_command_says_once_that_the_record_stays(tmp_path: Path) -> None:
    home = tmp_path / "ledger"
    assert stemproof(home, "init", passphrase_fd="correct horse battery staple").code == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "stemproof_cli", "key", "backup", "--yes", "--passphrase-fd", "0"],
        cwd=ROOT,
        env={**ENVIRONMENT, "STEMPROOF_HOME": str(home)},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # It waits for the passphrase on its standard input, which says nothing.
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "stemproof: interrupted; what was recorded stays\n"
