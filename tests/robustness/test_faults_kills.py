"""SIGKILL at random moments, then the same command again: the bytes of a run that nobody disturbed."""

from __future__ import annotations

import logging
import shutil
from functools import partial

import pytest

from tests import phantoms
from tests.levels.phantom_outputs import write_outputs_of
from tests.robustness.programs import KillsOfRun, kill_and_resume
from tests.robustness.rows import Row

SECTION = "Faults"
HERE = "robustness/test_faults_kills.py"
PARTICIPANT = Row(
    SECTION,
    "a participant run is killed (SIGKILL, the whole process group), several times, and started again",
    "works: every file outside logs/ has the bytes of a run that nobody disturbed",
    f"{HERE}::test_a_killed_participant_run_goes_on_to_the_same_bytes",
)
TRAINING = Row(
    SECTION,
    "a training is killed (SIGKILL, the whole process group), several times, and started again",
    "works: every file outside logs/, the fits too, has the bytes of a run that nobody disturbed",
    f"{HERE}::test_a_killed_training_goes_on_to_the_same_bytes",
)
REPLACING = Row(
    "Faults",
    "the participant level is killed while it replaces results of other settings",
    "works: the session is no longer `done`, its former page is gone, and `group` says so",
    "levels/test_replaced_results.py::test_a_session_whose_results_are_being_replaced_is_not_done",
)
ROWS = (PARTICIPANT, TRAINING, REPLACING)

MANY, FEW = 30, 3
logger = logging.getLogger(__name__)
TINY = """
[detector.network]
radiomic_hidden = 16
embedding = 16
classifier_hidden = 8
"""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(5400)]


@pytest.mark.parametrize("n_kills", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
def test_a_killed_participant_run_goes_on_to_the_same_bytes(n_kills, tmp_path):
    if n_kills == MANY:
        spec = phantoms.DatasetSpec(subjects=("01",), sessions=("a", "b"))
    else:
        spec = phantoms.DatasetSpec(subjects=("01",), raters=False)
    bids_dir = phantoms.write_dataset(tmp_path / "bids", spec)
    model = () if n_kills == MANY else ("--model", "none")
    options = (*model, "--nprocs", "2", "--device", "cpu")
    found = kill_and_resume(
        lambda output_dir: (bids_dir, output_dir, "participant", *options),
        lambda output_dir: output_dir.parent.mkdir(parents=True),
        tmp_path / "runs",
        n_kills,
    )
    _report("participant", found)
    assert found.kills == n_kills
    assert found.differing == ()


@pytest.mark.parametrize("n_kills", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
def test_a_killed_training_goes_on_to_the_same_bytes(n_kills, tmp_path):
    samples = write_outputs_of(tmp_path / "samples", ("01", "02", "03", "04"))
    bids_dir, config = tmp_path / "bids", tmp_path / "tiny.toml"
    bids_dir.mkdir()
    config.write_text(TINY)
    methods = (
        ("qsmrim-net", "aprl-rf") if n_kills == MANY else ("qsmrim-net", "--fit", "1/1")
    )  # no evaluation
    options = (
        *("--train", *methods, "--folds", "2", "--seeds", "0", "--epochs", "4", "--width", "4"),
        *("--batch-size", "8", "--nprocs", "2", "--device", "cpu", "--config-file", config),
    )  # fmt: skip
    found = kill_and_resume(
        lambda output_dir: (bids_dir, output_dir, "group", *options),
        partial(shutil.copytree, samples),
        tmp_path / "runs",
        n_kills,
    )
    _report("training", found)
    assert found.kills == n_kills
    assert found.differing == ()


def _report(what: str, found: KillsOfRun) -> None:
    logger.warning(
        "%s: %d kills, %d runs resumed; differing: %s", what, found.kills, found.resumed_runs, found.differing
    )
