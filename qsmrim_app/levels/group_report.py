"""The page of a group run with its figures: what was gathered, and how good the trained methods are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

from qsmrim_app.bids_io.names import dataset_path, group_figure_path
from qsmrim_app.bids_io.writing import write_bytes, write_text
from qsmrim_app.detectors.bundle import BundleInfo
from qsmrim_app.levels.cohort import Cohort
from qsmrim_app.levels.cross_validation import start_sentence
from qsmrim_app.levels.earlier_results import forget_figures
from qsmrim_app.levels.evaluating import Evaluation, comparison_rows
from qsmrim_app.levels.example_pictures import SiteImages, examples_png, slice_png
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.levels.session_report import methods_of, model_of, version_of
from qsmrim_app.levels.sources import MAIN, site_of
from qsmrim_app.records import SessionKey
from qsmrim_app.reports.cohort_facts import EXPERT, CohortFacts
from qsmrim_app.reports.cohort_part import cohort_part, missing_part
from qsmrim_app.reports.figures import reliability_figure
from qsmrim_app.reports.group_page import GroupReport, Part, group_page
from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.training_part import MethodResult, training_parts
from qsmrim_app.reports.words import plural
from qsmrim_app.settings import GroupSettings

_SIMULATED = "simulated lesions"


@dataclass(frozen=True, eq=False)
class TrainedMethod:
    """What held-out subjects say of a method, and what the model trained on everything says of itself."""

    evaluation: Evaluation
    info: BundleInfo


@dataclass(frozen=True, eq=False)
class GroupResults:
    """What a page is made of. ``rated`` and ``trained`` (by method) are empty where nothing was trained."""

    gathered: Gathered
    cohort: Cohort
    rated: RatedLesions | None = None
    trained: Mapping[str, TrainedMethod] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_group_report(settings: GroupSettings, results: GroupResults) -> Path:
    """Write ``group.html`` and its figures; the page's path."""
    sites = settings.sites or {"": settings.output_dir}
    report = group_report(results, sites)
    forget_figures(settings.output_dir, [figure.name for figure in report.figures])
    for figure in report.figures:
        write_bytes(settings.output_dir / group_figure_path(figure.name), figure.png)
    page = settings.output_dir / dataset_path("group_report", ".html")
    write_text(page, group_page(report))
    return page


def group_report(results: GroupResults, sites: Mapping[str, Path]) -> GroupReport:
    """All that the page says.

    Parameters
    ----------
    results
        Of the run.
    sites
        Name -> output folder of a participant run.
    """
    simulated = results.gathered.is_simulated
    facts = CohortFacts(results.cohort.lesions, results.cohort.sessions, _SIMULATED if simulated else "")
    images = SiteImages(sites)
    models, n_unknown = _models(facts, sites)
    outputs = _outputs(facts, sites)
    versions = {version_of(folder, key) for folder, key in outputs} - {""}
    methods = {methods_of(folder, key) for folder, key in outputs} - {""}
    example = slice_png(facts, images)
    parts: tuple[Part, ...] = (
        missing_part(facts),
        cohort_part(facts, () if example is None else (example,)),
    )
    if results.rated is not None and results.trained:
        parts = (*_training(results, results.rated, images, facts.note), *parts)
    learnt = any(one.info.trained_on_simulation for one in results.trained.values())
    return GroupReport(
        app_version=metadata.version("qsmrim"),
        title="group report",
        headline=_headline(facts),
        facts=tuple(_sentences(results, facts, models)),
        trained_on_simulation=learnt or any(model.trained_on_simulation for model in models),
        simulated=simulated,
        warnings=(
            *results.warnings,
            *results.cohort.warnings,
            *_warnings(facts, len(models), n_unknown),
            *_mixture(versions, methods, len(models)),
        ),
        parts=parts,
    )


def _training(results: GroupResults, rated: RatedLesions, images: SiteImages, note: str) -> tuple[Part, ...]:
    evaluations = {method: one.evaluation for method, one in results.trained.items()}
    found = {
        method: MethodResult(
            one.metrics,
            one.cards,
            one.calibration,
            one.operating_points,
            reliability_figure(one.reliability),
            examples_png(one.cards[MAIN].lesions, results.gathered, images, note),
        )
        for method, one in evaluations.items()
    }
    counts = {name: asdict(count) for name, count in rated.counts.items()}
    return training_parts(found, counts, comparison_rows(evaluations), note)


def _models(facts: CohortFacts, sites: Mapping[str, Path]) -> tuple[Counter[ModelSummary], int]:
    """The models behind the predictions, each with its number of sessions; sessions where it is not known."""
    found: Counter[ModelSummary] = Counter()
    n_unknown = 0
    for one, (folder, key) in zip(facts.analysed, _outputs(facts, sites), strict=True):
        model = model_of(folder, key)
        if model is not None:
            found[model] += 1
        else:
            n_unknown += bool(one.n_lesions) and one.n_rim_predicted is not None
    return found, n_unknown


def _outputs(facts: CohortFacts, sites: Mapping[str, Path]) -> list[tuple[Path, SessionKey]]:
    """Output folder and key of each analysed session."""
    return [
        (sites[site_of(one.subject)], SessionKey(one.subject.rpartition(":")[2], one.session))
        for one in facts.analysed
    ]


def _mixture(versions: Set[str], methods: Set[str], n_models: int) -> list[str]:
    """What is to be said of results that were not made in one way; that models differ is said elsewhere."""
    if len(versions) > 1:
        return [
            f"Results of qsmrim {', '.join(sorted(versions))} stand side by side; analyse all with one "
            "version."
        ]
    if len(methods) > 1 and n_models < 2:
        return [
            f"Results of runs with {len(methods)} different settings stand side by side; see the methods on "
            "the participants' pages, and analyse all with the same."
        ]
    return []


def _headline(facts: CohortFacts) -> str:
    n_people = len({one.subject for one in facts.analysed})
    counts = facts.rim_counts()
    rim = f", {sum(counts.values())} rim+ ({facts.whose})" if counts else ", rim status unknown"
    return f"{plural(n_people, 'participant')}, {plural(len(facts.lesions), 'lesion')}{rim}"


def _sentences(results: GroupResults, facts: CohortFacts, models: Mapping[ModelSummary, int]) -> list[str]:
    found = [*results.notes, *results.cohort.notes]
    if results.trained:
        found.append(f"Methods trained and compared on held-out subjects: {', '.join(results.trained)}.")
    found += [
        f"{method}: {start_sentence(one.info.training['started_from'])}"
        for method, one in results.trained.items()
        if "started_from" in one.info.training
    ]
    found += [
        f"The rim status in the lesion tables of {plural(n, 'session')} was predicted by {model.name} "
        f"{model.version} ({model.method}, {model.operating_point}, threshold {model.threshold:.3g}). "
        f"{model.trained_on}"
        for model, n in models.items()
    ]
    if facts.whose == EXPERT:
        found.append("Rim status here is that of the experts, unless a prediction is named.")
    return found


def _warnings(facts: CohortFacts, n_models: int, n_unknown: int) -> list[str]:
    outcomes = Counter(one.outcome for one in facts.sessions)
    stale = sum(one.n_lesions is not None and bool(one.reason) for one in facts.sessions)
    found = []
    if outcomes["failed"]:
        found.append(f"{plural(outcomes['failed'], 'session')} failed and is not in any figure.")
    if outcomes["no_output"]:
        found.append(f"{plural(outcomes['no_output'], 'session')} of the raw dataset left no output.")
    if stale:
        found.append(
            f"The last run of {plural(stale, 'session')} failed or was cut short; what is there is used."
        )
    if n_unknown:
        found.append(
            f"Which model predicted the rim status of {plural(n_unknown, 'session')} is not known: "
            "logs/report-sub-*.json is missing or cannot be read there. It may have been trained on "
            "simulated lesions."
        )
    if n_models > 1:
        found.append(
            f"Predictions of {n_models} models or thresholds stand side by side; they do not compare."
        )
    if not len(facts.lesions):
        found.append("There is no lesion at all.")
    return found
