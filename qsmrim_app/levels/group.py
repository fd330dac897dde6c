"""The group level: gather the participants of all sites; train methods on what experts labelled."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qsmrim_app.bids_io.datasets import RAW
from qsmrim_app.bids_io.description import check_output_folder
from qsmrim_app.bids_io.fold_table import FOLD_COLUMNS
from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.bids_io.tables_io import write_described_table
from qsmrim_app.bids_io.writing import remove_file, write_bytes, write_json, write_text
from qsmrim_app.detectors.registry import DETECTORS
from qsmrim_app.errors import UsageError
from qsmrim_app.evaluation.scorecard import CELLS
from qsmrim_app.learning.devices import choose_device
from qsmrim_app.levels.cohort import cohort_of, write_cohort
from qsmrim_app.levels.cross_validation import (
    MethodFits,
    Trained,
    plan_method,
    require_measured_as_set,
    train_method,
)
from qsmrim_app.levels.distinct_participants import require_distinct_participants
from qsmrim_app.levels.division import Division, divide
from qsmrim_app.levels.earlier_results import forget_group_page, note_earlier_models
from qsmrim_app.levels.evaluating import (
    COMPARISON_COLUMNS,
    COUNT_COLUMNS,
    RELIABILITY_COLUMNS,
    comparison_rows,
)
from qsmrim_app.levels.fit_costs import CostQuestion
from qsmrim_app.levels.fit_shares import make_share
from qsmrim_app.levels.fitting import StartModel, unfinished
from qsmrim_app.levels.gathering import Gathered, gather
from qsmrim_app.levels.group_report import GroupResults, TrainedMethod, write_group_report
from qsmrim_app.levels.held_out import HELD_OUT_COLUMNS
from qsmrim_app.levels.output_folder import open_output
from qsmrim_app.levels.pretraining import starts_of
from qsmrim_app.levels.rated_lesions import RatedLesions, rated_lesions
from qsmrim_app.levels.run_log import log_to_file, write_settings
from qsmrim_app.reports.figures import reliability_figure
from qsmrim_app.reports.model_card import model_card
from qsmrim_app.reports.notices import model_notice
from qsmrim_app.settings import ALL_METHODS, GroupSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Training:
    """What every method of a call learns from, and who is held out when."""

    rated: RatedLesions
    division: Division
    starts: Mapping[str, StartModel]  # method -> the model that its fits start from


def run_group(settings: GroupSettings) -> str:
    """Gather, and train the methods asked for; the text to print at the end.

    The data are checked before anything is written.

    Raises
    ------
    QsmrimError
        If there is nothing to gather or to learn from, or a method does not exist.
    """
    if ALL_METHODS in settings.train:
        settings = replace(settings, train=tuple(DETECTORS))
    _check(settings)
    if settings.output_dir.exists():  # else it is made when the data are known to be good
        check_output_folder(settings.bids_dir, settings.output_dir)
    device, warnings = choose_device(settings.resources.device)
    settings = replace(settings, resources=replace(settings.resources, device=device))
    gathered = gather(
        settings.sites or {"": settings.output_dir}, settings.mask_variants, settings.train_only
    )
    require_distinct_participants(gathered)
    training = _prepare(settings, gathered) if settings.train else None
    open_output(settings, _links(settings))
    with log_to_file(settings.output_dir, _log_name(settings)):
        for warning in (*warnings, *(training.division.warnings if training else ())):
            logger.warning(warning)
        if training and settings.fit_share:
            plan = _plan(settings, training)
            return make_share(plan, settings.fit_share, training.rated, settings.resources) + "\n"
        forget_group_page(settings.output_dir)  # what is left if this call breaks off is no one result
        write_settings(settings.output_dir, "group", settings)
        results = _results(settings, gathered, training)
        write_cohort(settings.output_dir, results.cohort)
        table = settings.output_dir / dataset_path("group_lesions", ".tsv")
        lines = [f"{len(gathered.table)} lesions gathered: {table}"]
        if training:
            trained, told = _train_all(settings, training)
            results, lines = replace(results, trained=trained), lines + told
        lines.append(f"page: {write_group_report(settings, results)}")
    return "\n".join(lines) + "\n"


def _results(settings: GroupSettings, gathered: Gathered, training: Training | None) -> GroupResults:
    notes = note_earlier_models(settings.output_dir, settings.train)
    if training is None:
        return GroupResults(gathered, cohort_of(settings, gathered), notes=notes)
    cohort = cohort_of(settings, gathered, training.rated, training.division.fold_of)
    return GroupResults(gathered, cohort, training.rated, {}, training.division.warnings, notes)


def _check(settings: GroupSettings) -> None:
    unknown = [method for method in settings.train if method not in DETECTORS]
    if unknown:
        raise UsageError(
            f"unknown method '{unknown[0]}'; known are {', '.join(DETECTORS)}, or '{ALL_METHODS}' of them"
        )
    if len(settings.seeds) % 2 == 0 or len(set(settings.seeds)) != len(settings.seeds):
        raise UsageError(f"seeds {list(settings.seeds)}: a majority needs an odd number of distinct seeds")
    if settings.pretrained is not None and not settings.train:
        raise UsageError("--pretrained is what methods start from, and none is to be trained; add --train")
    for option, names in (("--site", settings.sites), ("--train-only", settings.train_only)):
        if RAW in names:
            raise UsageError(f"{option}: the name '{RAW}' stands for bids_dir; give the folder another name")
    if settings.fit_share:
        k, n = settings.fit_share
        if not 1 <= k <= n or not settings.train:
            raise UsageError(
                f"--fit {k}/{n}: a share is one of 1/{n} to {n}/{n}, of methods that --train names"
            )


def _log_name(settings: GroupSettings) -> str:
    """A log for each task of a job array: many machines cannot append to one file."""
    return "group_fit-{}-of-{}".format(*settings.fit_share) if settings.fit_share else "group"


def _links(settings: GroupSettings) -> Mapping[str, Path]:
    sites = {name: path for name, path in settings.sites.items() if name} | dict(settings.train_only)
    variants = {name.replace(":", "-"): path for name, path in settings.mask_variants.items()}
    if taken := sorted({RAW, *sites} & set(variants)):
        raise UsageError(f"the name '{taken[0]}' stands for two folders; give the mask variant another one")
    return {RAW: settings.bids_dir, **sites, **variants}


def _prepare(settings: GroupSettings, gathered: Gathered) -> Training:
    rated = rated_lesions(gathered)
    require_measured_as_set(settings, rated)
    return Training(rated, divide(settings, rated), starts_of(settings, gathered, rated))


def _plan(settings: GroupSettings, training: Training) -> list[MethodFits]:
    methods = dict.fromkeys(settings.train)
    return [
        plan_method(settings, method, training.rated, training.division, training.starts.get(method))
        for method in methods
    ]


def _train_all(settings: GroupSettings, training: Training) -> tuple[dict[str, TrainedMethod], list[str]]:
    table = settings.output_dir / dataset_path("folds", ".tsv")
    write_described_table(table, FOLD_COLUMNS, training.division.rows(training.rated))
    plan, lines, found = _plan(settings, training), [], {}
    to_make = [task for fits in plan for task in unfinished(fits.tasks).values()]
    question = CostQuestion(to_make, training.rated.samples.subjects, settings.resources)
    for fits in plan:
        trained = train_method(fits, training.rated, training.division, question)
        folder = settings.output_dir / dataset_path("models") / fits.method
        _write_model(folder, trained, len(fits.seeds))
        found[fits.method] = TrainedMethod(trained.evaluation, trained.model.info)
        lines.append(_describe(trained, folder))
    lines += _compare(settings.output_dir, found)
    return found, lines


def _compare(output_dir: Path, found: Mapping[str, TrainedMethod]) -> list[str]:
    """Compare the methods of this call; what remains of a former comparison with a single one is removed."""
    path = output_dir / dataset_path("method_comparison", ".tsv")
    if len(found) > 1:
        evaluations = {method: one.evaluation for method, one in found.items()}
        write_described_table(path, COMPARISON_COLUMNS, comparison_rows(evaluations))
        return [f"methods compared: {path}"]
    if not path.is_file() or not any(method in path.read_text(encoding="utf-8").split() for method in found):
        return []
    for stale in (path, path.with_suffix(".json")):
        remove_file(stale)
    return [f"removed {path}: it compared a former model of {', '.join(found)}; train both in one call"]


def _write_model(folder: Path, trained: Trained, n_members: int) -> None:
    model, found = trained.model, trained.evaluation
    model.save(folder)
    write_text(folder / "README.md", model_card(model.settings, model.info, n_members))
    rows = trained.held_out.rows(found.p_rim, found.called)
    write_described_table(folder / "held_out.tsv", HELD_OUT_COLUMNS, rows)
    write_described_table(folder / "counts.tsv", COUNT_COLUMNS, found.count_rows())
    write_described_table(folder / "reliability.tsv", RELIABILITY_COLUMNS, found.reliability_rows())
    write_bytes(folder / "reliability.png", reliability_figure(found.reliability))
    fitted = found.calibration
    points = {
        "temperature": fitted.temperature,
        "log_odds_shift": fitted.shift,
        "operating_points": found.operating_points,
    }
    told = {
        "method": model.settings.method,
        **points,
        "data": model.info.training["variants"],
        **found.metrics,
    }
    write_json(folder / "evaluation.json", told)


def _describe(trained: Trained, folder: Path) -> str:
    info = trained.model.info
    lines = [
        f"  {name}: PR AUC {_text(found['pr_auc'])}, pROC AUC {_text(found['proc_auc'])}, "
        + ", ".join(f"{cell.upper()} {found[cell]['value']}" for cell in CELLS)
        for name, found in info.metrics["variants"].items()
    ]
    notice = model_notice(info.trained_on_simulation)
    return "\n".join(
        [f"{info.statement} Held-out subjects (95 % interval):", *lines, f"model: {folder}", notice]
    )


def _text(figure: Mapping[str, float | None]) -> str:
    value, low, high = (
        "undefined" if figure[name] is None else f"{figure[name]:.3f}" for name in ("value", "low", "high")
    )
    return f"{value} ({low} to {high})"
