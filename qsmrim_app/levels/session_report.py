"""The page of a session, made from the files that the session wrote: what it shows is what is on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.names import dataset_path, session_path
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.bids_io.writing import remove_file, write_json, write_text
from qsmrim_app.errors import MissingImageError, OutputError, UsageError
from qsmrim_app.levels.written_case import written_case
from qsmrim_app.plain_data import from_plain, to_plain
from qsmrim_app.preprocessing.registration import LEAST_SHARE_LOST, LOW_OVERLAP
from qsmrim_app.records import PreparedSubject, SessionKey, SubjectInputs
from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.pages import InputRow, QualityRow, SubjectReport, subject_page

_SIMULATED = "simulated"


@dataclass(frozen=True)
class PageTask:
    """The page to make: of ``key`` in ``output_dir``."""

    key: SessionKey
    output_dir: Path


def write_facts(output_dir: Path, report: SubjectReport) -> None:
    """Keep what the page says beside images and table in ``logs/``, so that the page can be made anew."""
    write_json(_facts_path(output_dir, report.key), to_plain(replace(report, case=None, table=None)))


def forget_page(output_dir: Path, key: SessionKey) -> None:
    """Remove the page of an earlier run and what it was made from, before other results take their place."""
    for path in (_facts_path(output_dir, key), output_dir / session_path(key, "report", ".html")):
        remove_file(path)


def write_page(task: PageTask) -> Path:
    """Make the page of a session from its outputs; the page's path.

    Raises
    ------
    MissingImageError
        If the outputs of the session are not there.
    """
    facts = _facts_path(task.output_dir, task.key)
    if not facts.is_file():
        raise MissingImageError(
            f"{task.key.prefix}: {facts} is not there; analyse the session before its report is made anew"
        )
    report = _read_facts(facts, task.key)
    if not report.errors:
        table = read_lesion_table(task.output_dir / session_path(task.key, "lesions", ".tsv"))
        report = replace(report, case=written_case(task.output_dir, task.key), table=table)
    page = task.output_dir / session_path(task.key, "report", ".html")
    write_text(page, subject_page(report))
    return page


def _read_facts(path: Path, key: SessionKey) -> SubjectReport:
    try:
        return from_plain(SubjectReport, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError, UsageError) as error:
        raise OutputError(
            f"{key.prefix}: {path} is damaged ({' '.join(str(error).split())[:200]}); analyse the "
            "session again"
        ) from error


def model_of(output_dir: Path, key: SessionKey) -> ModelSummary | None:
    """The model that classified a session; None if none did or nothing says so."""
    told = _told(output_dir, key).get("model")
    try:
        return from_plain(ModelSummary, told) if isinstance(told, dict) else None
    except UsageError:
        return None


def version_of(output_dir: Path, key: SessionKey) -> str:
    """The version of qsmrim that analysed a session; empty if nothing says so."""
    return str(_told(output_dir, key).get("app_version", ""))


def methods_of(output_dir: Path, key: SessionKey) -> str:
    """The methods text of the run that analysed a session; empty if nothing says so."""
    methods = _told(output_dir, key).get("methods")
    return str(methods.get("paragraphs", "")) if isinstance(methods, dict) else ""


def _told(output_dir: Path, key: SessionKey) -> dict[str, Any]:
    """What the last run kept of a session; empty if there is nothing that can be read."""
    try:
        told = json.loads(_facts_path(output_dir, key).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def input_rows(inputs: SubjectInputs) -> tuple[InputRow, ...]:
    """Which files were used, by role."""
    return tuple(InputRow(role, uri) for role, uri in inputs.datasets.items())


def is_simulated(inputs: SubjectInputs) -> bool:
    """Whether the sidecar of the QSM says that it is simulated."""
    name = inputs.qsm.name.removesuffix(".gz").removesuffix(".nii")
    sidecar = inputs.qsm.with_name(f"{name}.json")
    return sidecar.is_file() and _SIMULATED in sidecar.read_text(encoding="utf-8", errors="replace").lower()


def quality_rows(prepared: PreparedSubject) -> tuple[QualityRow, ...]:
    """Measures of the registration and the images, each with its rule."""
    result = prepared.registration
    return (
        QualityRow(
            "FLAIR to QSM",
            "header" if result.fell_back else f"{result.kind} ({result.backend})",
            "the positions in the headers were kept: registration made it worse" if result.fell_back else "",
            not result.fell_back,
        ),
        QualityRow(
            "Mutual information of FLAIR and magnitude",
            f"{result.similarity_before:.3f} by the headers, {result.similarity_after:.3f} registered",
            "higher is better",
            result.similarity_after >= result.similarity_before,
        ),
        QualityRow(
            "Overlap of the heads (Dice)",
            f"{result.overlap_before:.3f} by the headers, {result.overlap_after:.3f} registered",
            f"1 is best; look at the overlay below {LOW_OVERLAP}",
            (result.overlap_before if result.fell_back else result.overlap_after) >= LOW_OVERLAP,
        ),
        QualityRow(
            "Mutual information lost if moved by 5 to 20 mm",
            "not looked at" if result.share_lost is None else f"{result.share_lost:.2f}",
            f"as a share; {LEAST_SHARE_LOST:g} or more, below 0 the FLAIR fits better elsewhere",
            None if result.share_lost is None else result.share_lost >= LEAST_SHARE_LOST,
        ),
        *(QualityRow(item.measure, item.value, item.meaning, item.passed) for item in prepared.findings),
        QualityRow("Unit of the QSM", prepared.qsm_units_found, "as found in the file; shown here in ppb"),
    )


def _facts_path(output_dir: Path, key: SessionKey) -> Path:
    return output_dir / dataset_path("logs") / f"report-{key.prefix}.json"
