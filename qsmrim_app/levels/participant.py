"""The participant level: from a BIDS folder to rim+ maps, lesion tables and reports."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from qsmrim_app.bids_io.dry_run import dry_run_table
from qsmrim_app.bids_io.outcomes import left_sessions
from qsmrim_app.bids_io.participants import rebuild_participants, rebuild_sessions
from qsmrim_app.bids_io.query import Found, find_inputs
from qsmrim_app.bids_io.writing import write_text
from qsmrim_app.errors import QsmrimError, WorkerKilledError, is_out_of_memory
from qsmrim_app.levels.missing_results import missing_results
from qsmrim_app.levels.output_folder import methods_path, open_output, work_folder
from qsmrim_app.levels.participant_run import ParticipantRun
from qsmrim_app.levels.run_log import (
    SessionStatus,
    exit_code_of,
    former_statuses,
    log_to_file,
    status_of,
    write_settings,
    write_status,
)
from qsmrim_app.levels.session_facts import session_facts, session_warnings
from qsmrim_app.levels.session_holds import hold_sessions, why_failed
from qsmrim_app.levels.session_report import (
    PageTask,
    write_facts,
    write_page,
)
from qsmrim_app.levels.session_tasks import (
    MeasureTask,
    PrepareTask,
    WriteTask,
    measure_inputs,
    prepare_inputs,
    write_outputs,
)
from qsmrim_app.levels.summary import summarise
from qsmrim_app.levels.workers import Workers, workers_within
from qsmrim_app.preprocessing.plugin_file import read_plugin_file
from qsmrim_app.preprocessing.workflow import prepare_subjects, remove_work
from qsmrim_app.records import PreparedSubject, SessionKey
from qsmrim_app.reports.methods_text import MethodsText, methods_text
from qsmrim_app.reports.notices import RESEARCH_ONLY, model_notice
from qsmrim_app.settings import ParticipantSettings

if TYPE_CHECKING:
    from qsmrim_app.levels.classifying import Classifier

logger = logging.getLogger(__name__)

_WORKER_MODULES = ("qsmrim_app.levels.session_tasks", "qsmrim_app.levels.session_report")


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its exit code, and what to print."""

    exit_code: int
    summary: str


def describe_inputs(settings: ParticipantSettings) -> Outcome:
    """The dry-run table: which files match for whom, and what is missing; 0 if anything can be analysed."""
    found = find_inputs(settings.bids_dir, settings.inputs)
    codes = [0] if found.inputs else [error.exit_code for error in found.failures.values()]
    return Outcome(max(codes, default=0), dry_run_table(found))


def run_participants(settings: ParticipantSettings, found: Found | None = None) -> Outcome:
    """Analyse every session that was asked for, or those whose files are ``found`` already.

    A session that fails leaves its reason in the log, its status file and its page; the others go on.

    Raises
    ------
    QsmrimError
        If nothing can be analysed at all: no dataset, participant, usable model or place for the output.
    """
    if settings.resources.nipype_plugin and not (settings.reports_only or settings.boilerplate_only):
        read_plugin_file(settings.resources.nipype_plugin)  # before anything is written
    found = found or find_inputs(settings.bids_dir, settings.inputs)
    with Workers(workers_within(settings.resources)) as workers:
        if not settings.boilerplate_only:
            workers.get_ready(_WORKER_MODULES, len(found.inputs))
        return _run_with(workers, settings, found)


def _run_with(workers: Workers, settings: ParticipantSettings, found: Found) -> Outcome:
    from qsmrim_app.levels.classifying import Classifier  # torch loads while the workers start

    classifier = Classifier.load(settings)
    open_output(settings, found.datasets)
    inputs = {session.key: session for session in found.inputs}
    run = ParticipantRun(settings, classifier, inputs, _methods(settings, classifier), workers)
    if not settings.reports_only:  # which makes no result anew: the text is that of the run that did
        write_text(methods_path(settings.output_dir), run.methods.plain())
    if settings.boilerplate_only:
        return Outcome(0, f"methods text: {methods_path(settings.output_dir)}\n")
    with (
        log_to_file(settings.output_dir, "participant"),
        hold_sessions(run.inputs, settings.output_dir, work_folder(settings)) as busy,
    ):
        run.leave(busy)
        return _reports_alone(run, found) if settings.reports_only else _analyse(run, found)


def _reports_alone(run: ParticipantRun, found: Found) -> Outcome:
    """New pages of what is there. They make no failed session a good one."""
    for key, error in found.failures.items():
        run.keep(key, error, {}, "finding its files")
    _report(run)
    former = former_statuses(run.settings.output_dir)
    statuses = {key: status_of(key, run.errors, ()) for key in run.keys}
    statuses |= {key: former[key] for key in run.pages if key in former and key not in run.errors}
    return _outcome(run, statuses)


def _analyse(run: ParticipantRun, found: Found) -> Outcome:
    write_settings(run.settings.output_dir, "participant", run.settings)
    for note in found.notes:
        logger.warning(note)
    for key, error in found.failures.items():
        run.keep(key, error, {}, "finding its files")
    for stage in (_prepare, _measure, _classify, _write):
        if not run.stopped:
            stage(run)
    _keep_facts(run)
    _report(run)
    for key, error in missing_results(run.settings.output_dir, run.written, run.pages).items():
        run.keep(key, error, {}, "looking for its results")
    return _finish(run, found.known)


def _prepare(run: ParticipantRun) -> None:
    settings, spacing, work = run.settings, run.classifier.settings.spacing_mm, work_folder(run.settings)
    logger.info("preparing %d session(s): bias correction, registration, resampling", len(run.inputs))
    if settings.resources.nipype_plugin:  # somebody else's machines: nipype hands out the nodes
        inputs = list(run.inputs.values())
        prepared = prepare_subjects(inputs, settings.preprocessing, spacing, work, settings.resources)
        outcomes: Iterable[tuple[SessionKey, object]] = prepared.items()
    else:
        tasks = {
            key: PrepareTask(inputs, settings.preprocessing, spacing, work, settings.resources)
            for key, inputs in run.inputs.items()
        }
        outcomes = run.workers.run(prepare_inputs, tasks)
    for key, found in outcomes:
        outcome = found if isinstance(found, PreparedSubject) else why_failed(found, key, work)
        run.keep(key, outcome, run.prepared, "preparation")  # type: ignore[arg-type]
        if run.stopped:
            break


def _measure(run: ParticipantRun) -> None:
    tasks = {
        key: MeasureTask(run.inputs[key], prepared, run.settings.lesions, run.classifier.settings)
        for key, prepared in run.prepared.items()
    }
    for key, outcome in run.workers.run(measure_inputs, tasks):
        run.keep(key, outcome, run.measured, "features and patches")  # type: ignore[arg-type]


def _classify(run: ParticipantRun) -> None:
    for key, measured in run.measured.items():
        outcome: object
        try:
            outcome = run.classifier.classify(measured.table, measured.samples)
        except QsmrimError as error:
            outcome = error
        except (RuntimeError, MemoryError) as error:  # torch: out of memory, a lost device
            outcome = (
                WorkerKilledError(f"{key}: no memory is left to classify; run again with more")
                if is_out_of_memory(error)
                else QsmrimError(f"{key}: the model could not be run ({error}); try --device cpu")
            )
        run.keep(key, outcome, run.tables, "classification")  # type: ignore[arg-type]


def _write(run: ParticipantRun) -> None:
    tasks = {
        key: WriteTask(
            run.inputs[key], run.prepared[key], table, run.measured[key].samples, run.settings.output_dir
        )
        for key, table in run.tables.items()
    }
    for key, outcome in run.workers.run(write_outputs, tasks):
        run.keep(key, outcome, run.written, "maps and tables")  # type: ignore[arg-type]


def _keep_facts(run: ParticipantRun) -> None:
    for key in run.keys:
        for warning in session_warnings(run, key):
            logger.warning("%s: %s", key.prefix, warning)
        write_facts(run.settings.output_dir, session_facts(run, key))


def _report(run: ParticipantRun) -> None:
    tasks = {key: PageTask(key, run.settings.output_dir) for key in run.keys}
    for key, outcome in run.workers.run(write_page, tasks):
        run.keep(key, outcome, run.pages, "report")  # type: ignore[arg-type]


def _finish(run: ParticipantRun, known: Collection[SessionKey]) -> Outcome:
    """Status and counts; ``known`` are the sessions that the dataset has."""
    settings = run.settings
    statuses = {
        key: status_of(key, run.errors, (*session_warnings(run, key), *run.written.get(key, ())))
        for key in run.keys
    }
    write_status(settings.output_dir, statuses)  # first: the tables below can be made anew at any time
    for subject in sorted({key.subject for key in run.written}):
        rebuild_sessions(settings.output_dir, subject)
    if run.written:
        rebuild_participants(settings.output_dir)
    written = {key.subject for key in run.written}
    for key in left_sessions(settings.output_dir, [key for key in known if key.subject in written]):
        logger.warning(
            "%s: its results are in %s and are counted, but %s has no such session; remove them if it got "
            "another name",
            key.prefix,
            settings.output_dir / key.folder,
            settings.bids_dir,
        )
    if settings.clean_workdir or (settings.work_dir is None and not run.errors):
        remove_work(work_folder(settings), run.inputs)
    return _outcome(run, statuses)


def _outcome(run: ParticipantRun, statuses: Mapping[SessionKey, SessionStatus]) -> Outcome:
    model = run.classifier.summary()
    notice = model_notice(model.trained_on_simulation) if model else RESEARCH_ONLY
    told = {**statuses, **{key: status_of(key, run.busy, ()) for key in run.busy}}
    tables = {key: table for key, table in run.tables.items() if key in run.written}
    return Outcome(exit_code_of(told), summarise(tables, run.pages, told, notice))


def _methods(settings: ParticipantSettings, classifier: Classifier) -> MethodsText:
    return methods_text(settings, classifier.settings, classifier.summary(), metadata.version("qsmrim"))
