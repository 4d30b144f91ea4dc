"""Write docs/smtp-states.md from the table of states in `clement.smtp.state`.

.venv/bin/python -m scripts.draw_states
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from clement.smtp import Reply, State
from clement.smtp import state as state_module
from clement.smtp.state import COMMAND_STATES, SEQUENCE

PAGE = Path(__file__).resolve().parents[1] / "docs" / "smtp-states.md"

HEAD = """\
# The states of an SMTP session

Drawn by `scripts/draw_states.py` from the table in `src/clement/smtp/state.py`; a test keeps it current.

## What each state means

"""

TABLE_HEAD = """
## What may be said in each

A name: the command may be given, and success leads to that state. A code: it may not, and this is the answer.
A failure leaves the state as it was, except that a refused BDAT ends the transaction. EHLO and HELO are
SMTP's, LHLO is LMTP's.

"""

DIAGRAM_HEAD = """
## How a session moves

Only commands that change the state are drawn. What stands in brackets is no command: content ends, a chunk is
complete, the handshake is done, the client has answered a challenge.

```mermaid
stateDiagram-v2
    [*] --> CONNECTED
    CONNECTED --> GREETED: 220
    CONNECTED --> REFUSED: 554
"""

# What moves a session other than a command.
BEYOND_COMMANDS = (
    (State.CONTENT, State.READY, "CRLF.CRLF, answered"),
    (State.CHUNK, State.CHUNKS, "chunk complete"),
    (State.CHUNK, State.READY, "last chunk, answered"),
    (State.READY, State.AUTHENTICATING, "AUTH, 334"),
    (State.AUTHENTICATING, State.READY, "235 or 5yz"),
    (State.AWAITING_TLS, State.GREETED, "handshake done"),
    (State.RECIPIENTS, State.SKIPPED_CHUNK, "BDAT refused"),
    (State.SKIPPED_CHUNK, State.READY, "chunk skipped"),
)


def page() -> str:
    """The whole page."""
    return f"{HEAD}{_meanings()}{TABLE_HEAD}{_table()}{DIAGRAM_HEAD}{_diagram()}```\n"


def _meanings() -> str:
    source = inspect.getsource(state_module.State)
    found = re.findall(r'^    ([A-Z_]+) = [0-9]+\n    """(.+?)"""', source, re.MULTILINE | re.DOTALL)
    return "".join(f"- **{name}**: {' '.join(text.split())}\n" for name, text in found)


def _table() -> str:
    lines = [
        "| | " + " | ".join(state.name for state in COMMAND_STATES) + " |",
        "|---|" + "---|" * len(COMMAND_STATES),
    ]
    for verb, row in SEQUENCE.items():
        cells = (f"{cell.code} {cell.enhanced}" if isinstance(cell, Reply) else cell.name for cell in row)
        lines.append(f"| {verb} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _diagram() -> str:
    moves: dict[tuple[State, State], list[str]] = {}
    for verb, row in SEQUENCE.items():
        for state, cell in zip(COMMAND_STATES, row, strict=True):
            if not isinstance(cell, Reply) and cell is not state and verb not in ("HELO", "LHLO"):
                moves.setdefault((state, cell), []).append(verb)
    lines = [f"    {a.name} --> {b.name}: {', '.join(verbs)}" for (a, b), verbs in moves.items()]
    lines += [f"    {a.name} --> {b.name}: ({label})" for a, b, label in BEYOND_COMMANDS]
    return "\n".join([*lines, "    CLOSED --> [*]"]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}")
