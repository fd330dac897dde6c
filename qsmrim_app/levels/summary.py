"""What the terminal shows at the end of a run: lesions of a single session, counts of many."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from qsmrim_app.levels.run_log import SessionStatus
from qsmrim_app.records import SessionKey
from qsmrim_app.tables.lesion_table import LesionTable

_WIDTH = 110
_MOST_LESIONS = 60  # rows that a person reads on a terminal; the rest is in the lesion table
_MOST_PAGES = 3


def summarise(
    tables: Mapping[SessionKey, LesionTable],
    pages: Mapping[SessionKey, Path],
    statuses: Mapping[SessionKey, SessionStatus],
    notice: str,
) -> str:
    """The closing text: a table, the reports, who failed and why, and what the results are worth."""
    text = io.StringIO()
    console = Console(file=text, width=_WIDTH, highlight=False, soft_wrap=False)
    if len(tables) == 1:
        console.print(_lesions_of_one(*next(iter(tables.items()))))
    elif tables:
        console.print(_counts(tables))
    for key, status in statuses.items():
        if status.state != "done":
            how = "failed" if status.state == "failed" else "is not complete"
            console.print(f"{key.prefix} {how}: {status.reason}", markup=False, soft_wrap=True)
    for page in list(pages.values())[:_MOST_PAGES]:
        console.print(f"report: {page}", markup=False, soft_wrap=True)
    if len(pages) > _MOST_PAGES:
        console.print(f"and {len(pages) - _MOST_PAGES} more reports beside it", markup=False)
    console.print(notice, markup=False)
    return text.getvalue()


def _lesions_of_one(key: SessionKey, lesions: LesionTable) -> Table:
    table = Table(title=f"{key.prefix}: {_counted(lesions)}", title_justify="left")
    for heading in ("lesion", "volume mm³", "x, y, z mm", "QSM ppb", "p(rim+)", "votes", "result", "expert"):
        table.add_column(heading, justify="right" if heading not in ("result", "expert") else "left")
    frame = lesions.frame.sort_values("p_rim", ascending=False, na_position="last", kind="stable")
    if len(frame) > _MOST_LESIONS:
        table.caption = f"and {len(frame) - _MOST_LESIONS} more in the lesion table"
    for row in frame.head(_MOST_LESIONS).to_dict("records"):
        position = (
            ", ".join(f"{row[axis]:.0f}" for axis in ("x_mm", "y_mm", "z_mm")) if row["volume_mm3"] else "-"
        )
        table.add_row(
            str(row["index"]), f"{row['volume_mm3']:.0f}", position, _number(row["qsm_mean_ppb"], ".0f"),
            _number(row["p_rim"], ".3f"), _number(row["votes"], ".0f"),
            _rim(row["rim_predicted"]) or row["excluded_because"] or "measured only", _rim(row["rim_expert"]),
        )  # fmt: skip
    return table


def _counts(tables: Mapping[SessionKey, LesionTable]) -> Table:
    table = Table(title=f"{len(tables)} sessions", title_justify="left")
    for heading in ("session", "lesions", "rim+", "rim-", "not classified"):
        table.add_column(heading, justify="left" if heading == "session" else "right")
    for key, lesions in tables.items():
        rim = lesions.frame["rim_predicted"]
        counts = (len(lesions), int((rim == 1).sum()), int((rim == 0).sum()), int(rim.isna().sum()))
        table.add_row(key.prefix, *map(str, counts))
    return table


def _counted(lesions: LesionTable) -> str:
    return f"{int((lesions.frame['rim_predicted'] == 1).sum())} rim+ of {len(lesions)} lesions"


def _number(value: float, form: str) -> str:
    return "-" if pd.isna(value) else format(float(value), form)


def _rim(value: float) -> str:
    return "" if pd.isna(value) else ("rim+" if value else "rim-")
