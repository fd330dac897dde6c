"""The nouns of one subject: frozen, and checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.errors import GridMismatchError, InputError

FloatArray = NDArray[np.floating[Any]]
LesionKind = Literal["instances", "mask"]
SpaceName = Literal["FLAIR", "QSM"]


@dataclass(frozen=True, order=True)
class SessionKey:
    """Names one imaging session: labels without ``sub-`` and ``ses-``; ``session`` may be empty."""

    subject: str
    session: str = ""

    def __str__(self) -> str:
        return self.prefix

    @property
    def prefix(self) -> str:
        """The start of every file name of the session, ``sub-01_ses-02``."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """The folder of the session relative to the dataset, ``sub-01/ses-02``."""
        folder = Path(f"sub-{self.subject}")
        return folder / f"ses-{self.session}" if self.session else folder


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3-D image on a voxel grid.

    Parameters
    ----------
    data
        Shape (i, j, k). Images are float32, label maps int32, masks bool.
    affine
        Shape (4, 4): voxel index to world millimetres, RAS+. Need not be axis-aligned.
    """

    data: NDArray[Any]
    affine: FloatArray

    def __post_init__(self) -> None:
        if self.data.ndim != 3:
            raise InputError(f"a volume has 3 dimensions, this one has shape {self.data.shape}")
        affine = np.asarray(self.affine, dtype=np.float64)
        if (
            affine.shape != (4, 4)
            or not np.isfinite(affine).all()
            or abs(np.linalg.det(affine[:3, :3])) < 1e-9
        ):
            raise InputError("an affine is a finite, invertible (4, 4) matrix")
        object.__setattr__(self, "affine", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along i, j, k."""
        i, j, k = self.data.shape
        return i, j, k

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along i, j, k in millimetres."""
        x, y, z = np.sqrt((self.affine[:3, :3] ** 2).sum(axis=0))
        return float(x), float(y), float(z)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel in cubic millimetres."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    def with_data(self, data: NDArray[Any]) -> Volume:
        """Another image on the same grid."""
        if data.shape != self.data.shape:
            raise GridMismatchError(f"data of shape {data.shape} does not fit a grid of {self.data.shape}")
        return Volume(data, self.affine)


@dataclass(frozen=True)
class SubjectInputs:
    """The files of one session, as found in the dataset. Nothing has been read yet.

    ``lesions_space`` is where the file name says that the lesion map lies; preprocessing checks it against
    the grids. ``rim_labels`` and ``rim_table`` are the expert's instance map and its ``_dseg.tsv``, for
    training and comparison; ``rim_map`` is one with 1 rim-, 2 rim+ (``desc-rim_dseg``), or with rim+
    lesions alone (``label-rim``, ``label-PRL``) instead.
    """

    key: SessionKey
    qsm: Path
    flair: Path
    lesions: Path
    lesions_kind: LesionKind
    lesions_space: SpaceName
    magnitude: Path | None = None
    brain_mask: Path | None = None
    lesions_table: Path | None = None
    rim_labels: Path | None = None
    rim_table: Path | None = None
    rim_map: Path | None = None
    rim_space: SpaceName | None = None  # of the raters' files, by their names
    qsm_units: str | None = None
    datasets: Mapping[str, str] = field(default_factory=dict)  # role -> BIDS URI of the file, for provenance
    notes: tuple[str, ...] = ()  # what a user should know of how these files were chosen


@dataclass(frozen=True)
class RegistrationResult:
    """How FLAIR was brought onto the QSM grid.

    ``flair_to_qsm`` maps world points of the FLAIR to world points of the QSM, RAS millimetres, shape (4, 4).
    ``similarity`` is the mutual information (nats, higher is better) and ``overlap`` the Dice coefficient of
    the two heads, each before (headers alone) and after. ``similarity_drop`` says how much similarity is lost
    at least when the FLAIR is moved away from where it was put: negative where it fits better elsewhere.
    """

    flair_to_qsm: FloatArray
    kind: str  # rigid, affine or header
    backend: str
    similarity_before: float
    similarity_after: float
    overlap_before: float
    overlap_after: float
    fell_back: bool = False
    similarity_drop: float | None = None

    @property
    def share_lost(self) -> float | None:
        """``similarity_drop`` as a share of the similarity where the FLAIR was put; None if not looked at."""
        similarity = self.similarity_before if self.kind == "header" else self.similarity_after
        if self.similarity_drop is None or similarity <= 0:
            return None
        return self.similarity_drop / similarity


@dataclass(frozen=True)
class Finding:
    """One thing that was measured of the input, and whether it is as it should be.

    ``meaning`` says what is right; ``passed`` is None where nothing can be said; ``warning`` is the sentence
    for the user where it is not passed, else empty.
    """

    measure: str
    value: str
    meaning: str = ""
    passed: bool | None = None
    warning: str = ""


@dataclass(frozen=True)
class PreparedSubject:
    """Files that preprocessing leaves for one session, in the work folder, all in RAS+ axis order.

    The ``native_*`` images lie on the QSM's own grid, the ``analysis_*`` images on the grid of the model;
    where the two grids are one, both names point to the same file. QSM in ppb, FLAIR bias-corrected in its
    own units. The label maps hold int32 instances; ``source_labels`` are all labels of the lesion map as it
    came, so that none is lost unseen.
    """

    key: SessionKey
    native_qsm: Path
    native_flair: Path
    native_lesions: Path
    native_brain_mask: Path
    native_rim_labels: Path | None
    analysis_qsm: Path
    analysis_flair: Path
    analysis_lesions: Path
    analysis_brain_mask: Path
    source_labels: tuple[int, ...]
    registration: RegistrationResult
    qsm_units_found: str  # "ppm" or "ppb": what the file holds
    warnings: tuple[str, ...] = ()
    native_rim_map: Path | None = None  # the expert's rim map, where there is one
    findings: tuple[Finding, ...] = ()  # whether the input can be what it is said to be


@dataclass(frozen=True, eq=False)
class Case:
    """The images of one session on one grid, in memory.

    QSM in ppb (float32), FLAIR as a robust z-score inside the brain (float32), lesions int32, brain mask
    bool.
    """

    key: SessionKey
    qsm: Volume
    flair: Volume
    lesions: Volume
    brain_mask: Volume

    def __post_init__(self) -> None:
        for name in ("flair", "lesions", "brain_mask"):
            other: Volume = getattr(self, name)
            if other.shape != self.qsm.shape or not np.allclose(other.affine, self.qsm.affine, atol=1e-3):
                raise GridMismatchError(f"{self.key.prefix}: {name} does not lie on the grid of the QSM")
        if self.lesions.data.dtype != np.int32:
            raise InputError(
                f"{self.key.prefix}: lesion labels are int32 in memory, not {self.lesions.data.dtype}"
            )


@dataclass(frozen=True)
class Lesion:
    """One labelled lesion on a grid.

    ``box`` holds the half-open voxel ranges (start, stop) along i, j, k; ``center_vox`` is the centre of
    mass in voxel indices, ``center_mm`` the same point in world millimetres (RAS).
    """

    index: int
    n_voxels: int
    volume_mm3: float
    center_vox: tuple[float, float, float]
    center_mm: tuple[float, float, float]
    box: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """``box`` as an index."""
        (i0, i1), (j0, j1), (k0, k1) = self.box
        return slice(i0, i1), slice(j0, j1), slice(k0, k1)
