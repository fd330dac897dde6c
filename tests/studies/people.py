"""A participant of a cohort by hand: three lesions, the first with a rim, in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qsmrim_app.images import save_volume
from qsmrim_app.records import Volume
from studies.cohort_files import Participant

AFFINE = np.diag([0.75, 0.75, 3.0, 1.0])
RIM, PLAIN, LONELY = 2, 5, 9  # labels; the plain FLAIR masks do not know the last
RATINGS = """index	name	rim	rim_rater1	rim_rater2	rim_truth
5	b	0	0	1	0
9	c	n/a	n/a	n/a	0
2	a	1	1	1	1
"""


def write_person(folder: Path) -> Participant:
    """Write the files; FLAIR and QSM share a grid and lie on one another."""
    labels = np.zeros((60, 40, 5), dtype=np.int32)
    qsm = np.full(labels.shape, -20.0, dtype=np.float32)
    for label, (i, j) in {RIM: (15, 15), PLAIN: (35, 15), LONELY: (50, 30)}.items():
        labels[i - 4 : i + 5, j - 4 : j + 5, 1:4] = label
        qsm[i - 4 : i + 5, j - 4 : j + 5, 1:4] = 10.0
    qsm[11:20, 11:20, 1:4] = 60.0
    qsm[12:19, 12:19, 1:4] = 10.0
    masks = np.select([labels == RIM, labels == PLAIN], [1, 2], 0).astype(np.int32)  # numbered otherwise
    (folder / "motion.txt").write_text("\n".join(" ".join(map(str, row)) for row in np.eye(4)))
    (folder / "ratings.tsv").write_text(RATINGS)
    images = {"qsm": qsm / 1000, "flair": np.abs(qsm), "lesions": labels, "masks": masks}
    for name, data in images.items():
        save_volume(Volume(data, AFFINE), folder / f"{name}.nii.gz")
    return Participant(
        label="sub-sim001",
        qsm=folder / "qsm.nii.gz",
        flair=folder / "flair.nii.gz",
        lesions=folder / "lesions.nii.gz",
        ratings=folder / "ratings.tsv",
        inversion="by hand",
        flair_lesions=folder / "masks.nii.gz",
        motion=folder / "motion.txt",
    )
