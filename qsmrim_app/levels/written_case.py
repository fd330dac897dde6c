"""The images and lesions of a session, read back from what the participant level wrote."""

from __future__ import annotations

from pathlib import Path

from qsmrim_app.bids_io.names import SessionRole, session_path
from qsmrim_app.images import load_image, load_labels, robust_z_score, to_ppb
from qsmrim_app.preprocessing.brain_mask import is_masked, mask_from_intensity, mask_from_support
from qsmrim_app.records import Case, SessionKey


def written_case(output_dir: Path, key: SessionKey) -> Case:
    """The session on the QSM's own grid, QSM in ppb, FLAIR as z-score inside the brain.

    Raises
    ------
    QsmrimError
        If an image is not there or cannot be read.
    """
    qsm = to_ppb(load_image(_path(output_dir, key, "qsm")).volume, "ppm")
    flair = load_image(_path(output_dir, key, "flair")).volume
    brain = mask_from_support(qsm) if is_masked(qsm) else mask_from_intensity(flair)
    flair = robust_z_score(flair, brain)
    return Case(key, qsm, flair, load_labels(_path(output_dir, key, "lesions")).volume, brain)


def has_images(output_dir: Path, key: SessionKey) -> bool:
    """Whether all that `written_case` reads is there."""
    return all(_path(output_dir, key, role).is_file() for role in ("qsm", "flair", "lesions"))


def _path(output_dir: Path, key: SessionKey, role: SessionRole) -> Path:
    return output_dir / session_path(key, role, ".nii.gz")
