"""The workflow is wired as said; sessions fail one by one; what is done is not done again."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from nipype.interfaces.base import traits
from nipype.pipeline.engine import Node, Workflow
from nipype.pipeline.plugins.linear import LinearPlugin

from qsmrim_app.errors import GridMismatchError, PreprocessingError, UsageError, WorkerKilledError
from qsmrim_app.images import load_image, load_labels, same_grid, save_volume
from qsmrim_app.preprocessing import alignment_interfaces
from qsmrim_app.preprocessing.running import run_workflow
from qsmrim_app.preprocessing.step import Step, StepInputSpec
from qsmrim_app.preprocessing.workflow import WORKFLOW, init_prepare_session_wf, prepare_subjects
from qsmrim_app.records import PreparedSubject, SessionKey, Volume
from qsmrim_app.settings import PreprocessingSettings, ResourceSettings
from tests import phantoms
from tests.preprocessing.sessions import error_mm, with_rim_labels, write_session

SPACING = (0.75, 0.75, 3.0)
SETTINGS = PreprocessingSettings(sampling_fraction=0.5, n4_shrink_factor=7)  # the phantom is small
ALONE = ResourceSettings()


def _prepare(inputs, work_dir, settings=SETTINGS, spacing=SPACING, resources=ALONE):
    work_dir.mkdir(parents=True, exist_ok=True)
    return prepare_subjects(inputs, settings, spacing, work_dir, resources)


def _one(result):
    (prepared,) = result.values()
    assert isinstance(prepared, PreparedSubject), prepared
    return prepared


def _node_times(work_dir):
    """When each node last ran."""
    return {path.parent.name: path.stat().st_mtime_ns for path in work_dir.glob("*/*/*/result_*.pklz")}


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return with_rim_labels(write_session(tmp_path_factory.mktemp("bids")))


@pytest.fixture(scope="module")
def prepared(inputs, work_dir):
    return _one(_prepare([inputs], work_dir))


# ---- wiring ----
def test_nodes_and_edges(inputs):
    workflow = init_prepare_session_wf(inputs, SETTINGS, SPACING)
    assert workflow.name == "sub_01_wf"
    assert sorted(workflow.list_node_names()) == [
        "brain_mask", "check_lesions", "check_qsm", "correct_bias", "findings", "flair", "gather", "lesions",
        "magnitude", "notes", "qsm", "register_flair", "resample", "rim_labels",
    ]  # fmt: skip
    edges = {
        (a.name, source, b.name, target)
        for a, b, wires in workflow._graph.edges(data=True)
        for source, target in wires["connect"]
    }
    assert ("magnitude", "image", "register_flair", "fixed") in edges
    assert ("correct_bias", "image", "register_flair", "flair") in edges
    assert ("correct_bias", "image", "resample", "flair") in edges
    assert ("lesions", "space", "resample", "lesions_space") in edges
    assert ("qsm", "qsm", "register_flair", "fixed") not in edges


def test_without_magnitude_the_qsm_is_registered_to(inputs):
    workflow = init_prepare_session_wf(replace(inputs, magnitude=None, rim_labels=None), SETTINGS, SPACING)
    assert "magnitude" not in workflow.list_node_names()
    assert "rim_labels" not in workflow.list_node_names()
    qsm, register = workflow.get_node("qsm"), workflow.get_node("register_flair")
    assert ("qsm", "fixed") in workflow._graph.get_edge_data(qsm, register)["connect"]


def test_own_spacing_wins_over_that_of_the_model(inputs):
    own = replace(SETTINGS, analysis_spacing_mm=(1.0, 1.0, 1.0))
    assert init_prepare_session_wf(inputs, own, SPACING).get_node("resample").inputs.spacing_mm == (1, 1, 1)
    workflow = init_prepare_session_wf(inputs, SETTINGS, SPACING)
    assert workflow.get_node("resample").inputs.spacing_mm == SPACING


# ---- one session ----
def test_everything_that_was_promised_is_there(prepared):
    qsm = load_image(prepared.native_qsm).volume
    truth = phantoms.draw_head(phantoms.qsm_grid(oblique=True), seed=1)
    assert same_grid(qsm, truth.qsm)
    np.testing.assert_allclose(qsm.data, truth.qsm.data, rtol=1e-5, atol=1e-4)
    assert qsm.data.dtype == np.float32
    for name in ("flair", "lesions", "brain_mask", "rim_labels"):
        assert same_grid(load_image(getattr(prepared, f"native_{name}")).volume, qsm)
    assert prepared.analysis_qsm == prepared.native_qsm
    assert prepared.analysis_lesions == prepared.native_lesions
    assert prepared.source_labels == (1, 2, 3, 4, 5)
    assert (prepared.qsm_units_found, prepared.native_rim_map) == ("ppm", None)
    assert len(prepared.warnings) == 1
    assert prepared.warnings[0].startswith("the brain mask holds 4")  # ml: the phantom is small
    assert [finding.warning for finding in prepared.findings if finding.warning] == list(prepared.warnings)
    assert error_mm(prepared.registration.flair_to_qsm, phantoms.FLAIR_TO_QSM_MM, truth.labels) < 0.5
    placed = load_labels(prepared.native_lesions).volume.data
    assert (placed[truth.labels.data > 0] == truth.labels.data[truth.labels.data > 0]).mean() > 0.8


def test_another_work_folder_same_bits(prepared, inputs, tmp_path):
    again = _one(_prepare([inputs], tmp_path / "other"))
    for name in ("native_qsm", "native_flair", "native_lesions", "native_brain_mask"):
        assert getattr(again, name).read_bytes() == getattr(prepared, name).read_bytes()
    np.testing.assert_array_equal(again.registration.flair_to_qsm, prepared.registration.flair_to_qsm)


def test_stored_the_other_way_round_same_maps(prepared, tmp_path):
    turned = _one(_prepare([write_session(tmp_path / "bids", flip=True)], tmp_path / "work"))
    for name in ("native_qsm", "native_lesions", "native_brain_mask"):
        one, other = (load_image(getattr(item, name)).volume for item in (turned, prepared))
        np.testing.assert_array_equal(one.data, other.data)
        np.testing.assert_allclose(one.affine, other.affine, atol=1e-4)


def test_grid_of_the_model_mask_and_qsm_space(tmp_path):
    inputs = write_session(tmp_path / "bids", lesions_space="QSM", mask=True)
    prepared = _one(_prepare([inputs], tmp_path / "work", spacing=(1.0, 1.0, 2.0)))
    native = load_labels(prepared.native_lesions).volume
    truth = phantoms.draw_head(phantoms.qsm_grid(oblique=True)).labels
    np.testing.assert_array_equal(native.data > 0, truth.data > 0)
    assert prepared.source_labels == (1, 2, 3, 4)
    assert load_labels(prepared.analysis_lesions).volume.shape == (48, 48, 30)
    assert load_image(prepared.analysis_flair).volume.shape == (48, 48, 30)


def test_an_empty_lesion_map_is_no_error(tmp_path):
    inputs = write_session(tmp_path / "bids")
    labels = load_labels(inputs.lesions).volume
    save_volume(labels.with_data(0 * labels.data), inputs.lesions)
    assert _one(_prepare([inputs], tmp_path / "work")).source_labels == ()


# ---- again ----
def test_what_is_done_is_not_done_again(prepared, inputs, work_dir):
    before = _node_times(work_dir)
    again = _one(_prepare([inputs], work_dir))
    after = _node_times(work_dir)
    assert {name for name in after if after[name] != before[name]} <= {"gather", "notes"}
    assert again.native_flair == prepared.native_flair


@pytest.mark.parametrize(
    "name",
    ["resample/native_qsm.nii", "resample/native_lesions.nii", "correct_bias/flair.nii", "qsm/qsm.nii"],
)
def test_what_was_damaged_since_is_made_anew(name, prepared, inputs, work_dir, tmp_path, caplog):
    copy = shutil.copytree(work_dir, tmp_path / "work")
    again = _one(_prepare([inputs], copy))
    (damaged,) = copy.rglob(name)
    raw = damaged.read_bytes()
    damaged.write_bytes(
        raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2)
    )  # as a loss of power leaves it
    again = _one(_prepare([inputs], copy))
    assert f"{damaged} is no longer what was written there" in caplog.text
    assert damaged.read_bytes() == raw
    for image in ("native_qsm", "native_flair", "native_lesions", "analysis_qsm"):
        assert getattr(again, image).read_bytes() == getattr(prepared, image).read_bytes()


def test_only_what_a_change_touches_is_done_again(tmp_path):
    inputs, work_dir = write_session(tmp_path / "bids"), tmp_path / "work"
    _one(_prepare([inputs], work_dir))
    before = _node_times(work_dir)
    labels = load_labels(inputs.lesions).volume
    save_volume(labels.with_data(np.where(labels.data == 5, 0, labels.data)), inputs.lesions)
    assert _one(_prepare([inputs], work_dir)).source_labels == (1, 2, 3, 4)
    after = _node_times(work_dir)
    changed = {name for name in after if after[name] != before[name]}
    assert {"lesions", "resample"} <= changed
    assert not changed & {"qsm", "flair", "brain_mask", "correct_bias", "register_flair"}


# ---- failing ----
def test_a_session_that_fails_does_not_stop_the_others(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    bad = write_session(tmp_path / "bids", subject="bad")
    save_volume(Volume(np.ones((5, 5, 5), dtype=np.int32), np.eye(4)), bad.lesions)
    good = write_session(tmp_path / "bids", subject="good")
    results = _prepare([bad, good], tmp_path / "work")
    error = results[SessionKey("bad")]
    assert type(error) is GridMismatchError
    assert str(error).startswith(f"{bad.lesions}: this map lies neither")
    assert isinstance(results[SessionKey("good")], PreparedSubject)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bids", "work"]
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["crash", WORKFLOW]
    repaired = write_session(tmp_path / "bids", subject="bad")
    assert isinstance(_prepare([repaired], tmp_path / "work")[repaired.key], PreparedSubject)


def test_stop_on_first_crash(tmp_path):
    sessions = [write_session(tmp_path / "bids", subject=name) for name in ("a", "b")]
    sessions[0].qsm.write_bytes(b"no image")
    results = _prepare(sessions, tmp_path / "work", resources=ResourceSettings(stop_on_first_crash=True))
    assert "not a readable" in str(results[SessionKey("a")])
    assert isinstance(results[SessionKey("b")], PreprocessingError | PreparedSubject)


def test_an_unforeseen_failure_names_step_and_crash_file(tmp_path, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(alignment_interfaces, "correct_bias", fail)
    inputs = write_session(tmp_path / "bids")
    error = _prepare([inputs], tmp_path / "work")[inputs.key]
    assert type(error) is PreprocessingError
    assert "sub-01: step 'correct_bias'" in str(error)
    assert "by nought" in str(error)
    (crash,) = (tmp_path / "work" / "crash").iterdir()
    assert str(crash) in str(error)


def test_a_missing_file_is_named(tmp_path):
    inputs = write_session(tmp_path / "bids")
    inputs.flair.unlink()
    assert f"{inputs.flair}: the file does not exist" in str(_prepare([inputs], tmp_path / "w")[inputs.key])


def test_a_plugin_that_gives_up_is_no_killed_worker(tmp_path, monkeypatch):
    path = tmp_path / "plugin.yml"
    path.write_text("plugin: Linear\n")
    monkeypatch.setattr(LinearPlugin, "run", lambda *_, **__: {}["no such queue"])
    inputs = write_session(tmp_path / "bids")
    error = _prepare([inputs], tmp_path / "work", resources=ResourceSettings(nipype_plugin=path))[inputs.key]
    assert type(error) is PreprocessingError
    assert "sub-01: not prepared, because nipype ended with KeyError: 'no such queue'" in str(error)


def test_arguments_that_a_plugin_refuses_are_named(tmp_path):
    path = tmp_path / "plugin.yml"
    path.write_text("plugin: MultiProc\nplugin_args: {n_procs: 1, mp_context: nonsense}\n")
    inputs = write_session(tmp_path / "bids")
    with pytest.raises(UsageError, match=rf"{path}: .*'MultiProc' refuses its 'plugin_args'.*nonsense"):
        _prepare([inputs], tmp_path / "work", resources=ResourceSettings(nipype_plugin=path))


# ---- worker processes ----
class _MarkInput(StepInputSpec):
    folder = traits.Str()
    deadly = traits.Bool(False, usedefault=True)


class _MarkOrDie(Step):
    """Leaves a mark, or is killed as the kernel would do it."""

    input_spec = _MarkInput

    def work(self, folder: Path):
        if self.inputs.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        Path(self.inputs.folder, "mark").write_text(str(os.getpid()))
        return {}


def _marking(work_dir, deadly):
    workflow = Workflow("wf", base_dir=str(work_dir))
    workflow.add_nodes([Node(_MarkOrDie(folder=str(work_dir), deadly=deadly), name="step")])
    return workflow


def test_a_plugin_file_is_used(tmp_path):
    path = tmp_path / "plugin.yml"
    path.write_text("plugin: Linear\nplugin_args: {}\n")
    resources = ResourceSettings(nprocs=8, nipype_plugin=path)
    assert not run_workflow(_marking(tmp_path, False), tmp_path, resources)
    assert (tmp_path / "mark").read_text() == str(os.getpid())


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["", "plugin: MultiProc\nplugin_args: {n_procs: 2}\n"])
def test_a_killed_worker_ends_the_run_instead_of_hanging(tmp_path, caplog, plugin):
    path = tmp_path / "plugin.yml"
    path.write_text(plugin)
    resources = ResourceSettings(nprocs=2, nipype_plugin=path if plugin else None)
    assert not run_workflow(_marking(tmp_path, True), tmp_path, resources)
    assert "a preprocessing worker was killed" in caplog.text
    assert not (tmp_path / "mark").exists()
    assert not run_workflow(_marking(tmp_path, False), tmp_path, resources)
    assert (tmp_path / "mark").read_text() != str(os.getpid())


@pytest.mark.slow
def test_who_dies_with_another_is_tried_alone(tmp_path, monkeypatch):
    """The run of both ends with a killed worker; alone, one of them is killed again."""
    tried = []

    def run(workflow, work_dir, _):
        sessions = sorted({name.split(".")[0] for name in workflow.list_node_names()})
        tried.append(sessions)
        return run_workflow(workflow, work_dir, ALONE) if sessions == ["sub_good_wf"] else ""

    monkeypatch.setattr("qsmrim_app.preprocessing.workflow.run_workflow", run)
    sessions = [write_session(tmp_path / "bids", subject=name) for name in ("bad", "good")]
    results = _prepare(sessions, tmp_path / "work", resources=ResourceSettings(nprocs=2))
    assert tried == [["sub_bad_wf", "sub_good_wf"], ["sub_bad_wf"], ["sub_good_wf"]]
    assert type(results[SessionKey("bad")]) is WorkerKilledError
    assert isinstance(results[SessionKey("good")], PreparedSubject)


@pytest.mark.slow
def test_two_workers_same_bits_as_one(prepared, inputs, tmp_path):
    other = write_session(tmp_path / "bids", subject="02")
    results = _prepare([inputs, other], tmp_path / "work", resources=ResourceSettings(nprocs=2))
    found = results[inputs.key]
    assert isinstance(results[other.key], PreparedSubject)
    assert found.native_flair.read_bytes() == prepared.native_flair.read_bytes()
    assert found.native_lesions.read_bytes() == prepared.native_lesions.read_bytes()


def test_a_session_without_end_was_killed(tmp_path, inputs, monkeypatch):
    monkeypatch.setattr("qsmrim_app.preprocessing.workflow.run_workflow", lambda *_: "")
    error = _prepare([inputs], tmp_path / "work")[inputs.key]
    assert type(error) is WorkerKilledError
    assert "sub-01" in str(error)
