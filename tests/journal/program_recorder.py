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
    recorder = Recorder(
        Path(sys.argv[1]), SqliteLog(Path(sys.argv[2])), "mx1", RecorderLimits(batch_records=50, pause_s=0.01)
    )
    print("ready", flush=True)
    recorder.run(stop.is_set)


if __name__ == "__main__":
    main()
