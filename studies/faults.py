"""A participant's images, right and wrong in the ways that the checks of plausibility should notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qsmrim_app.images import load_image, load_labels
from qsmrim_app.preprocessing.brain_mask import mask_from_support
from qsmrim_app.preprocessing.resampling import resample_image, resample_labels
from qsmrim_app.records import FloatArray, Volume
from studies.cohort_files import Participant, read_lesions, read_qsm


@dataclass(frozen=True, eq=False)
class Images:
    """What the checks look at: QSM (ppb), magnitude, brain and lesions on one grid, the FLAIR on its own.

    ``t1w`` lies in the space of the FLAIR; None where there is none. ``flair_lesions`` are outlines drawn on
    the FLAIR, on its grid.
    """

    qsm: Volume
    magnitude: Volume
    brain: Volume
    lesions: Volume
    flair: Volume
    flair_lesions: Volume | None
    t1w: Volume | None


def read_images(person: Participant) -> Images:
    """The images of a participant; without a magnitude the file beside the FLAIR is taken."""
    qsm = read_qsm(person)
    magnitude = person.magnitude or person.flair.with_name(f"{person.label}_part-mag_T2starw.nii.gz")
    t1w = person.flair.with_name(f"{person.label}_T1w.nii.gz")
    return Images(
        qsm,
        load_image(magnitude).volume,
        mask_from_support(qsm),
        read_lesions(person),
        load_image(person.flair).volume,
        load_labels(person.flair_lesions).volume if person.flair_lesions else None,
        load_image(t1w).volume if t1w.exists() else None,
    )


def moved(image: Volume, shift_mm: tuple[float, float, float]) -> Volume:
    """The same image, said to lie elsewhere."""
    affine = image.affine.copy()
    affine[:3, 3] += shift_mm
    return Volume(image.data, affine)


def qsm_faults(images: Images) -> Iterator[tuple[str, Volume]]:
    """The QSM as it is, of the wrong sign, and the field that it makes."""
    yield "as it is", images.qsm
    yield "QSM of the wrong sign", images.qsm.with_data(-images.qsm.data)
    yield "field map as QSM", _field(images.qsm, images.brain)


def placement_faults(images: Images, other: Images | None) -> Iterator[tuple[str, Volume]]:
    """The QSM on the grid of the magnitude as it is; mirrored and shifted in its array; somebody else's."""
    yield "as it is", images.qsm
    for axis in range(3):
        yield "QSM mirrored along an axis", images.qsm.with_data(np.flip(images.qsm.data, axis))
    yield "QSM 10 voxels off", images.qsm.with_data(np.roll(images.qsm.data, 10, axis=0))
    if other is not None:
        yield "QSM of another participant", resample_image(_centred(other.qsm, images.qsm), images.qsm)


def flairs_to_register(images: Images, other: Images | None) -> Iterator[tuple[str, Volume]]:
    """The FLAIR on its own grid: said to lie elsewhere, mirrored, and somebody else's."""
    yield "FLAIR 20 mm off, registered", moved(images.flair, (0.0, 20.0, 0.0))
    yield "FLAIR left to right, registered", images.flair.with_data(images.flair.data[::-1])
    if other is not None:
        yield "FLAIR of another participant, registered", _centred(other.flair, images.flair)


def flair_faults(images: Images, flair: Volume, qsm_to_flair: FloatArray) -> Iterator[tuple[str, Volume]]:
    """The FLAIR on the grid of the QSM as it is; a T1w and the magnitude in its place; 20 mm off."""
    yield "as it is", flair
    if images.t1w is not None:
        yield "T1w as FLAIR (real)", resample_image(images.t1w, images.qsm, qsm_to_flair)
    yield "T1w as FLAIR (FLAIR turned over at its median)", _turned_over(flair, images.brain)
    yield "magnitude as FLAIR", images.magnitude
    shifted = moved(images.flair, (0.0, 20.0, 0.0))
    yield "FLAIR 20 mm forward, lesions on the QSM", resample_image(shifted, images.qsm, qsm_to_flair)


def lesion_faults(
    images: Images, other: Volume | None, qsm_to_flair: FloatArray
) -> Iterator[tuple[str, Volume]]:
    """Outlines drawn on FLAIR, which are right; outlines in wrong places, all on the grid of the QSM."""
    if images.flair_lesions is not None:
        yield "plain FLAIR masks", resample_labels(images.flair_lesions, images.qsm, qsm_to_flair)
    for name, shift in (("right", (20.0, 0.0, 0.0)), ("up", (0.0, 0.0, 20.0))):
        yield f"lesion map 20 mm {name}", _on(moved(images.lesions, shift), images)
    mirrored = images.lesions.with_data(images.lesions.data[::-1])
    yield "lesion map left to right", _on(mirrored, images)
    if other is not None:
        yield "lesion map of another participant", _on(_centred(other, images.lesions), images)


def _on(lesions: Volume, images: Images) -> Volume:
    """On the grid of the QSM; what falls outside of the brain is cut off, so that no other check sees it."""
    placed = resample_labels(lesions, images.qsm)
    return placed.with_data(placed.data * images.brain.data)


def _centred(other: Volume, grid: Volume) -> Volume:
    """Somebody else's image with the middle of its grid in the middle of this one."""
    middle = [
        volume.affine[:3, :3] @ ((np.array(volume.shape) - 1) / 2) + volume.affine[:3, 3]
        for volume in (grid, other)
    ]
    x, y, z = middle[0] - middle[1]
    return moved(other, (float(x), float(y), float(z)))


def _turned_over(flair: Volume, brain: Volume) -> Volume:
    """What is brighter than the median becomes as dark: lesions and grey matter dark, as on a T1w image."""
    median = np.median(flair.data[brain.data])
    return flair.with_data(np.where(flair.data > median, 2 * median - flair.data, flair.data))


def _field(qsm: Volume, brain: Volume) -> Volume:
    """The field of a map in ppb, by the dipole kernel 1/3 - kz^2/k^2, z along the slices."""
    inside = np.where(brain.data, qsm.data - np.median(qsm.data[brain.data]), 0)
    axes = [np.fft.fftfreq(n, size) for n, size in zip(qsm.shape, qsm.spacing_mm, strict=True)]
    kx, ky, kz = np.meshgrid(*axes, indexing="ij", sparse=True)
    square = kx**2 + ky**2 + kz**2
    kernel = 1 / 3 - kz**2 / np.where(square == 0, 1, square)
    kernel[0, 0, 0] = 0
    field = np.fft.ifftn(np.fft.fftn(inside) * kernel).real
    return qsm.with_data((field * brain.data).astype(np.float32))
