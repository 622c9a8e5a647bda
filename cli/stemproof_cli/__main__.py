"""`python -m stemproof_cli`, and what the script `stemproof` calls.

Ctrl-C while the program is still being loaded ends it as quietly as later.
"""

import sys


def run() -> None:
    """Load the command line and run it."""
    try:
        from stemproof_cli.main import run as run_command

        run_command()
    except KeyboardInterrupt:
        # Nothing has begun, or all is done: there is nothing to say.
        sys.exit(130)


if __name__ == "__main__":
    run()
