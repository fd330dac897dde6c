"""The 527 features by other programs, lesion after lesion."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch

from benchmarks.lesion_maps import LesionMap
from qsmrim_app.radiomic_features.bands import lesion_bands
from qsmrim_app.radiomic_features.crop import crop_lesion
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.radiomic_features.vectorised.voxels import lesion_voxels
from qsmrim_app.records import Lesion
from qsmrim_app.settings import RadiomicsSettings
from tests.radiomic_features.oracle import whole_volume_features

_CLASSES = ("firstorder", "glcm", "glrlm")


def pyradiomics_on_crop(source: LesionMap, lesions: Sequence[Lesion]) -> None:
    """Pyradiomics' feature classes on the exact crop, the reference engine of qsmrim."""
    extract_features(source.qsm, source.labels, lesions, RadiomicsSettings(engine="pyradiomics"))


def pyradiomics_on_map(source: LesionMap, lesions: Sequence[Lesion]) -> None:
    """Pyradiomics' extractor on the whole map, as its manual shows it."""
    for lesion in lesions:
        whole_volume_features(source.qsm, source.labels, lesion.index)


def fastrad_on_crop(source: LesionMap, lesions: Sequence[Lesion]) -> None:
    """Fastrad on the exact crop. It has no wavelet, so it is given the nine bands of qsmrim."""
    from fastrad import FeatureExtractor, FeatureSettings, Mask, MedicalImage

    spacing = source.qsm.spacing_mm[::-1]  # k, j, i, as its axes
    voxels = lesion_voxels(source.labels, lesions)
    texture = FeatureExtractor(FeatureSettings(feature_classes=list(_CLASSES), bin_width=25.0, device="cpu"))
    shape = FeatureExtractor(FeatureSettings(feature_classes=["shape"], device="cpu"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # voxels that are not cubes, one warning a call
        for row in range(len(lesions)):
            crop = crop_lesion(source.qsm, voxels, row)
            mask = Mask(torch.from_numpy(crop.mask.transpose(2, 1, 0).copy()), spacing)
            shape.extract(MedicalImage(mask.tensor, spacing), mask)
            for band in lesion_bands(crop, "coif1").values():
                image = torch.from_numpy(band.transpose(2, 1, 0).copy())
                texture.extract(MedicalImage(image, spacing), mask)
