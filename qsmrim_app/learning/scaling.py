"""Bring features and patches to the range that a network learns well from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qsmrim_app.errors import FeatureMismatchError
from qsmrim_app.settings import PatchSettings

FloatRows = NDArray[np.float64]
_CONSTANT = 1e-10  # a spread below this share of the mean is rounding error


@dataclass(frozen=True, eq=False)
class FeatureScaler:
    """Standardises features by the training rows; undefined values take the training median.

    Parameters
    ----------
    mean, sd, median
        Of each feature over the training rows that define it, shape (f,), float64. ``sd`` is 0 for a
        feature that is constant or nowhere defined; such a feature becomes 0, as it told the network nothing.
    clip
        Standardised values are clipped to +- this.
    """

    mean: FloatRows
    sd: FloatRows
    median: FloatRows
    clip: float

    def __post_init__(self) -> None:
        for values in (self.mean, self.sd, self.median):
            if values.ndim != 1 or len(values) != len(self.mean) or not np.isfinite(values).all():
                raise FeatureMismatchError("a feature scaler needs one finite mean, SD and median a feature")

    def transform(self, features: FloatRows) -> NDArray[np.float32]:
        """Standardised features, shape (n, f), float32, finite.

        Raises
        ------
        FeatureMismatchError
            If the number of features is another one.
        """
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise FeatureMismatchError(
                f"the model takes {len(self.mean)} features a lesion, not {features.shape}"
            )
        filled = np.where(np.isfinite(features), features, self.median)
        scale = np.divide(1.0, self.sd, out=np.zeros_like(self.sd), where=self.sd > 0)
        scaled = np.clip((filled - self.mean) * scale, -self.clip, self.clip)
        return np.asarray(scaled, dtype=np.float32)

    def distance(self, features: FloatRows) -> FloatRows:
        """How far each row lies from the training rows, shape (n,): 0 at their mean, higher is further.

        The root mean square of the standardised features as the model sees them. Over the training rows its
        own root mean square is 1 (lower where values were clipped), whatever the features and their number
        are; so, by Markov's inequality, at most one training row in t^2 lies beyond t.

        Raises
        ------
        FeatureMismatchError
            If the number of features is another one.
        """
        squares = np.square(self.transform(features), dtype=np.float64)
        varied = max(1, int((self.sd > 0).sum()))
        return np.asarray(np.sqrt(squares.sum(axis=1) / varied), dtype=np.float64)


def fit_feature_scaler(features: FloatRows, clip: float) -> FeatureScaler:
    """The scaler of the given training rows, shape (n, f); NaN and infinite values count as undefined."""
    defined = np.isfinite(features)
    n_defined = defined.sum(axis=0)
    values = np.where(defined, features, 0.0)
    mean = values.sum(axis=0) / np.maximum(n_defined, 1)
    squares = np.where(defined, values - mean, 0.0) ** 2
    sd = np.sqrt(squares.sum(axis=0) / np.maximum(n_defined, 1))
    median = [
        np.median(column[known]) if known.any() else 0.0
        for column, known in zip(features.T, defined.T, strict=True)
    ]
    return FeatureScaler(
        mean=mean,
        sd=np.where(sd > _CONSTANT * np.abs(mean), sd, 0.0),
        median=np.array(median, dtype=np.float64),
        clip=clip,
    )


def count_undefined(features: FloatRows) -> NDArray[np.int64]:
    """How many features of each row are undefined and take the training median, shape (n,)."""
    return np.asarray((~np.isfinite(features)).sum(axis=1), dtype=np.int64)


def scale_patches(patches: Tensor, settings: PatchSettings) -> Tensor:
    """Patches as the network sees them: QSM over ``qsm_scale_ppb`` and clipped, the FLAIR z-score untouched.

    Shape (n, 2, i, j, k) in and out. 0 stays 0, so the background is neutral.
    """
    qsm = (patches[:, :1] / settings.qsm_scale_ppb).clamp(-settings.qsm_clip, settings.qsm_clip)
    return torch.cat([qsm, patches[:, 1:]], dim=1)
