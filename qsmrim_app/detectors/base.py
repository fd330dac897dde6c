"""What every rim detector can do, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from qsmrim_app.detectors.bundle import Bundle, BundleInfo, write_bundle
from qsmrim_app.errors import FeatureMismatchError, ModelError, UsageError
from qsmrim_app.learning.progress import Progress
from qsmrim_app.learning.scaling import FeatureScaler
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.tables.feature_engines import engines_agree
from qsmrim_app.tables.lesion_samples import LesionSamples

_SPACING_TOLERANCE = 1e-3  # relative


class RimDetector(ABC):
    """A method that gives each lesion a probability of having a rim.

    Parameters
    ----------
    settings
        All that defines the method.
    info
        What the model says of itself. After `fit` the caller sets temperature, operating points and
        description by replacing it.
    """

    one_member: ClassVar[bool] = False  # True: the method is no ensemble, and is trained with one seed

    def __init__(self, settings: DetectorSettings, info: BundleInfo | None = None) -> None:
        self.settings = settings
        self.info = info or BundleInfo(name=settings.method)
        self.scaler: FeatureScaler | None = None

    @abstractmethod
    def fit(
        self,
        samples: LesionSamples,
        seeds: Sequence[int],
        device: str = "cpu",
        progress: Progress | None = None,
        checkpoint_dir: Path | None = None,
    ) -> None:
        """Learn from the lesions whose rim status an expert gave; one member a seed.

        Parameters
        ----------
        samples
            Lesions; those with an unknown rim status are left out and counted in ``info.training``.
        seeds
            Distinct, an odd number of them; exactly one where the method has ``one_member``.
        device
            As from `choose_device`.
        progress
            Called after each epoch.
        checkpoint_dir
            Where unfinished members are kept, to be resumed; None: nowhere.

        Raises
        ------
        UsageError
            If the seeds are not distinct, even in number, or several where one is needed, or a setting is
            out of its range.
        ModelError
            If one of the two classes is missing.
        FeatureMismatchError
            If the samples do not fit the settings.
        """

    def start_from(self, other: RimDetector) -> None:
        """Let `fit` start from another trained model, not from nothing.

        Parameters
        ----------
        other
            Trained on samples of the same kind: voxel size, features, patches.

        Raises
        ------
        ModelError
            If nothing of it fits this method.
        """
        raise ModelError(f"a method '{self.settings.method}' cannot start from another model")

    @abstractmethod
    def expected_seconds(self, samples: LesionSamples, device: str = "cpu") -> float:
        """How long `fit` would take for one seed, from a small part of it done here and now.

        Parameters and errors as in `fit`. The detector stays as it was.
        """

    @abstractmethod
    def predict_logits(
        self, samples: LesionSamples, device: str = "cpu", batch_size: int = 64
    ) -> NDArray[np.float64]:
        """Uncalibrated logits of the members, shape (n, members); arguments as in `predict_members`."""

    @abstractmethod
    def to_bundle(self) -> Bundle:
        """The trained model as a bundle."""

    @classmethod
    @abstractmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """The inverse of `to_bundle`.

        Raises
        ------
        CheckpointError
            If the weights do not fit the settings.
        """

    def predict_members(
        self, samples: LesionSamples, device: str = "cpu", batch_size: int = 64
    ) -> NDArray[np.float64]:
        """Calibrated probability of a rim by each member.

        Parameters
        ----------
        samples
            n lesions; n may be 0.
        device
            As from `choose_device`.
        batch_size
            Lesions at a time; the result does not depend on it beyond rounding.

        Returns
        -------
        ndarray
            Shape (n, members), float64.

        Raises
        ------
        FeatureMismatchError
            If the samples are not of the kind that the model was trained on.
        """
        logits = self.predict_logits(samples, device, batch_size)
        return self.info.calibration.probabilities(logits)

    def training_distance(self, samples: LesionSamples) -> NDArray[np.float64] | None:
        """How far the features of each lesion lie from the training's: `FeatureScaler.distance`, shape (n,).

        None where the model keeps no scaler of its features, or one of other features than the samples have.
        """
        if self.scaler is None or len(self.scaler.mean) != samples.features.shape[1]:
            return None
        return self.scaler.distance(samples.features)

    def check_samples(self, samples: LesionSamples) -> None:
        """Pass silently if the model can look at these samples.

        Raises
        ------
        FeatureMismatchError
            If feature names are others or the lesions were measured otherwise, or the feature engine is
            another one that is not known to agree with that of the training.
        """
        if samples.feature_names != self.info.feature_names:
            difference = _first_difference(samples.feature_names, self.info.feature_names)
            raise FeatureMismatchError(f"model '{self.info.name}': {difference}")
        if not engines_agree(samples.engine, self.info.engine):
            raise FeatureMismatchError(
                f"model '{self.info.name}' was trained on features by {self.info.engine}, these are by "
                f"{samples.engine}; compute them again"
            )
        self.check_measured(samples)

    def check_measured(self, samples: LesionSamples) -> None:
        """Pass silently if the samples were measured as the settings of this method say.

        Raises
        ------
        FeatureMismatchError
            If the voxel size, the margin, the zero of the susceptibility, the bin width of the features or
            the patch shape is another.
        """
        if not np.allclose(samples.spacing_mm, self.settings.spacing_mm, rtol=_SPACING_TOLERANCE):
            raise FeatureMismatchError(
                f"model '{self.info.name}' looks at voxels of {self.settings.spacing_mm} mm, the samples "
                f"have {samples.spacing_mm} mm; make them on the model's grid"
            )
        wanted = (self.settings.patch.margin_mm, self.settings.patch.qsm_zero)
        if (samples.margin_mm, samples.qsm_zero) != wanted:
            raise FeatureMismatchError(
                f"model '{self.info.name}' looks {wanted[0]} mm around a lesion and calls the '{wanted[1]}' "
                f"susceptibility 0, the samples were made with {samples.margin_mm} mm and "
                f"'{samples.qsm_zero}'; run the participant level again"
            )
        if samples.bin_width_ppb != self.settings.radiomics.bin_width_ppb:
            raise FeatureMismatchError(
                f"model '{self.info.name}' expects features in bins of "
                f"{self.settings.radiomics.bin_width_ppb:g} ppb, those of the samples were computed with "
                f"{samples.bin_width_ppb:g} ppb; compute them again"
            )
        if samples.patches.shape[2:] != tuple(self.settings.patch.shape_vox):
            raise FeatureMismatchError(
                f"model '{self.info.name}' looks at patches of {self.settings.patch.shape_vox} voxels, not "
                f"{samples.patches.shape[2:]}"
            )

    def threshold(self, operating_point: str) -> float:
        """The probability from which a lesion counts as rim+.

        Parameters
        ----------
        operating_point
            ``f1``, ``high-sensitivity``, or a number from 0 to 1 as text.

        Raises
        ------
        UsageError
            If it is neither a point of this model nor such a number.
        """
        if operating_point in self.info.operating_points:
            return float(self.info.operating_points[operating_point])
        try:
            value = float(operating_point)
        except ValueError:
            value = float("nan")
        if not 0 <= value <= 1:
            points = ", ".join(sorted(self.info.operating_points)) or "none"
            raise UsageError(
                f"operating point '{operating_point}': model '{self.info.name}' has {points}; "
                "a probability from 0 to 1 is possible too"
            )
        return value

    def save(self, folder: Path) -> None:
        """Write the model bundle.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        CheckpointError
            If the detector has not been fitted.
        """
        write_bundle(folder, self.to_bundle())


def _first_difference(found: tuple[str, ...], expected: tuple[str, ...]) -> str:
    for place, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other:
            return f"feature {place} is '{one}', the model expects '{other}'"
    return f"{len(found)} features were given, the model expects {len(expected)}"
