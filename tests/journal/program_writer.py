"""Run by tests: write numbered records until killed, telling on stdout each that is safe.

Arguments: directory, first number, how many (0: no end), rotate_bytes, records a flush.
"""

import sys
from itertools import count
from pathlib import Path

from clement.journal.journal import Journal, JournalLimits
from tests.journal.samples import session, transaction


def main() -> None:
    directory, first, how_many, rotate_bytes, flush_every = Path(sys.argv[1]), *map(int, sys.argv[2:6])
    journal = Journal(directory, "mx1", JournalLimits(rotate_bytes=rotate_bytes))
    for number in count(first):
        if how_many and number == first + how_many:
            break
        journal.append(transaction(number))
        journal.append(session(number, exchanges=number % 5))
        if number % flush_every == 0 and journal.flush():
            print(number, flush=True)
    journal.close()


if __name__ == "__main__":
    main()
