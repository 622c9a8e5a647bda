"""`python -m stemproof_cli`: the command `stemproof` where no script is on the PATH."""

from stemproof_cli.main import run

run()
