"""The reference engine: pyradiomics on the exact crop of each lesion, one after the other.

Its feature classes are called directly, past its extractor, whose checks and whole-image filters take most
of the time. They see arrays in the order k, j, i, as SimpleITK gives them.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import radiomics
import SimpleITK as sitk
from numpy.typing import NDArray
from radiomics.firstorder import RadiomicsFirstOrder
from radiomics.glcm import RadiomicsGLCM
from radiomics.glrlm import RadiomicsGLRLM
from radiomics.shape import RadiomicsShape

from qsmrim_app.errors import LesionError
from qsmrim_app.radiomic_features.bands import lesion_bands
from qsmrim_app.radiomic_features.crop import crop_lesion
from qsmrim_app.radiomic_features.parameters import (
    MAX_GREY_LEVELS,
    RadiomicsParameters,
    feature_names,
    radiomics_parameters,
)
from qsmrim_app.radiomic_features.vectorised.voxels import LesionVoxels
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsSettings, Vector3

_TEXTURE_CLASSES = {"firstorder": RadiomicsFirstOrder, "glrlm": RadiomicsGLRLM, "glcm": RadiomicsGLCM}
_LOG = logging.getLogger(__name__)
_FOREIGN_ERRORS = (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError)


def engine_name() -> str:
    """Which program computes the features, ``pyradiomics-3.0.1``."""
    return f"pyradiomics-{str(radiomics.__version__).removeprefix('v')}"


def measure_lesions(
    qsm: Volume, voxels: LesionVoxels, settings: RadiomicsSettings
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """All features of L lesions, one lesion after the other; as in `vectorised.engine.measure_lesions`."""
    engine = Engine(radiomics_parameters(), settings.bin_width_ppb, qsm.spacing_mm)
    names = feature_names()
    values = np.full((len(voxels.n), len(names)), np.nan)
    failures = np.full(len(values), "", dtype="U20")
    for row in range(len(values)):
        crop = crop_lesion(qsm, voxels, row)
        if not np.isfinite(crop.image).all():
            failures[row] = "no_qsm"
            continue
        bands = lesion_bands(crop, settings.wavelet)
        if max(float(np.ptp(band[crop.mask])) for band in bands.values()) > (
            MAX_GREY_LEVELS * settings.bin_width_ppb
        ):
            failures[row] = "implausible_qsm"
            continue
        try:
            measured = engine.measure(bands, crop.mask)
        except LesionError as error:
            _LOG.warning("%s", error)
            failures[row] = "radiomics_failed"
        else:
            values[row] = [measured[name] for name in names]
    return values, failures


@dataclass(frozen=True)
class Engine:
    """pyradiomics, set up for lesions of one image.

    Parameters
    ----------
    parameters
        Which features, and the fixed settings.
    bin_width
        Width of a grey level in the unit of the image.
    spacing_mm
        Voxel size along i, j, k.
    """

    parameters: RadiomicsParameters
    bin_width: float
    spacing_mm: Vector3

    def measure(self, bands: Mapping[str, NDArray[np.float32]], mask: NDArray[np.bool_]) -> dict[str, float]:
        """Shape of the mask, and first-order and texture features of every band, by full name.

        Parameters
        ----------
        bands
            Name -> image, shape (i, j, k).
        mask
            The lesion, shape (i, j, k); extends along two axes at least.

        Returns
        -------
        dict
            ``<band>_<class>_<feature>`` -> value; NaN where pyradiomics finds none.

        Raises
        ------
        LesionError
            If pyradiomics cannot treat the mask or an image at all.
        """
        itk_mask = self._to_itk(mask.astype(np.uint8))
        values: dict[str, float] = {}
        try:
            with _quiet():
                values.update(self._class_values("original", "shape", RadiomicsShape, itk_mask, itk_mask))
                for band, image in bands.items():
                    itk_image = self._to_itk(image)
                    for name, kind in _TEXTURE_CLASSES.items():
                        values.update(self._class_values(band, name, kind, itk_image, itk_mask))
        except _FOREIGN_ERRORS as error:
            raise LesionError(f"pyradiomics failed on a lesion of {mask.sum()} voxels: {error}") from error
        return values

    def _class_values(
        self, band: str, class_name: str, feature_class: Any, image: sitk.Image, mask: sitk.Image
    ) -> dict[str, float]:
        wanted = feature_class(image, mask, binWidth=self.bin_width, **self.parameters.fixed)
        for feature in self.parameters.features[class_name]:
            wanted.enableFeatureByName(feature)
        return {
            f"{band}_{class_name}_{feature}": _number(value) for feature, value in wanted.execute().items()
        }

    def _to_itk(self, data: NDArray[Any]) -> sitk.Image:
        # SimpleITK takes arrays as k, j, i, but counts size and spacing as i, j, k.
        image = sitk.GetImageFromArray(data.transpose(2, 1, 0))
        image.SetSpacing(self.spacing_mm)
        return image


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither pyradiomics' log nor numpy's warnings: what failed is seen from the NaN that it leaves."""
    logger = logging.getLogger("radiomics")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _number(value: Any) -> float:
    """A feature as a finite float or NaN; pyradiomics gives arrays without axes, some of them complex."""
    number = float(np.real(np.asarray(value)).item())
    return number if np.isfinite(number) else float("nan")
