"""A session as preprocessing leaves it, made from a phantom case without running preprocessing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qsmrim_app.images import save_volume
from qsmrim_app.records import Case, PreparedSubject, RegistrationResult, Volume


def prepare_phantom(case: Case, folder: Path, rim_labels: Volume | None = None) -> PreparedSubject:
    """Write the images of a case and name them, one grid for native and analysis."""
    paths = {name: folder / f"{name}.nii" for name in ("qsm", "flair", "lesions", "brain_mask", "rim")}
    for name in ("qsm", "flair", "lesions", "brain_mask"):
        save_volume(getattr(case, name), paths[name])
    if rim_labels is not None:
        save_volume(rim_labels, paths["rim"])
    return PreparedSubject(
        key=case.key,
        native_qsm=paths["qsm"],
        native_flair=paths["flair"],
        native_lesions=paths["lesions"],
        native_brain_mask=paths["brain_mask"],
        native_rim_labels=None if rim_labels is None else paths["rim"],
        analysis_qsm=paths["qsm"],
        analysis_flair=paths["flair"],
        analysis_lesions=paths["lesions"],
        analysis_brain_mask=paths["brain_mask"],
        source_labels=tuple(int(label) for label in np.unique(case.lesions.data) if label),
        registration=RegistrationResult(np.eye(4), "rigid", "sitk", 0.2, 0.4, 0.8, 0.9),
        qsm_units_found="ppm",
    )
