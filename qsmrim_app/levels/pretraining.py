"""The model that the fits of a training start from: found, and none that knows the answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from qsmrim_app.bids_io.names import dataset_path
from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import manifest_digest
from qsmrim_app.detectors.registry import load_detector, new_detector
from qsmrim_app.errors import FeatureMismatchError, ModelError, UsageError
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.levels.distinct_participants import lesion_prints
from qsmrim_app.levels.fitting import StartModel
from qsmrim_app.levels.gathering import Gathered
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.settings import SHIPPED_MODEL, GroupSettings

logger = logging.getLogger(__name__)


def starts_of(settings: GroupSettings, gathered: Gathered, rated: RatedLesions) -> Mapping[str, StartModel]:
    """What each method starts from; those that are not named start from nothing.

    A method that cannot start from the model is warned of. What the model saw is told by the images of single
    lesions and of whole maps: another session of a participant looks like another one.

    Raises
    ------
    UsageError
        If no method can start from a model, the model was trained on a lesion that is held out, does not say
        what it was trained on, or will be replaced by the training.
    CheckpointError
        If the model is damaged or missing.
    ModelError
        If the method of the model, or every method, has other sizes.
    FeatureMismatchError
        If the model looks at other samples.
    """
    if settings.pretrained is None:
        return {}
    folder = DEFAULT_MODEL if str(settings.pretrained) == SHIPPED_MODEL else settings.pretrained
    model, start = load_detector(folder), StartModel(folder, manifest_digest(folder))
    starts = {method: start for method in settings.train if _can_start(method, settings, model)}
    if not starts:
        raise UsageError(f"--pretrained {folder}: none of {', '.join(settings.train)} can start from it")
    results = settings.output_dir / dataset_path("models")
    if folder.resolve() in {(results / method).resolve() for method in settings.train}:
        raise UsageError(f"--pretrained {folder}: this training would replace it; copy it elsewhere first")
    try:
        model.check_samples(rated.samples)
    except FeatureMismatchError as error:
        raise FeatureMismatchError(f"--pretrained {folder}: {error}") from error
    _require_unseen(folder, model, gathered)
    return starts


def _can_start(method: str, settings: GroupSettings, model: RimDetector) -> bool:
    detector = new_detector(replace(settings.detector, method=method))
    try:
        detector.start_from(model)
    except ModelError as error:
        if method == model.settings.method:
            raise
        logger.warning("%s; it starts from nothing", error)
        return False
    return True


def _require_unseen(folder: Path, model: RimDetector, gathered: Gathered) -> None:
    """Pass silently if the model was trained on nobody who is held out."""
    told = model.info.training
    if not told.get("fingerprints"):
        raise UsageError(
            f"--pretrained {folder}: the model does not say on which lesions it was trained; name a model of "
            "models/, not a single fit"
        )
    lesions, maps = set(told["fingerprints"]), set(told.get("maps", ()))
    known: set[str] = set()
    for part in (gathered, *gathered.variants.values()):
        known |= {subject for print_, subject in lesion_prints(part.samples) if print_ in lesions}
        known |= {image.subject for image in part.images if image.digest in maps}
    if known:
        raise UsageError(
            f"--pretrained {folder}: the model was trained on participants who are to be held out "
            f"({len(known)}, '{min(known)}' among them), so the figures would be too good; start from another"
        )
