"""From the prepared images of one session to its lesion rows and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qsmrim_app.images import load_image, load_labels, map_digest, relative_to_median, robust_z_score
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.lesions.patches import extract_patches, is_cropped
from qsmrim_app.levels.expert_rim import ExpertRim, add_expert
from qsmrim_app.radiomic_features.features import FeatureRows, extract_features
from qsmrim_app.records import Case, Lesion, PreparedSubject, Volume
from qsmrim_app.settings import DetectorSettings, LesionSettings
from qsmrim_app.tables.lesion_samples import LesionSamples
from qsmrim_app.tables.lesion_table import LesionTable, lesion_table

_COVERED_SHARE = 0.9  # of a lesion must lie inside the brain mask, and in either image, or it is flagged


@dataclass(frozen=True, eq=False)
class SessionImages:
    """What the lesions of a session are measured on.

    ``native`` and ``analysis`` are the session on the QSM's own grid and on the model's; ``source_labels``
    are all labels of the lesion map as it came, so that none is lost unseen.
    """

    native: Case
    analysis: Case
    source_labels: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class MeasuredSession:
    """All that is known of the lesions of a session before a detector has seen them."""

    table: LesionTable
    samples: LesionSamples
    warnings: tuple[str, ...]


def load_native_case(prepared: PreparedSubject) -> Case:
    """The session on the QSM's own grid, FLAIR in its own units."""
    return Case(
        prepared.key,
        load_image(prepared.native_qsm).volume,
        load_image(prepared.native_flair).volume,
        load_labels(prepared.native_lesions).volume,
        _load_mask(prepared.native_brain_mask),
    )


def load_analysis_case(prepared: PreparedSubject) -> Case:
    """The session on the model's grid, FLAIR as z-score inside the brain."""
    brain = _load_mask(prepared.analysis_brain_mask)
    return Case(
        prepared.key,
        load_image(prepared.analysis_qsm).volume,
        robust_z_score(load_image(prepared.analysis_flair).volume, brain),
        load_labels(prepared.analysis_lesions).volume,
        brain,
    )


def load_session(prepared: PreparedSubject) -> SessionImages:
    """The images that preprocessing left."""
    return SessionImages(
        load_native_case(prepared), load_analysis_case(prepared), tuple(prepared.source_labels)
    )


def measure_session(
    images: SessionImages,
    names: Mapping[int, str],
    expert: ExpertRim | None,
    lesion_settings: LesionSettings,
    detector: DetectorSettings,
) -> MeasuredSession:
    """One row for every lesion that the input names, and a sample for every one that can be classified.

    Parameters
    ----------
    images
        Of the session.
    names
        Names of lesions by label, from the input table; others are named by number.
    expert
        Expert rim status, if there is one.
    lesion_settings, detector
        Size limits; patch shape and features.
    """
    native, analysis = images.native, _with_zero(images.analysis, detector)
    on_native = {lesion.index: lesion for lesion in find_lesions(native.lesions)}
    on_analysis = {lesion.index: lesion for lesion in find_lesions(analysis.lesions)}
    reasons = {
        index: _why_excluded(on_native.get(index), on_analysis.get(index), native, lesion_settings)
        for index in images.source_labels
    }
    measurable = [on_analysis[index] for index, reason in reasons.items() if not reason]
    features = extract_features(analysis.qsm, analysis.lesions, measurable, detector.radiomics)
    reasons.update(features.failures)
    rows = {
        index: _describe(index, on_native.get(index), native, names) | {"excluded_because": reason}
        for index, reason in reasons.items()
    }
    for lesion, values in zip(measurable, features.values, strict=True):
        if lesion.index not in features.failures:
            flags = [*_flags(lesion, analysis, detector, values), *_gaps(on_native[lesion.index], native)]
            rows[lesion.index]["flags"] = ",".join(flags)
    warnings = add_expert(rows, native.lesions, expert)
    samples = _samples(analysis, measurable, features, detector, rows)
    samples = replace(samples, map_digest=map_digest(native.qsm))
    key = {"subject": native.key.subject, "session": native.key.session}
    table = lesion_table(key | row for row in rows.values())
    return MeasuredSession(table, samples, warnings)


def _with_zero(case: Case, detector: DetectorSettings) -> Case:
    """The session with the susceptibility that the model calls 0."""
    if detector.patch.qsm_zero == "as-stored":
        return case
    return replace(case, qsm=relative_to_median(case.qsm, case.brain_mask))


def _load_mask(path: Any) -> Volume:
    loaded = load_labels(path).volume
    return loaded.with_data(loaded.data > 0)


def _why_excluded(
    native: Lesion | None, analysis: Lesion | None, case: Case, settings: LesionSettings
) -> str:
    if native is None or analysis is None:
        return "not_on_grid"
    if native.volume_mm3 > settings.max_volume_mm3:
        return "too_large"
    if native.volume_mm3 < settings.min_volume_mm3 or analysis.n_voxels < settings.min_voxels:
        return "too_small"
    inside = case.lesions.data[native.slices] == native.index
    for image, reason in ((case.qsm, "no_qsm"), (case.flair, "no_flair")):
        if not image.data[native.slices][inside].any():
            return reason
    return ""


def _describe(index: int, lesion: Lesion | None, case: Case, names: Mapping[int, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"index": index, "name": names.get(index, f"lesion-{index:03d}"), "volume_mm3": 0.0}
    if lesion is None:
        return row
    inside = case.lesions.data[lesion.slices] == lesion.index
    x_mm, y_mm, z_mm = lesion.center_mm
    measured = case.qsm.data[lesion.slices][inside].astype(np.float64)
    mean = float(measured[measured != 0].mean()) if measured.any() else 0.0  # exactly 0 is no measurement
    return row | {
        "volume_mm3": lesion.volume_mm3, "x_mm": x_mm, "y_mm": y_mm, "z_mm": z_mm, "qsm_mean_ppb": mean,
    }  # fmt: skip


def _flags(lesion: Lesion, case: Case, detector: DetectorSettings, values: NDArray[np.float64]) -> list[str]:
    flags = []
    if is_cropped(lesion, detector.patch):
        flags.append("cropped")
    if np.isnan(values).any():
        flags.append("features_imputed")
    if any(
        start == 0 or stop == size for (start, stop), size in zip(lesion.box, case.qsm.shape, strict=True)
    ):
        flags.append("at_border")
    inside = case.lesions.data[lesion.slices] == lesion.index
    if case.brain_mask.data[lesion.slices][inside].mean() < _COVERED_SHARE:
        flags.append("partly_outside_head")
    return flags


def _gaps(lesion: Lesion, case: Case) -> list[str]:
    """Flags of the images that do not cover the lesion: they are exactly 0 there."""
    inside = case.lesions.data[lesion.slices] == lesion.index
    images = {"partly_without_qsm": case.qsm, "partly_without_flair": case.flair}
    return [
        flag
        for flag, image in images.items()
        if (image.data[lesion.slices][inside] != 0).mean() < _COVERED_SHARE
    ]


def _samples(
    case: Case,
    measurable: list[Lesion],
    features: FeatureRows,
    detector: DetectorSettings,
    rows: Mapping[int, Mapping[str, Any]],
) -> LesionSamples:
    at = [row for row, lesion in enumerate(measurable) if lesion.index not in features.failures]
    kept = [measurable[row] for row in at]
    rim = [rows[lesion.index].get("rim_expert") for lesion in kept]
    return LesionSamples(
        keys=tuple((case.key.subject, case.key.session, lesion.index) for lesion in kept),
        patches=extract_patches(case, kept, detector.patch),
        features=features.values[at],
        feature_names=features.names,
        spacing_mm=detector.spacing_mm,
        engine=features.engine,
        rim=np.array([np.nan if pd.isna(value) else float(value) for value in rim], dtype=np.float64),
        bin_width_ppb=detector.radiomics.bin_width_ppb,
        margin_mm=detector.patch.margin_mm,
        qsm_zero=detector.patch.qsm_zero,
    )
