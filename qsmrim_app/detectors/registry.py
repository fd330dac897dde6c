"""Every method that can be trained and run, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from qsmrim_app.detectors.aprl_rf import AprlRandomForest
from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import read_bundle
from qsmrim_app.detectors.network_ensemble import NetworkEnsemble
from qsmrim_app.errors import CheckpointError, UsageError
from qsmrim_app.settings import Architecture, DetectorSettings, ImageFusion, NetworkSettings


@dataclass(frozen=True)
class Method:
    """What a name stands for: a kind of detector, and the parts of its network that the name fixes."""

    kind: type[RimDetector]
    network: Mapping[str, Any] = field(default_factory=dict)  # fields of NetworkSettings

    @property
    def one_member(self) -> bool:
        """Whether it is trained with one seed."""
        return self.kind.one_member


def _network(
    *, fusion: ImageFusion, radiomics: bool, deep_smote: bool, architecture: Architecture = "qsmrim-net"
) -> Method:
    parts = {"fusion": fusion, "radiomics": radiomics, "deep_smote": deep_smote, "architecture": architecture}
    return Method(NetworkEnsemble, parts)


# Only qsmrim-net has DeepSMOTE: in the ablation study of the paper it is the last part to be added.
DETECTORS: Mapping[str, Method] = {
    "qsmrim-net": _network(fusion="concatenate", radiomics=True, deep_smote=True),
    "rimnet": _network(fusion="rimnet", radiomics=False, deep_smote=False, architecture="rimnet"),
    "aprl-rf": Method(AprlRandomForest),
    "aprl-nn": _network(fusion="no-image", radiomics=True, deep_smote=False),
    "ablation-image": _network(fusion="concatenate", radiomics=False, deep_smote=False),
    "ablation-rimnet-fusion": _network(fusion="rimnet", radiomics=False, deep_smote=False),
    "ablation-no-smote": _network(fusion="concatenate", radiomics=True, deep_smote=False),
}


def new_detector(settings: DetectorSettings) -> RimDetector:
    """An untrained detector of the method that the settings name; its settings have the method's own parts.

    Raises
    ------
    UsageError
        If there is no such method, or the settings ask for a part that is not the method's.
    """
    if settings.method not in DETECTORS:
        raise UsageError(f"unknown method '{settings.method}'; known are {', '.join(DETECTORS)}")
    method = DETECTORS[settings.method]
    standard = {part.name: part.default for part in fields(NetworkSettings)}
    for name, (asked, fixed) in _differences(settings, method).items():
        if asked != standard[name]:
            raise UsageError(
                f"method '{settings.method}' has network.{name} = {fixed!r}, not {asked!r}; leave the "
                f"setting out, or name the method that has it"
            )
    return method.kind(replace(settings, network=replace(settings.network, **method.network)))


def load_detector(folder: Path) -> RimDetector:
    """The trained detector in a model bundle.

    Raises
    ------
    CheckpointError
        If the folder holds no model that this version can run; the message says why.
    """
    bundle = read_bundle(folder, tuple(DETECTORS))
    method = DETECTORS[bundle.settings.method]
    for name, (found, fixed) in _differences(bundle.settings, method).items():
        raise CheckpointError(
            f"{folder}: the model is refused, as its network.{name} is {found!r}; method "
            f"'{bundle.settings.method}' has {fixed!r}"
        )
    return method.kind.from_bundle(bundle)


def _differences(settings: DetectorSettings, method: Method) -> dict[str, tuple[Any, Any]]:
    """What settings and method say of a part, where they do not say the same."""
    pairs = {name: (getattr(settings.network, name), fixed) for name, fixed in method.network.items()}
    return {name: (found, fixed) for name, (found, fixed) in pairs.items() if found != fixed}
