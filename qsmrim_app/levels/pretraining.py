"""The model that the fits of a training start from: found, and none that knows the answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qsmrim_app.detectors.registry import DETECTORS, load_detector, new_detector
from qsmrim_app.errors import UsageError
from qsmrim_app.levels.classifying import DEFAULT_MODEL, fingerprints
from qsmrim_app.levels.rated_lesions import RatedLesions
from qsmrim_app.settings import GroupSettings

DEFAULT = "default"  # --pretrained default: the model that ships with the app


def start_of(method: str, settings: GroupSettings) -> Path | None:
    """The folder of the model that a method starts from; None: it starts from nothing."""
    if settings.pretrained is None or not DETECTORS[method].kind.can_start:
        return None
    return DEFAULT_MODEL if str(settings.pretrained) == DEFAULT else settings.pretrained


def require_fair_start(settings: GroupSettings, rated: RatedLesions) -> None:
    """Pass silently if each method can start from the model, and the model knows nobody who is held out.

    Raises
    ------
    UsageError
        If no method that is trained can start from a model, or one was trained on a lesion that is held out.
    CheckpointError
        If the model is damaged or missing.
    ModelError
        If nothing of it fits.
    FeatureMismatchError
        If it looks at other samples.
    """
    starts = {method: start for method in settings.train if (start := start_of(method, settings))}
    if not starts and settings.pretrained is not None:
        raise UsageError(f"--pretrained: {', '.join(settings.train)} is no network and starts from nothing")
    for method, folder in starts.items():
        model = load_detector(folder)
        new_detector(replace(settings.detector, method=method)).start_from(model)
        model.check_samples(rated.samples)
        _require_unseen(folder, set(model.info.training.get("fingerprints", ())), rated)


def _require_unseen(folder: Path, seen: set[str], rated: RatedLesions) -> None:
    scored = rated.samples.take(rated.is_scored)
    rows = zip(fingerprints(scored), scored.subjects.tolist(), strict=True)
    known = sorted({subject for print_, subject in rows if print_ in seen})
    if known:
        raise UsageError(
            f"--pretrained {folder}: the model was trained on {len(known)} participants who are to be "
            f"held out, '{known[0]}' among them, so the figures would be too good; start from a model that "
            "never saw them"
        )
