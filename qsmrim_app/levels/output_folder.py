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

_RESULTS = {dataset_path(role).name for role in ("logs", "models", "group_figures")}


def open_output(settings: ParticipantSettings | GroupSettings, datasets: Mapping[str, Path]) -> None:
    """Make the output folder and write what describes it.

    Raises
    ------
    OutputError
        If it cannot be made or written, or is no place for an output, or the work folder is no place for
        intermediate files.
    """
    check_output_folder(settings.bids_dir, settings.output_dir)
    _check_work_folder(settings)
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


def _check_work_folder(settings: ParticipantSettings | GroupSettings) -> None:
    """Refuse intermediate files in the raw dataset or among results."""
    if settings.work_dir is None:
        return
    work, output, raw = (
        path.resolve() for path in (settings.work_dir, settings.output_dir, settings.bids_dir)
    )
    inside = work.relative_to(output).parts[:1] if work.is_relative_to(output) else None
    among_results = inside is not None and (
        not inside or inside[0] in _RESULTS or inside[0].startswith("sub-")
    )
    own = inside is not None and output.is_relative_to(raw)  # OUT/work, of an output in bids_dir/derivatives
    if among_results or (work.is_relative_to(raw) and not own):
        raise OutputError(
            f"the work folder {settings.work_dir} lies among the "
            f"{f'results in {settings.output_dir}' if among_results else f'data of {settings.bids_dir}'}; "
            "name another with --work-dir, such as one beside them"
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
