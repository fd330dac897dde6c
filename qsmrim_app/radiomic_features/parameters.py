"""What pyradiomics is asked for, read from data files that stand beside the code.

``data/radiomics.json`` is a parameter file in pyradiomics' own format: given to its
``RadiomicsFeatureExtractor`` it yields the same 527 features (a test compares them). Where its entries come
from:

- *shape, first-order, GLCM, GLRLM on the image and eight Coiflet sub-bands, 527 in all*: Zhang et al.,
  QSMRim-Net (NeuroImage: Clinical 2022). 14 shape + 9 images x (18 first-order + 16 GLRLM + 23 GLCM) is 527
  with every feature that pyradiomics 3.0.1 does not call deprecated, less one of the GLCM: SumAverage, which
  is twice JointAverage.
- *coif1, one level*: pyradiomics' default and the shortest Coiflet.
- *bin width 25*: the number of the authors' configuration; read as ppb, since 25 ppm would leave a lesion one
  or two grey levels.
- *distance 1, symmetrical co-occurrence, all directions, no shift of the intensities*: pyradiomics' defaults.
- *at least two dimensions*: pyradiomics' default; a straight row of voxels has no texture.

``data/feature_names.txt`` fixes the order of the features, which a model bundle stores and compares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

# The texture matrices take memory with the square of this: 512 levels of 25 ppb are 27 MB a matrix, and no
# susceptibility map spans 12,800 ppb (12.8 ppm) within one lesion.
MAX_GREY_LEVELS = 512

_DATA = files("qsmrim_app") / "data"


@dataclass(frozen=True)
class RadiomicsParameters:
    """The fixed part of the feature definition; bin width and wavelet are settings.

    Parameters
    ----------
    features
        Feature class (``shape``, ``firstorder``, ``glrlm``, ``glcm``) -> features asked of it.
    fixed
        Settings handed to each feature class.
    """

    features: Mapping[str, Sequence[str]]
    fixed: Mapping[str, Any]


def radiomics_parameters() -> RadiomicsParameters:
    """The feature classes and settings of ``data/radiomics.json``."""
    plain = json.loads((_DATA / "radiomics.json").read_text(encoding="utf-8"))
    fixed = {name: value for name, value in plain["setting"].items() if name != "binWidth"}
    return RadiomicsParameters(plain["featureClass"], fixed)


@cache
def feature_names() -> tuple[str, ...]:
    """The 527 names, ``<image>_<class>_<feature>``, in the order of every feature row."""
    return tuple((_DATA / "feature_names.txt").read_text(encoding="utf-8").split())
