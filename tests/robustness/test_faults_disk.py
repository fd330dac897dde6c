"""Disks that are full, read-only or emptied while the program runs, and clocks that jump."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests import phantoms
from tests.robustness.programs import Program, bytes_of, differing, run, wait_until
from tests.robustness.rows import Row

HERE = "robustness/test_faults_disk.py"
FULL = Row(
    "Faults",
    "the disk of the output or of the work folder is full",
    "refused, exit 73, names the file and says that no space is left; nothing half written; with space the "
    "same command gives the bytes of an undisturbed run",
    f"{HERE}::test_a_full_disk_is_said_and_survived",
)
READ_ONLY = Row(
    "Faults",
    "the output folder lies on a read-only disk",
    "refused, exit 73, names the folder",
    f"{HERE}::test_a_read_only_disk_is_said",
)
REMOVED = Row(
    "Faults",
    "the output folder is removed while the program runs",
    "refused, exit 73, says what is gone; never exit 0 with files missing; the same command then gives the "
    "bytes of an undisturbed run",
    f"{HERE}::test_an_output_folder_that_is_removed_is_said",
)
CLOCK = Row(
    "Faults",
    "the clock jumps: input, outputs and intermediate files carry times of the past or of the future",
    "works: a run that goes on gives the bytes of an undisturbed run; what is stale is decided by content",
    f"{HERE}::test_file_times_decide_nothing",
)
ROWS = (FULL, READ_ONLY, REMOVED, CLOCK)
MEASURE = ("participant", "--model", "none", "--nprocs", "1")
DAY_S = 86400
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("faults_disk")]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A dataset, and what a run that nobody disturbs makes of it, in ``disk/out`` beside it."""
    place = tmp_path_factory.mktemp("disk")
    phantoms.write_dataset(place / "bids", phantoms.DatasetSpec(subjects=("01",), raters=False))
    ended = run((place / "bids", place / "disk" / "out", *MEASURE), place / "said.txt")
    assert ended.code == 0, ended.said
    return place


@pytest.fixture
def undisturbed(place):
    return bytes_of(place / "disk" / "out")


@pytest.fixture
def bids_dir(place, tmp_path):
    """A copy of the dataset, so that outputs in ``disk/out`` beside it link to the same place."""
    return shutil.copytree(place / "bids", tmp_path / "bids")


@contextmanager
def mounted(folder, size):
    """A disk of so many KiB at ``folder``; where mounting is not allowed, the test is skipped."""
    folder.mkdir()
    options = f"size={size}k"
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"this machine lets nobody mount a small disk: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.long
@needs_root
@pytest.mark.parametrize(
    ("where", "size_kib"),
    [
        ("output", 300),
        *(pytest.param("output", size) for size in (8, 40, 1500, 4000, 5200)),
        *(pytest.param("work", size) for size in (64, 2500)),
    ],
)
def test_a_full_disk_is_said_and_survived(where, size_kib, bids_dir, undisturbed, tmp_path):
    with mounted(tmp_path / ("disk" if where == "output" else "small"), size_kib) as small:
        output_dir = tmp_path / "disk" / "out"
        work = ("-w", small / "work") if where == "work" else ()
        ended = run((bids_dir, output_dir, *MEASURE, *work), tmp_path / "full.txt")
        assert ended.code == 73, ended.said
        assert "No space left on device" in ended.said
        assert str(small) in ended.said
        assert "Traceback" not in ended.said
        assert "Logging error" not in ended.said
        assert not list(output_dir.rglob("*.part"))
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        ended = run((bids_dir, output_dir, *MEASURE, *work), tmp_path / "more.txt")
        assert ended.code == 0, ended.said
        assert differing(bytes_of(output_dir), undisturbed) == []


@needs_root
def test_a_read_only_disk_is_said(phantom_dataset, tmp_path):
    with mounted(tmp_path / "disk", 4000) as small:
        subprocess.run(["mount", "-o", "remount,ro", small], check=True)
        ended = run((phantom_dataset, small / "out", *MEASURE), tmp_path / "said.txt")
    assert ended.code == 73, ended.said
    assert ended.said.count("\n") == 1
    assert f"{small}/out cannot be made (Read-only file system)" in ended.said


@pytest.mark.long
@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("sub-01/anat/*_Chimap.nii.gz", id="maps"),
        pytest.param("work/prepare_wf/sub_01_wf/flair/image.nii", id="preparation"),
        pytest.param("logs/report-sub-01.json", id="report"),
    ],
)
def test_an_output_folder_that_is_removed_is_said(moment, bids_dir, undisturbed, tmp_path):
    output_dir = tmp_path / "disk" / "out"
    words = (bids_dir, output_dir, *MEASURE)
    program = Program(words, tmp_path / "said.txt")
    wait_until(lambda: list(output_dir.glob(moment)))
    wait_until(lambda: shutil.rmtree(output_dir, ignore_errors=True) is None)
    ended = program.wait()
    assert ended.code == 73, ended.said
    assert f"{output_dir}/" in ended.said
    assert any(words in ended.said for words in ("is gone", "was removed", "No such file or directory"))
    assert "Traceback" not in ended.said
    ended = run(words, tmp_path / "again.txt")
    assert ended.code == 0, ended.said
    assert differing(bytes_of(output_dir), undisturbed) == []


@pytest.mark.long
@pytest.mark.parametrize("days", [pytest.param(-20000, id="past"), pytest.param(3650, id="future")])
def test_file_times_decide_nothing(days, bids_dir, undisturbed, tmp_path):
    output_dir = tmp_path / "disk" / "out"
    _shift_times(bids_dir, days)
    words = (bids_dir, output_dir, *MEASURE)
    program = Program(words, tmp_path / "killed.txt")
    wait_until(lambda: list(output_dir.glob("work/prepare_wf/sub_01_wf/register_flair/result_*.pklz")))
    program.kill()
    _shift_times(output_dir, days)
    ended = run(words, tmp_path / "said.txt")
    assert ended.code == 0, ended.said
    assert differing(bytes_of(output_dir), undisturbed) == []


def _shift_times(folder, days):
    for path in folder.rglob("*"):
        status = path.stat()
        moved = max(0, status.st_mtime + days * DAY_S)
        os.utime(path, (moved, moved))
