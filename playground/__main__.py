"""``python -m playground``: the window, or a word of the command line."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the program with the words of the command line; its exit code."""
    from playground.cli.main import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
