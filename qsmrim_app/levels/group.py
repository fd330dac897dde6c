"""The group level: gather the participants of all sites; train methods on what experts labelled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from qsmrim_app.bids_io.datasets import RAW
from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.bids_io.tables_io import lesion_table_sidecar, write_lesion_table, write_table
from qsmrim_app.bids_io.writing import write_json, write_text
from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.registry import DETECTORS
from qsmrim_app.errors import UsageError
from qsmrim_app.learning.devices import choose_device
from qsmrim_app.levels.cross_validation import train_method
from qsmrim_app.levels.gathering import Gathered, gather
from qsmrim_app.levels.output_folder import open_output
from qsmrim_app.levels.run_log import log_to_file, write_settings
from qsmrim_app.reports.model_card import model_card
from qsmrim_app.reports.notices import model_notice
from qsmrim_app.settings import GroupSettings

logger = logging.getLogger(__name__)


def run_group(settings: GroupSettings) -> str:
    """Gather, and train the methods asked for; the text to print at the end.

    Raises
    ------
    QsmrimError
        If there is nothing to gather or to learn from, or a method does not exist.
    """
    _check(settings)
    device, warnings = choose_device(settings.resources.device)
    settings = replace(settings, resources=replace(settings.resources, device=device))
    gathered = gather(settings.sites or {"": settings.output_dir})
    open_output(settings, _links(settings))
    with log_to_file(settings.output_dir, "group"):
        for warning in warnings:
            logger.warning(warning)
        write_settings(settings.output_dir, "group", settings)
        _write_tables(settings.output_dir, gathered)
        table = settings.output_dir / dataset_path("group_lesions", ".tsv")
        lines = [f"{len(gathered.table)} lesions gathered: {table}"]
        lines += [_train(settings, method, gathered) for method in settings.train]
    return "\n".join(lines) + "\n"


def _check(settings: GroupSettings) -> None:
    unknown = [method for method in settings.train if method not in DETECTORS]
    if unknown:
        raise UsageError(f"unknown method '{unknown[0]}'; known are {', '.join(DETECTORS)}")
    if len(settings.seeds) % 2 == 0 or len(set(settings.seeds)) != len(settings.seeds):
        raise UsageError(f"seeds {list(settings.seeds)}: a majority needs an odd number of distinct seeds")
    if RAW in settings.sites:
        raise UsageError(f"the name '{RAW}' stands for bids_dir; give the site another name")


def _links(settings: GroupSettings) -> Mapping[str, Path]:
    return {RAW: settings.bids_dir, **{name: path for name, path in settings.sites.items() if name}}


def _write_tables(output_dir: Path, gathered: Gathered) -> None:
    write_json(output_dir / dataset_path("group_lesions", ".json"), lesion_table_sidecar())
    write_lesion_table(output_dir / dataset_path("group_lesions", ".tsv"), gathered.table)


def _train(settings: GroupSettings, method: str, gathered: Gathered) -> str:
    spacing = gathered.samples.spacing_mm
    detector = replace(settings.detector, method=method, spacing_mm=spacing)
    work = (settings.work_dir or settings.output_dir / "work") / "training" / method
    model, held_out = train_method(settings, detector, gathered, work)
    folder = settings.output_dir / dataset_path("models") / method
    model.save(folder)
    write_text(folder / "README.md", model_card(model.settings, model.info, len(settings.seeds)))
    write_table(folder / "held_out.tsv", held_out.columns, held_out.rows(model.info.temperature))
    return _describe(model, folder)


def _describe(model: RimDetector, folder: Path) -> str:
    areas = "PR AUC {pr_auc:.3f}, pROC AUC {proc_auc:.3f}".format(**model.info.metrics)
    counts = "TP {tp}, FP {fp}, FN {fn}, TN {tn}".format(**model.info.metrics)
    return (
        f"{model.info.statement} Held-out subjects: {areas}, {counts}.\n"
        f"model: {folder}\n{model_notice(model.info.trained_on_simulation)}"
    )
