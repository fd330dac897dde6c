"""The publications that a methods paragraph cites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A publication; ``doi`` without resolver."""

    text: str
    doi: str


REFERENCES: Mapping[str, Reference] = {
    "bids": Reference(
        "Gorgolewski KJ et al. The brain imaging data structure, a format for organizing and describing "
        "outputs of neuroimaging experiments. Sci Data 2016;3:160044.",
        "10.1038/sdata.2016.44",
    ),
    "bids-apps": Reference(
        "Gorgolewski KJ et al. BIDS apps: Improving ease of use, accessibility, and reproducibility of "
        "neuroimaging data analysis methods. PLoS Comput Biol 2017;13:e1005209.",
        "10.1371/journal.pcbi.1005209",
    ),
    "n4": Reference(
        "Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE Trans Med Imaging 2010;29:1310-1320.",
        "10.1109/TMI.2010.2046908",
    ),
    "ants": Reference(
        "Avants BB et al. A reproducible evaluation of ANTs similarity metric performance in brain image "
        "registration. NeuroImage 2011;54:2033-2044.",
        "10.1016/j.neuroimage.2010.09.025",
    ),
    "mattes": Reference(
        "Mattes D et al. PET-CT image registration in the chest using free-form deformations. "
        "IEEE Trans Med Imaging 2003;22:120-128.",
        "10.1109/TMI.2003.809072",
    ),
    "sitk": Reference(
        "Lowekamp BC et al. The design of SimpleITK. Front Neuroinform 2013;7:45.",
        "10.3389/fninf.2013.00045",
    ),
    "nipype": Reference(
        "Gorgolewski K et al. Nipype: a flexible, lightweight and extensible neuroimaging data processing "
        "framework in Python. Front Neuroinform 2011;5:13.",
        "10.3389/fninf.2011.00013",
    ),
    "pyradiomics": Reference(
        "van Griethuysen JJM et al. Computational radiomics system to decode the radiographic phenotype. "
        "Cancer Res 2017;77:e104-e107.",
        "10.1158/0008-5472.CAN-17-0339",
    ),
    "qsmrim-net": Reference(
        "Zhang H et al. QSMRim-Net: imbalance-aware learning for identification of chronic active multiple "
        "sclerosis lesions on quantitative susceptibility maps. NeuroImage Clin 2022;34:102979.",
        "10.1016/j.nicl.2022.102979",
    ),
    "rimnet": Reference(
        "Barquero G et al. RimNet: a deep 3D multimodal MRI architecture for paramagnetic rim lesion "
        "assessment in multiple sclerosis. NeuroImage Clin 2020;28:102412.",
        "10.1016/j.nicl.2020.102412",
    ),
    "aprl": Reference(
        "Lou C et al. Fully automated detection of paramagnetic rims in multiple sclerosis lesions on 3T "
        "susceptibility-based MR imaging. NeuroImage Clin 2021;32:102796.",
        "10.1016/j.nicl.2021.102796",
    ),
}


class Citations:
    """Numbers the references of one text in the order in which it cites them."""

    def __init__(self) -> None:
        self._cited: list[str] = []

    def cite(self, *keys: str) -> str:
        """``[1]`` or ``[1, 2]`` for the given keys of `REFERENCES`."""
        for key in keys:
            if key not in self._cited:
                self._cited.append(key)
        return "[" + ", ".join(str(self._cited.index(key) + 1) for key in keys) + "]"

    @property
    def references(self) -> tuple[Reference, ...]:
        """What was cited so far, number 1 first."""
        return tuple(REFERENCES[key] for key in self._cited)
