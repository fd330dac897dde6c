"""The table that ``--dry-run`` shows: what was found for whom."""

from __future__ import annotations

import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qsmrim_app.bids_io.query import Found

_SHOWN_IF_ABSENT = ("magnitude", "rim_labels")


def dry_run_table(found: Found, width: int = 160, color: bool = False) -> str:
    """One line a role and session, then a sentence that counts.

    Parameters
    ----------
    found
        What `find_inputs` gives.
    width
        Columns of text. It does not depend on the terminal, so that the table survives a pipe.
    color
        Whether missing files are marked with terminal colours.
    """
    table = Table(expand=False, pad_edge=False)
    for heading in ("session", "what", "file", "note"):
        table.add_column(heading, overflow="fold")
    previous = None
    for row in found.rows:
        if not (row.file or row.note or row.is_failure or row.role in _SHOWN_IF_ABSENT):
            continue
        session = "" if row.key == previous else row.key.prefix
        file = Text("MISSING", style="bold red") if row.is_failure else _text(row.file or "-")
        table.add_row(_text(session), _text(row.role), file, _text(row.note), end_section=False)
        previous = row.key
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=color, no_color=not color, highlight=False)
    console.print(table)
    for note in found.notes:
        console.print(_text(f"note: {note}"))
    console.print(Text(f"{len(found.inputs)} session(s) can be processed, {len(found.failures)} cannot"))
    return out.getvalue()


def _text(words: str) -> Text:
    """Words for a terminal: what could steer it is written out."""
    return Text("".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in words))
