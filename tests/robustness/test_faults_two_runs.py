"""Several runs into one output folder at once."""

from __future__ import annotations

import pytest

from tests import phantoms
from tests.robustness.programs import Program, bytes_of, differing, run, wait_until
from tests.robustness.rows import Row

HERE = "robustness/test_faults_two_runs.py"
SAME = Row(
    "Faults",
    "two runs analyse the same participant into the same folder at once",
    "the second leaves it alone: refused, exit 75, names the session and who is at work; the first finishes",
    f"{HERE}::test_a_second_run_leaves_a_participant_alone_that_another_works_on",
)
SHARED_WORK = Row(
    "Faults",
    "two runs on different datasets share a work folder, and their participants have the same names",
    "the second leaves them alone: refused, exit 75, names the session and who is at work",
    f"{HERE}::test_a_second_run_leaves_a_participant_alone_that_another_works_on",
)
EIGHT = Row(
    "Faults",
    "eight runs at once on different participants of one output folder",
    "works: all eight have their rows in participants.tsv, and the files of one run on all eight",
    f"{HERE}::test_eight_runs_at_once_lose_no_row",
)
TWO_TRAININGS = Row(
    "Faults",
    "two runs train the same fits into the same folder at once",
    "the second makes the other fits and is then refused, exit 75, naming the fit and who is at work; "
    "nothing is lost",
    "levels/test_fit_shares.py::test_a_fit_that_another_run_is_at_work_on_is_left_alone",
)
ROWS = (SAME, SHARED_WORK, EIGHT, TWO_TRAININGS)
MEASURE = ("participant", "--model", "none", "--nprocs", "1")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def bids_dir(tmp_path_factory):
    spec = phantoms.DatasetSpec(subjects=("01",), raters=False)
    return phantoms.write_dataset(tmp_path_factory.mktemp("two_runs") / "bids", spec)


@pytest.mark.parametrize("shared", ["output", pytest.param("work", marks=pytest.mark.long)])
def test_a_second_run_leaves_a_participant_alone_that_another_works_on(shared, bids_dir, tmp_path):
    output_dir, work_dir = tmp_path / "out", tmp_path / "work"
    first = Program(
        (bids_dir, output_dir, *MEASURE, "-w", work_dir, "--clean-workdir"), tmp_path / "first.txt"
    )
    wait_until((work_dir / "running-sub-01.lock").exists)  # the last that is taken
    places = (
        (output_dir, "-w", tmp_path / "other_work")
        if shared == "output"
        else (tmp_path / "other", "-w", work_dir)
    )
    with first.paused():
        assert first.process.poll() is None, "the first run was too quick for this test"
        second = run((bids_dir, places[0], *MEASURE, *places[1:]), tmp_path / "second.txt")
    assert second.code == 75, second.said
    assert f"sub-01: another run (process {first.process.pid} on " in second.said
    assert "Traceback" not in second.said
    ended = first.wait()
    assert ended.code == 0, ended.said
    assert (output_dir / "sub-01.html").read_text().count("another run") == 0
    assert not list((output_dir / "logs").glob("*.lock"))
    assert not work_dir.exists()


@pytest.mark.long
def test_eight_runs_at_once_lose_no_row(tmp_path):
    subjects = tuple(f"{n:02d}" for n in range(1, 9))
    spec = phantoms.DatasetSpec(subjects, lesions={"03": ()}, raters=False)
    bids_dir = phantoms.write_dataset(tmp_path / "bids", spec)
    together, one = tmp_path / "together", tmp_path / "one"
    programs = [
        Program((bids_dir, together, *MEASURE, "--participant-label", subject), tmp_path / f"{subject}.txt")
        for subject in subjects
    ]
    for program in programs:
        ended = program.wait()
        assert ended.code == 0, ended.said
    rows = (together / "participants.tsv").read_text().splitlines()
    assert [row.split("\t")[0] for row in rows[1:]] == [f"sub-{subject}" for subject in subjects]
    alone = run((bids_dir, one, *MEASURE[:-1], "2"), tmp_path / "one.txt")
    assert alone.code == 0, alone.said
    assert differing(bytes_of(together), bytes_of(one)) == []
