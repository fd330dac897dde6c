"""The feature scaler of a detector in its bundle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qsmrim_app.detectors.bundle import Bundle
from qsmrim_app.errors import CheckpointError, FeatureMismatchError
from qsmrim_app.learning.scaling import FeatureScaler

_ARRAYS = ("mean", "sd", "median")


def scaler_to_plain(scaler: FeatureScaler) -> Mapping[str, tuple[float, ...]]:
    """One value a feature, by name, as a bundle keeps it."""
    return {name: tuple(getattr(scaler, name).tolist()) for name in _ARRAYS}


def scaler_from_bundle(bundle: Bundle) -> FeatureScaler:
    """The inverse of `scaler_to_plain`; it clips as the settings say.

    Raises
    ------
    CheckpointError
        If it is damaged.
    """
    try:
        arrays = {name: np.array(bundle.scaler[name], dtype=np.float64) for name in _ARRAYS}
        return FeatureScaler(**arrays, clip=bundle.settings.training.feature_clip)
    except (KeyError, FeatureMismatchError) as error:
        raise CheckpointError(
            f"model '{bundle.info.name}': its feature scaler is damaged ({error})"
        ) from error
