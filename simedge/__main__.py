"""``python -m simedge``: the same as the command ``simedge``."""

from __future__ import annotations

import sys

from simedge.cli import main

if __name__ == "__main__":
    sys.exit(main())
