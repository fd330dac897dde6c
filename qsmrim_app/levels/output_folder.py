"""The output folder: whether it may be written, what describes it, and where the rest lies."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from qsmrim_app.bids_io.description import check_output_folder, container_of, moved_links, write_description
from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.bids_io.outcomes import linked_raw
from qsmrim_app.errors import OutputError
from qsmrim_app.settings import GroupSettings, ParticipantSettings

logger = logging.getLogger(__name__)


def open_output(settings: ParticipantSettings | GroupSettings, datasets: Mapping[str, Path]) -> None:
    """Make the output folder and write what describes it.

    Raises
    ------
    OutputError
        If it cannot be made or written, or is no place for an output.
    """
    check_output_folder(settings.bids_dir, settings.output_dir)
    has_results = any(settings.output_dir.glob("sub-*"))
    if has_results:
        _require_same_dataset(settings)
        _warn_of_moved_links(settings.output_dir, datasets)
    write_description(
        settings.output_dir,
        metadata.version("qsmrim"),
        datasets,
        container_of(dict(os.environ)),
        keep_links=isinstance(settings, GroupSettings) and has_results,
    )


def _warn_of_moved_links(output_dir: Path, datasets: Mapping[str, Path]) -> None:
    """Say so where a name of a dataset stood for another folder: sidecars of earlier results point by it."""
    for name, folder in sorted(moved_links(output_dir, datasets).items()):
        logger.warning(
            "the dataset '%s' was %s when earlier results here were written; where their sidecars name "
            "a file of it, that one is meant",
            name,
            folder,
        )


def _require_same_dataset(settings: ParticipantSettings | GroupSettings) -> None:
    """Refuse to mix the participants of two datasets: they may bear the same labels."""
    former = linked_raw(settings.output_dir)
    if former is None or (settings.bids_dir.exists() and former.samefile(settings.bids_dir)):
        return
    raise OutputError(
        f"{settings.output_dir} holds results of {former.resolve()}, not of {settings.bids_dir}; give that "
        "dataset, or another output folder: each dataset has its own"
    )


def work_folder(settings: ParticipantSettings) -> Path:
    """Where intermediate files lie: as asked for, else in the output folder until the run is done."""
    return settings.work_dir or settings.output_dir / "work"


def methods_path(output_dir: Path) -> Path:
    """Where the methods text lies."""
    return output_dir / dataset_path("logs") / "CITATION.md"
