"""The EICAR anti-malware test file, and a ClamAV database that knows nothing else.

The string is put together at run time: written out, scanners would flag this repository.
    eicar.py --database DIR     write DIR/eicar.ndb, for a clamd without its own signatures
"""

import argparse
from pathlib import Path

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Eicar-Test-Signature"


def write_database(folder: Path) -> Path:
    """Write an extended signature (name:any file type:any offset:hex): it is found inside archives, too.

    clamd reports it as SIGNATURE with ".UNOFFICIAL" behind, as it does for every database it did not sign.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "eicar.ndb"
    path.write_text(f"{SIGNATURE}:0:*:{EICAR.hex()}\n", encoding="ascii")
    return path


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--database", type=Path, required=True, metavar="DIR")
    print(write_database(options.parse_args().database))
