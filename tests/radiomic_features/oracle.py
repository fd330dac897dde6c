"""pyradiomics as its authors mean it to be used: the extractor, on the whole volume."""

from __future__ import annotations

import json
import warnings
from importlib.resources import files

import numpy as np
import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

from qsmrim_app.radiomic_features.features import FeatureRows
from qsmrim_app.records import Volume


def whole_volume_features(image: Volume, labels: Volume, label: int, **settings: object) -> dict[str, float]:
    """All features that our parameter file asks of pyradiomics, by name."""
    parameters = json.loads((files("qsmrim_app") / "data" / "radiomics.json").read_text())
    parameters["setting"] |= {"additionalInfo": False} | settings
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pykwalify loads its schema the old way; tiny masks divide by zero
        extractor = RadiomicsFeatureExtractor(parameters)
        values = extractor.execute(to_itk(image), to_itk(labels), label=label)
    return {name: float(np.real(value)) for name, value in values.items()}


def to_itk(volume: Volume) -> sitk.Image:
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.data.transpose(2, 1, 0)))
    image.SetSpacing([float(size) for size in np.linalg.norm(volume.affine[:3, :3], axis=0)])
    return image


def row_of(rows: FeatureRows, row: int = 0) -> dict[str, float]:
    return dict(zip(rows.names, rows.values[row], strict=True))


def assert_same_features(
    found: dict[str, float], expected: dict[str, float], rtol: float = 1e-6, atol: float = 1e-12
) -> None:
    assert found.keys() == expected.keys()
    wrong = {
        name: (found[name], expected[name])
        for name in expected
        if not np.isclose(found[name], expected[name], rtol=rtol, atol=atol, equal_nan=True)
    }
    assert not wrong, f"{len(wrong)} features differ (found, expected): {wrong}"
