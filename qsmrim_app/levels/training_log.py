"""The table of a fit's epochs in ``logs/``, and a line an epoch for whoever watches."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

from qsmrim_app.errors import OutputError
from qsmrim_app.learning.progress import EpochReport, Progress

logger = logging.getLogger(__name__)

COLUMNS = ("epoch", "loss", "learning_rate", "seconds", "seconds_left", "batches", "batches_few_rim")


def follow(title: str, table: Path | None) -> Progress:
    """What is done after each epoch: a line in the log, and a row in the table.

    The first epoch begins the table anew; a fit that goes on where it stopped adds to it.

    Parameters
    ----------
    title
        Of which fit the line is.
    table
        A CSV file; None: no table.
    """

    def say(report: EpochReport) -> None:
        logger.info("%s: %s", title, report)
        if table is not None:
            _add_row(table, report)

    return say


def _add_row(table: Path, report: EpochReport) -> None:
    try:
        _append(table, report)
    except OSError as error:
        raise OutputError.of(table, error) from error


def _append(table: Path, report: EpochReport) -> None:
    is_new = report.epoch == 1 or not table.exists()
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w" if is_new else "a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        if is_new:
            rows.writerow(COLUMNS)
        rows.writerow(
            (
                report.epoch,
                f"{report.loss:.6g}",
                f"{report.learning_rate:.3g}",
                f"{report.seconds:.2f}",
                f"{report.seconds_left:.1f}",
                report.n_batches,
                report.n_batches_few_rim,
            )
        )
