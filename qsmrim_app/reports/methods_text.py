"""The methods paragraph of a run, from the settings that were used, with its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qsmrim_app.reports.model_summary import ModelSummary
from qsmrim_app.reports.notices import model_notice
from qsmrim_app.reports.references import Citations, Reference
from qsmrim_app.settings import DetectorSettings, LesionSettings, ParticipantSettings, PreprocessingSettings

_POINTS: Mapping[str, str] = {
    "f1": "where F1 was highest in the out-of-fold predictions of the training data",
    "high-sensitivity": "with the largest sensitivity below 0.95 in the out-of-fold predictions of the "
    "training data",
}
_SOURCES: Mapping[str, tuple[str, ...]] = {  # who made it, then who brought it to the QSM
    "qsmrim-net": ("qsmrim-net",),
    "rimnet": ("rimnet", "qsmrim-net"),
    "aprl-rf": ("aprl", "qsmrim-net"),
    "aprl-nn": ("qsmrim-net",),  # has APRL's name, and neither its features nor its classifier
    "ablation-image": ("qsmrim-net",),
    "ablation-rimnet-fusion": ("qsmrim-net", "rimnet"),
    "ablation-no-smote": ("qsmrim-net",),
}


@dataclass(frozen=True)
class MethodsText:
    """Paragraphs that cite references by number, ``[1]`` being the first."""

    paragraphs: tuple[str, ...]
    references: tuple[Reference, ...]

    def plain(self) -> str:
        """Text for a manuscript: paragraphs, then the numbered references."""
        listed = [
            f"[{number}] {reference.text} doi:{reference.doi}"
            for number, reference in enumerate(self.references, start=1)
        ]
        return "\n\n".join([*self.paragraphs, "\n".join(listed)]) + "\n"


def methods_text(
    settings: ParticipantSettings, detector: DetectorSettings, model: ModelSummary | None, app_version: str
) -> MethodsText:
    """What was done to the images of every session, ready to be cited.

    Parameters
    ----------
    settings
        Of the participant level.
    detector
        Of the model.
    model
        Its name, members and threshold; None where lesions were only measured.
    app_version
        Of qsmrim.
    """
    citations = Citations()
    paragraphs = (
        f"Images were processed with qsmrim {app_version}, which reads and writes the Brain Imaging Data "
        f"Structure {citations.cite('bids', 'bids-apps')}. " + _preprocessing(settings, detector, citations),
        _samples(settings.lesions, detector, citations) + (_decision(model, citations) if model else ""),
    )
    return MethodsText(paragraphs, citations.references)


def _preprocessing(settings: ParticipantSettings, detector: DetectorSettings, citations: Citations) -> str:
    steps = settings.preprocessing
    spacing = " x ".join(f"{size:g}" for size in steps.analysis_spacing_mm or detector.spacing_mm)
    return (
        f"The T2-FLAIR was corrected for bias with N4 {citations.cite('n4')} as implemented in SimpleITK "
        f"{citations.cite('sitk')} (shrink factor {steps.n4_shrink_factor}). "
        + _registration(steps, citations)
        + f" FLAIR and lesion labels were resampled once, straight from their source, to the grid of the "
        f"susceptibility map (QSM) and to an analysis grid of {spacing} mm (images: linear; labels: the one "
        f"that fills most of the voxel). FLAIR intensities became robust z-scores inside the brain; "
        f"susceptibility is in ppb. The steps were run by Nipype {citations.cite('nipype')}."
    )


def _registration(steps: PreprocessingSettings, citations: Citations) -> str:
    if steps.registration == "header":
        return "FLAIR and QSM were taken as aligned by the positions in their headers."
    program = {"sitk": "SimpleITK", "ants": "ANTs"}[steps.backend]
    return (
        f"It was aligned with the gradient-echo image by a {steps.registration} registration that maximises "
        f"the mutual information {citations.cite('mattes')} ({program} {citations.cite(steps.backend)})."
    )


def _samples(limits: LesionSettings, detector: DetectorSettings, citations: Citations) -> str:
    shape = " x ".join(str(size) for size in detector.patch.shape_vox)
    radiomics = detector.radiomics
    program = {
        "vectorised": "for all lesions at once, with the definitions of pyradiomics and equal to its values",
        "pyradiomics": "with pyradiomics",
    }[radiomics.engine]
    return (
        f"Lesions of {limits.min_volume_mm3:g} to {limits.max_volume_mm3:g} mm3 and at least "
        f"{limits.min_voxels} voxels were looked at. Each was cut out of QSM and FLAIR as a patch of "
        f"{shape} voxels that is {_hidden(detector)}, and {detector.network.n_features} radiomic features "
        f"of its QSM were computed {program} {citations.cite('pyradiomics')} (shape, first-order, "
        f"GLCM and GLRLM; image and {radiomics.wavelet} wavelet sub-bands; bin width "
        f"{radiomics.bin_width_ppb:g} ppb)."
    )


def _hidden(detector: DetectorSettings) -> str:
    margin_mm = detector.patch.margin_mm
    seen = f" (in the QSM, outside the lesion and {margin_mm:g} mm around it)" if margin_mm > 0 else ""
    return f"0 outside the lesion{seen}"


def _decision(model: ModelSummary, citations: Citations) -> str:
    source = citations.cite(*_SOURCES[model.method])
    members = (
        f"the median probability of its {model.n_members} members"
        if model.n_members > 1
        else "its probability"
    )
    point = _POINTS.get(model.operating_point, "chosen by the user")
    return (
        f" The model {model.name} {model.version} (method {model.method} {source}) called a lesion rim+ "
        f"if {members} reached {model.threshold:.3g}, the threshold {point}. "
        + model_notice(model.trained_on_simulation)
    )
