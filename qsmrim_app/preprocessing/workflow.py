"""The preprocessing of a session as a nipype workflow, and of many sessions at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from nipype.interfaces.utility import Merge
from nipype.pipeline.engine import Node, Workflow

from qsmrim_app.errors import QsmrimError, WorkerKilledError
from qsmrim_app.preprocessing.alignment_interfaces import CorrectBias, RegisterFlair, ResampleToGrids
from qsmrim_app.preprocessing.check_interfaces import CheckLesions, CheckQsm
from qsmrim_app.preprocessing.interfaces import (
    GatherPrepared,
    HarmoniseImage,
    HarmoniseQsm,
    MakeBrainMask,
    NumberLesions,
)
from qsmrim_app.preprocessing.outcomes import (
    CRASH_FOLDER,
    clear_outcome,
    crash_files,
    is_of,
    node_of,
    outcome,
    remove_if_damaged,
)
from qsmrim_app.preprocessing.running import run_workflow, workers_are_processes
from qsmrim_app.records import PreparedSubject, SessionKey, SubjectInputs
from qsmrim_app.settings import PreprocessingSettings, ResourceSettings, Vector3

WORKFLOW = "prepare_wf"
_MEMORY_GB = {
    "correct_bias": 1.0,
    "register_flair": 1.0,
    "resample": 1.5,
}  # the others stay below nipype's 0.25


def prepare_subjects(
    inputs: Sequence[SubjectInputs],
    settings: PreprocessingSettings,
    analysis_spacing_mm: Vector3,
    work_dir: Path,
    resources: ResourceSettings,
) -> dict[SessionKey, PreparedSubject | QsmrimError]:
    """Prepare every session; one that fails does not hold up the others.

    What an earlier call finished in ``work_dir`` from the same input, settings and code is taken over, not
    run again.

    Parameters
    ----------
    inputs
        The files of each session.
    settings
        Registration, bias correction, seed.
    analysis_spacing_mm
        Voxel size of the model; ``settings.analysis_spacing_mm`` wins where it is given.
    work_dir
        Everything is written below it, crash files into ``crash``.
    resources
        Processes, memory, an own nipype plugin, whether to stop at the first failure.

    Returns
    -------
    dict
        For each session what was prepared, or why it was not.
    """
    work_dir = work_dir.resolve()
    results = _prepare_together(inputs, settings, analysis_spacing_mm, work_dir, resources)
    killed = [item for item in inputs if isinstance(results[item.key], WorkerKilledError)]
    if len(inputs) > 1 and killed and workers_are_processes(resources):
        # A killed worker takes its pool with it, and so sessions that did nothing wrong: now one at a time.
        for item in killed:
            results |= _prepare_together([item], settings, analysis_spacing_mm, work_dir, resources)
    return results


def remove_work(work_dir: Path, keys: Iterable[SessionKey]) -> None:
    """Remove what `prepare_subjects` left of the given sessions, crash files too, and folders then empty.

    Nothing else: another run may work in the same folder, and a user may keep other things in it.
    """
    names = [session_wf_name(key) for key in keys]
    for name in names:
        shutil.rmtree(work_dir / WORKFLOW / name, ignore_errors=True)
    for crash in crash_files(work_dir):
        node = node_of(crash)
        if not node or any(is_of(node, name) for name in names):  # without one: the disk was full
            crash.unlink(missing_ok=True)
    for folder in (work_dir / CRASH_FOLDER, work_dir / WORKFLOW, work_dir):
        with suppress(OSError):  # not empty, or never made
            folder.rmdir()


def _prepare_together(
    inputs: Sequence[SubjectInputs],
    settings: PreprocessingSettings,
    analysis_spacing_mm: Vector3,
    work_dir: Path,
    resources: ResourceSettings,
) -> dict[SessionKey, PreparedSubject | QsmrimError]:
    if not inputs:
        return {}
    folders = {item.key: work_dir / WORKFLOW / session_wf_name(item.key) for item in inputs}
    for folder in folders.values():
        clear_outcome(folder)
        remove_if_damaged(folder)
    before = crash_files(work_dir)
    workflow = Workflow(WORKFLOW, base_dir=str(work_dir))
    workflow.add_nodes([init_prepare_session_wf(item, settings, analysis_spacing_mm) for item in inputs])
    ended = run_workflow(workflow, work_dir, resources)
    new = sorted(crash_files(work_dir) - before)
    return {key: outcome(key, folder, new, ended) for key, folder in folders.items()}


def session_wf_name(key: SessionKey) -> str:
    """The name of a session's workflow, and of its folder: ``sub_01_ses_02_wf``."""
    # nipype allows letters, digits and underscores, BIDS labels a plus sign too
    return key.prefix.replace("-", "_").replace("+", "_plus_") + "_wf"


def init_prepare_session_wf(
    inputs: SubjectInputs, settings: PreprocessingSettings, analysis_spacing_mm: Vector3
) -> Workflow:
    """The workflow of one session.

    Parameters
    ----------
    inputs
        The files of the session.
    settings
        Registration, bias correction, seed.
    analysis_spacing_mm
        Voxel size of the model.

    Returns
    -------
    Workflow
        Its last node is ``gather``, which leaves ``prepared.json``.
    """
    workflow = Workflow(session_wf_name(inputs.key))
    nodes = _nodes(inputs, settings, settings.analysis_spacing_mm or analysis_spacing_mm)
    _connect_images(workflow, nodes)
    labels = [name for name in ("lesions", "rim_labels", "rim_map") if name in nodes]
    for name in labels:
        workflow.connect(nodes["qsm"], "qsm", nodes[name], "qsm")
        workflow.connect(nodes["flair"], "image", nodes[name], "flair")
        workflow.connect(nodes[name], "labels", nodes["resample"], name)
        workflow.connect(nodes[name], "space", nodes["resample"], f"{name}_space")
    _connect_results(workflow, nodes)
    return workflow


def _nodes(inputs: SubjectInputs, settings: PreprocessingSettings, spacing_mm: Vector3) -> dict[str, Node]:
    interfaces: dict[str, Any] = {
        "qsm": HarmoniseQsm(qsm=str(inputs.qsm)),
        "flair": HarmoniseImage(image=str(inputs.flair)),
        "lesions": NumberLesions(
            lesions=str(inputs.lesions), kind=inputs.lesions_kind, stated_space=inputs.lesions_space
        ),
        "brain_mask": MakeBrainMask(),
        "correct_bias": CorrectBias(shrink_factor=settings.n4_shrink_factor),
        "register_flair": RegisterFlair(
            registration=settings.registration,
            backend=settings.backend,
            sampling_fraction=settings.sampling_fraction,
            min_similarity_gain=settings.min_similarity_gain,
            random_seed=settings.random_seed,
        ),
        "resample": ResampleToGrids(lesions_source=str(inputs.lesions), spacing_mm=tuple(spacing_mm)),
        "check_qsm": CheckQsm(source=str(inputs.qsm), implausible=settings.implausible_qsm),
        "check_lesions": CheckLesions(source=str(inputs.lesions)),
        "gather": GatherPrepared(subject=inputs.key.subject, session=inputs.key.session),
    }
    if inputs.qsm_units:
        interfaces["qsm"].inputs.units = inputs.qsm_units
    if inputs.brain_mask:
        interfaces["brain_mask"].inputs.given_mask = str(inputs.brain_mask)
    if inputs.magnitude:
        interfaces["magnitude"] = HarmoniseImage(image=str(inputs.magnitude))
    if inputs.rim_labels:
        interfaces["rim_labels"] = _rater_map(inputs.rim_labels, inputs)
    if inputs.rim_map:
        interfaces["rim_map"] = _rater_map(inputs.rim_map, inputs, kind="rims")
    return {
        name: Node(step, name=name, mem_gb=_MEMORY_GB.get(name, 0.25)) for name, step in interfaces.items()
    }


def _rater_map(path: Path, inputs: SubjectInputs, kind: str = "instances") -> NumberLesions:
    step = NumberLesions(lesions=str(path), kind=kind)
    if inputs.rim_space:
        step.inputs.stated_space = inputs.rim_space
    return step


def _connect_images(workflow: Workflow, nodes: dict[str, Node]) -> None:
    """From the harmonised images to the registration."""
    workflow.connect(
        [
            (nodes["qsm"], nodes["brain_mask"], [("qsm", "qsm")]),
            (nodes["flair"], nodes["brain_mask"], [("image", "flair")]),
            (nodes["flair"], nodes["correct_bias"], [("image", "image")]),
            (nodes["brain_mask"], nodes["correct_bias"], [("flair_mask", "mask")]),
            (nodes["brain_mask"], nodes["register_flair"], [("brain_mask", "brain_mask")]),
            (nodes["correct_bias"], nodes["register_flair"], [("image", "flair")]),
        ]
    )
    if "magnitude" in nodes:
        workflow.connect(nodes["qsm"], "qsm", nodes["magnitude"], "qsm")
        workflow.connect(nodes["magnitude"], "image", nodes["brain_mask"], "magnitude")
        workflow.connect(nodes["magnitude"], "image", nodes["register_flair"], "fixed")
        workflow.connect(nodes["magnitude"], "image", nodes["check_qsm"], "magnitude")
    else:
        workflow.connect(nodes["qsm"], "qsm", nodes["register_flair"], "fixed")


def _connect_results(workflow: Workflow, nodes: dict[str, Node]) -> None:
    """From the registration to the grids, and everything that is worth knowing to the end."""
    checks = ("check_qsm", "check_lesions")
    noted = [name for name in nodes if name not in ("correct_bias", "gather", *checks)]
    notes = _merge(workflow, "notes", [nodes[name] for name in noted], "warnings")
    findings = _merge(workflow, "findings", [nodes[name] for name in checks], "findings")
    workflow.connect(
        [
            (nodes["qsm"], nodes["resample"], [("qsm", "qsm")]),
            (nodes["correct_bias"], nodes["resample"], [("image", "flair")]),
            (nodes["brain_mask"], nodes["resample"], [("brain_mask", "brain_mask")]),
            (nodes["register_flair"], nodes["resample"], [("registration", "registration")]),
            (nodes["register_flair"], nodes["gather"], [("registration", "registration")]),
            (nodes["qsm"], nodes["gather"], [("units", "units")]),
            (
                nodes["resample"],
                nodes["gather"],
                [("native", "native"), ("analysis", "analysis"), ("source_labels", "source_labels")],
            ),
            (nodes["qsm"], nodes["check_qsm"], [("qsm", "qsm")]),
            (nodes["brain_mask"], nodes["check_qsm"], [("brain_mask", "brain_mask")]),
            (nodes["resample"], nodes["check_lesions"], [("native", "native")]),
            (notes, nodes["gather"], [("out", "warnings")]),
            (findings, nodes["gather"], [("out", "findings")]),
        ]
    )


def _merge(workflow: Workflow, name: str, nodes: Sequence[Node], output: str) -> Node:
    """A node that joins the lists of several nodes, in their order."""
    merge = Node(Merge(len(nodes), ravel_inputs=True), name=name, run_without_submitting=True)
    for number, node in enumerate(nodes, start=1):
        workflow.connect(node, output, merge, f"in{number}")
    return merge
