"""The phantom head as the files of a session, stored in any axis order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from qsmrim_app.images import save_volume, to_ppm
from qsmrim_app.records import FloatArray, SessionKey, SubjectInputs, Volume
from tests import phantoms


def flipped(volume: Volume, axis: int) -> Volume:
    """The same image in the same place, stored from the other end of an axis."""
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (volume.shape[axis] - 1)
    affine[:3, axis] *= -1
    return Volume(np.flip(volume.data, axis), affine)


@contextmanager
def itk_threads(n: int) -> Iterator[None]:
    """A process in which ITK takes ``n`` threads by default, as on a machine with ``n`` processors."""
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(n)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def write_session(
    folder: Path, subject: str = "01", lesions_space: str = "FLAIR", flip: bool = False, mask: bool = False
) -> SubjectInputs:
    """A session with a known motion between FLAIR and QSM (`phantoms.FLAIR_TO_QSM_MM`)."""
    folder.mkdir(parents=True, exist_ok=True)
    on_qsm = phantoms.draw_head(phantoms.qsm_grid(oblique=True), seed=1)
    on_flair = phantoms.draw_head(phantoms.flair_grid(), grid_to_qsm_mm=phantoms.FLAIR_TO_QSM_MM, seed=2)
    labels = (on_flair if lesions_space == "FLAIR" else on_qsm).labels
    images = {
        "Chimap": to_ppm(on_qsm.qsm),
        "FLAIR": on_flair.flair,
        "T2starw": on_qsm.magnitude,
        "lesions": labels.with_data(labels.data > 0) if mask else labels,
    }
    for name, image in images.items():
        save_volume(flipped(image, 0) if flip else image, folder / f"sub-{subject}_{name}.nii")
    return SubjectInputs(
        key=SessionKey(subject),
        qsm=folder / f"sub-{subject}_Chimap.nii",
        flair=folder / f"sub-{subject}_FLAIR.nii",
        lesions=folder / f"sub-{subject}_lesions.nii",
        lesions_kind="mask" if mask else "instances",
        lesions_space="FLAIR" if lesions_space == "FLAIR" else "QSM",
        magnitude=folder / f"sub-{subject}_T2starw.nii",
        qsm_units="ppm",
    )


def with_rim_labels(inputs: SubjectInputs) -> SubjectInputs:
    """The session with its own lesion map as the expert's."""
    return replace(inputs, rim_labels=inputs.lesions)


def error_mm(found: FloatArray, truth: FloatArray, labels: Volume) -> float:
    """Mean distance over the lesion voxels between where two motions put them."""
    voxels = np.argwhere(labels.data > 0)
    world = np.c_[voxels, np.ones(len(voxels))] @ labels.affine.T
    return float(np.linalg.norm((world @ (found - truth).T)[:, :3], axis=1).mean())
