"""Where ``simedge`` and ``python -m simedge`` begin: Ctrl-C is one line also while modules are imported."""

import sys


def main() -> int:
    """Run the command line; see :func:`simedge.cli.main`."""
    try:
        from simedge.interrupts import leave_at_once

        leave_at_once()
        from simedge.cli import main as run

        return run()
    except KeyboardInterrupt:  # before the first of these was imported
        print("simedge: interrupted; nothing was written", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
