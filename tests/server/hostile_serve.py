"""`clement serve` with checkers that do what content tells them; a module that is given a configuration."""

import sys
from pathlib import Path

from msgspec.structs import replace

from clement.cli import processes
from clement.cli.exit_codes import Failure
from clement.cli.serve import serve
from clement.cli.wiring import Outside
from clement.config import load
from tests.server.checkers import hostile_study

PATIENCE_S = 3.0


def main() -> None:
    config = Path(sys.argv[1])
    # The same clocks, only shorter, or a test would take half a minute.
    processes.LIGHT = replace(processes.LIGHT, wall_s=PATIENCE_S)  # type: ignore[misc]
    processes.LARGE = replace(processes.LARGE, wall_s=PATIENCE_S, cpu_s=PATIENCE_S / 2)  # type: ignore[misc]
    try:
        serve(load(config), config, Outside(study=hostile_study))
    except Failure as failure:
        sys.exit(failure.text)


if __name__ == "__main__":
    main()
