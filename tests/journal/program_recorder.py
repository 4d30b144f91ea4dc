"""Run by tests: a recorder into SQLite until SIGTERM. Arguments: directory, database."""

import signal
import sys
import threading
from pathlib import Path

from clement.journal.recorder import Recorder, RecorderLimits
from tests.journal.log_writers import SqliteLog


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # A minute to empty the journal in, which a test never needs: it shall not end with something left.
    limits = RecorderLimits(batch_records=50, pause_s=0.01, drain_s=60.0)
    recorder = Recorder(Path(sys.argv[1]), SqliteLog(Path(sys.argv[2])), "mx1", limits)
    print("ready", flush=True)
    recorder.run(stop.is_set)


if __name__ == "__main__":
    main()
