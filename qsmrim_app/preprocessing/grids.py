"""All images of a session on one grid, each resampled once from where it came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qsmrim_app.lesions.labelling import present_labels
from qsmrim_app.preprocessing.brain_mask import carry_mask
from qsmrim_app.preprocessing.resampling import resample_image, resample_labels
from qsmrim_app.records import FloatArray, SpaceName, Volume

_COARSE = 2.0  # voxels of the QSM are this many times as long as those of the analysis


@dataclass(frozen=True)
class Sources:
    """The images of a session on the grids they came on.

    QSM (ppb) and brain mask (bool) on the grid of the QSM, FLAIR on its own; each label map (int32) with the
    space it lies in. ``flair_to_qsm`` (4, 4) takes world points of the FLAIR to world points of the QSM.
    """

    qsm: Volume
    flair: Volume
    brain_mask: Volume
    labels: dict[str, tuple[Volume, SpaceName]]
    flair_to_qsm: FloatArray


def on_grid(sources: Sources, grid: Volume) -> dict[str, Volume]:
    """Every image of a session on ``grid``: ``qsm``, ``flair``, ``brain_mask`` and the label maps by name.

    What lies on the grid already is not touched. Images are resampled linearly, labels by majority
    (`images`), both straight from their source.

    Parameters
    ----------
    sources
        The images.
    grid
        In the world of the QSM; only shape and affine count.
    """
    qsm_to_flair = np.linalg.inv(sources.flair_to_qsm)
    placed = {
        "qsm": resample_image(sources.qsm, grid),
        "flair": resample_image(sources.flair, grid, qsm_to_flair),
        "brain_mask": carry_mask(sources.brain_mask, grid),
    }
    assert not placed.keys() & sources.labels.keys(), "a label map has the name of an image"
    for name, (labels, space) in sources.labels.items():
        placed[name] = resample_labels(labels, grid, qsm_to_flair if space == "FLAIR" else None)
    return placed


def vanished(source: Volume, placed: Volume) -> list[int]:
    """Labels of the source that fill no voxel of the grid it was placed on."""
    return sorted(set(present_labels(source)) - set(present_labels(placed)))


def coarseness(native: Volume, analysis: Volume) -> tuple[str, ...]:
    """What is to be said of a QSM whose voxels are twice those of the analysis along an axis, or longer.

    A scan of thick sagittal slices has such voxels: the model looks at thick axial ones.
    """
    if all(
        edge < _COARSE * wanted for edge, wanted in zip(native.spacing_mm, analysis.spacing_mm, strict=True)
    ):
        return ()
    found, wanted = (" x ".join(f"{edge:.3g}" for edge in grid.spacing_mm) for grid in (native, analysis))
    return (
        f"the QSM has voxels of {found} mm (left-right, back-front, down-up) and is looked at in voxels of "
        f"{wanted} mm; a rim thinner than its own voxels is lost in it, so rim+ lesions may be missed",
    )
