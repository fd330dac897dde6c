"""Every method that can be trained and run, by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qsmrim_app.detectors.aprl_rf import AprlRandomForest
from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import read_bundle
from qsmrim_app.detectors.qsmrim_net import QsmRimNetDetector
from qsmrim_app.errors import UsageError
from qsmrim_app.settings import DetectorSettings

DETECTORS: Mapping[str, type[RimDetector]] = {
    "qsmrim-net": QsmRimNetDetector,
    "aprl-rf": AprlRandomForest,
}


def new_detector(settings: DetectorSettings) -> RimDetector:
    """An untrained detector of the method that the settings name.

    Raises
    ------
    UsageError
        If there is no such method.
    """
    if settings.method not in DETECTORS:
        raise UsageError(f"unknown method '{settings.method}'; known are {', '.join(DETECTORS)}")
    return DETECTORS[settings.method](settings)


def load_detector(folder: Path) -> RimDetector:
    """The trained detector in a model bundle.

    Raises
    ------
    CheckpointError
        If the folder holds no model that this version can run; the message says why.
    """
    bundle = read_bundle(folder, tuple(DETECTORS))
    return DETECTORS[bundle.settings.method].from_bundle(bundle)
