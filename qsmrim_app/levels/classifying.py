"""Let a detector say how likely each lesion is rim+, and write that into the lesion table."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.errors import UsageError
from qsmrim_app.evaluation.votes import count_votes
from qsmrim_app.learning.devices import choose_device
from qsmrim_app.levels.unlike_training import add_training_distance
from qsmrim_app.reports.pages import ModelSummary
from qsmrim_app.settings import NO_MODEL, DetectorSettings, ParticipantSettings
from qsmrim_app.tables.lesion_samples import LesionSamples, SampleKey
from qsmrim_app.tables.lesion_table import LesionTable

logger = logging.getLogger(__name__)

DEFAULT_MODEL = Path(__file__).parents[1] / "data" / "models" / "qsmrim-net-simulated"


@dataclass(frozen=True)
class Classifier:
    """A detector with what this run asks of it. ``detector`` is None where lesions are only measured."""

    detector: RimDetector | None
    settings: DetectorSettings
    threshold: float
    operating_point: str
    device: str
    batch_size: int

    @classmethod
    def load(cls, settings: ParticipantSettings) -> Classifier:
        """The classifier of a run.

        Raises
        ------
        CheckpointError
            If the model bundle is damaged or of another kind.
        UsageError
            If the operating point or the device does not exist, or the model looks at another voxel size.
        """
        if settings.model is not None and str(settings.model) == NO_MODEL:
            return cls(None, _for_run(DetectorSettings(), settings), float("nan"), "", "cpu", 1)
        detector = load_detector(settings.model or DEFAULT_MODEL)
        _require_spacing(detector, settings)
        if detector.scaler is None:
            logger.warning(
                "model '%s' keeps no scale of its features, so that no lesion can be said to be unlike them",
                detector.info.name,
            )
        try:
            threshold = detector.threshold(settings.operating_point)
        except UsageError as error:
            raise UsageError(f"{settings.model or DEFAULT_MODEL}: {error}") from error
        device, warnings = choose_device(settings.resources.device)
        for warning in warnings:
            logger.warning(warning)
        return cls(
            detector,
            _for_run(detector.settings, settings),
            threshold,
            settings.operating_point,
            device,
            settings.resources.inference_batch,
        )

    def summary(self) -> ModelSummary | None:
        """The model as a report names it; None without one."""
        if self.detector is None:
            return None
        info = self.detector.info
        return ModelSummary(
            name=info.name,
            version=info.version,
            method=self.settings.method,
            n_members=len(self.detector.to_bundle().members),
            operating_point=self.operating_point,
            threshold=self.threshold,
            trained_on_simulation=info.trained_on_simulation,
            trained_on=info.statement,
        )

    def classify(self, table: LesionTable, samples: LesionSamples) -> LesionTable:
        """The table with probability, votes, label and distance to the training of every sample, by key.

        Sessions are classified one at a time, so that a result never depends on who else is in the run.

        Raises
        ------
        FeatureMismatchError
            If the samples are not of the kind that the model was trained on.
        """
        if self.detector is None or not len(samples):
            return table
        self.detector.check_samples(samples)
        members = self.detector.predict_members(samples, self.device, self.batch_size)
        votes = count_votes(members, self.threshold)
        seen = set(self.detector.info.training.get("fingerprints", ()))
        known = [int(print_ in seen) for print_ in fingerprints(samples)] if seen else None
        table = add_training_distance(table, samples, self.detector.training_distance(samples))
        return table.with_columns(
            {
                "p_rim": _by_key(samples, votes.p_rim),
                "p_rim_mean": _by_key(samples, votes.p_rim_mean),
                "p_rim_sd": _by_key(samples, votes.p_rim_sd),
                "votes": _by_key(samples, votes.votes),
                "rim_predicted": _by_key(samples, votes.rim.astype(int)),
            }
            | ({"in_training_set": _by_key(samples, known)} if known is not None else {})
        )


def _require_spacing(detector: RimDetector, settings: ParticipantSettings) -> None:
    wanted = settings.preprocessing.analysis_spacing_mm
    if wanted is not None and not np.allclose(wanted, detector.settings.spacing_mm, rtol=1e-3):
        raise UsageError(
            f"model '{detector.info.name}' looks at voxels of {detector.settings.spacing_mm} mm, not of "
            f"{wanted} mm; another voxel size is for training: measure with --model none"
        )


def fingerprints(samples: LesionSamples) -> list[str]:
    """A short name of each lesion's susceptibility: equal only for the same lesion of the same map.

    The FLAIR is left out, as another registration changes its last digits.
    """
    return [
        hashlib.sha256(np.ascontiguousarray(qsm).tobytes()).hexdigest()[:16] for qsm in samples.patches[:, 0]
    ]


def _by_key(samples: LesionSamples, values: Any) -> Mapping[SampleKey, Any]:
    return dict(zip(samples.keys, values, strict=True))


def _for_run(detector: DetectorSettings, settings: ParticipantSettings) -> DetectorSettings:
    """The method with what this run chooses: the feature engine, and without a model the voxel size."""
    wanted = settings.preprocessing.analysis_spacing_mm
    return replace(
        detector,
        radiomics=replace(detector.radiomics, engine=settings.radiomics_engine),
        spacing_mm=detector.spacing_mm if wanted is None else wanted,
    )
