"""What a run says of a session: where its results come from, what was measured, what a user should know."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from qsmrim_app.bids_io.names import session_path
from qsmrim_app.levels.participant_run import ParticipantRun
from qsmrim_app.levels.session_report import (
    input_rows,
    is_simulated,
    model_of,
    quality_rows,
    version_of,
)
from qsmrim_app.levels.unlike_training import unlike_training_warnings
from qsmrim_app.records import SessionKey
from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.pages import SubjectReport


def session_facts(run: ParticipantRun, key: SessionKey) -> SubjectReport:
    """All that the page of a session says beside its images and table."""
    inputs, prepared = run.inputs.get(key), run.prepared.get(key)
    model, version = _origin(run, key)
    return SubjectReport(
        key=key,
        app_version=version,
        model=model,
        registration=prepared.registration if prepared else None,
        inputs=input_rows(inputs) if inputs else (),
        quality=quality_rows(prepared) if prepared else (),
        warnings=session_warnings(run, key),
        errors=_errors(run, key),
        methods=run.methods,
        simulated_images=bool(inputs and is_simulated(inputs)),
    )


def _origin(run: ParticipantRun, key: SessionKey) -> tuple[ModelSummary | None, str]:
    """Model and version behind the table that is there: if this run wrote none, those of an earlier one."""
    if key not in run.written and _earlier_table(run, key).exists():
        return model_of(run.settings.output_dir, key), version_of(run.settings.output_dir, key)
    return run.classifier.summary(), metadata.version("qsmrim")


def session_warnings(run: ParticipantRun, key: SessionKey) -> tuple[str, ...]:
    """What a user should know of a session, for its page, its status and the log."""
    inputs, prepared, measured = run.inputs.get(key), run.prepared.get(key), run.measured.get(key)
    return (
        *(unlike_training_warnings(run.tables[key]) if key in run.tables else ()),
        *(prepared.warnings if prepared else ()),
        *(measured.warnings if measured else ()),
        *(inputs.notes if inputs else ()),
    )


def _errors(run: ParticipantRun, key: SessionKey) -> tuple[str, ...]:
    if key not in run.errors:
        return ()
    earlier = _earlier_table(run, key)
    stale = f"The maps and tables of an earlier run are still there: {earlier.name}"
    return (str(run.errors[key]), *((stale,) if earlier.exists() else ()))


def _earlier_table(run: ParticipantRun, key: SessionKey) -> Path:
    return run.settings.output_dir / session_path(key, "lesions", ".tsv")
