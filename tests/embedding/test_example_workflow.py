"""The example runs as its text says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_example_workflow_counts_the_lesions(phantom_dataset, tmp_path):
    derivatives = phantom_dataset / "derivatives"
    files = [
        derivatives / "qsm" / "sub-01" / "anat" / "sub-01_Chimap.nii.gz",
        phantom_dataset / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz",
        derivatives / "lesions" / "sub-01" / "anat" / "sub-01_space-FLAIR_label-lesion_mask.nii.gz",
    ]
    command = [sys.executable, REPOSITORY / "examples" / "nipype_workflow.py", *files, tmp_path]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.search(r"^(\d+) lesions, (\d+) with a rim$", done.stdout, flags=re.MULTILINE)
    assert counts, done.stdout
    assert int(counts[1]) == 4  # two of the five touch: one component of the mask
    assert 0 <= int(counts[2]) <= 4
