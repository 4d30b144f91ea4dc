"""Run by tests where a small file system is mounted: fill it, make room, and account for every record.

Argument: the mounted directory. Prints "full" and "done"; ends with 1 when a record is unaccounted for.
"""

import sys
from pathlib import Path

from clement.journal.journal import Journal, JournalLimits
from clement.journal.recorder import Recorder
from clement.journal.records import GapRecord, TransactionRecord
from tests.journal.log_writers import ListLog
from tests.journal.samples import transaction

COUNT = 4000


def main() -> int:
    directory, log, clock = Path(sys.argv[1]), ListLog(), [0.0]
    limits = JournalLimits(rotate_bytes=100_000, waiting_limit_bytes=100_000)
    journal = Journal(directory, "mx1", limits, monotonic=lambda: clock[0])
    for number in range(COUNT):
        journal.append(transaction(number))
        clock[0] += 0.5
        if not journal.flush() and number == COUNT - 1:
            print("full", flush=True)
    recorder = Recorder(directory, log, "mx1")
    while recorder.step():
        clock[0] += 100
        journal.tick(clock[0])
    journal.close()
    while recorder.step():
        continue
    told = [record.id for record in log.records if isinstance(record, TransactionRecord)]
    counted = sum(record.transactions for record in log.records if isinstance(record, GapRecord))
    print("done", flush=True)
    return not (len(set(told)) == len(told) and len(told) + counted == COUNT and len(told) > 1000)


if __name__ == "__main__":
    sys.exit(main())
