"""`clement serve` that is sent SIGHUP while it starts; a module given a configuration."""

import os
import signal
import sys

from clement.cli import app
from clement.config import inspection
from clement.config.convert import Blame
from clement.config.settings import Settings


def main() -> None:
    find_faults = inspection.find_faults
    still_to_send = [signal.SIGHUP]

    def find_faults_meanwhile(settings: Settings, blame: Blame) -> None:
        if still_to_send:  # the reload that follows judges the configuration as well
            os.kill(os.getpid(), still_to_send.pop())
        find_faults(settings, blame)

    inspection.find_faults = find_faults_meanwhile
    sys.argv = ["clement", "serve", "--config", sys.argv[1]]
    app.main()


if __name__ == "__main__":
    main()
