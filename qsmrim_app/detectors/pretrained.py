"""What a training starts from where it does not start from nothing: the parts of another model that fit."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import Weights
from qsmrim_app.errors import ModelError
from qsmrim_app.settings import DetectorSettings

# the parts that read a lesion, not what other parts say of it
_BRANCHES = {"image_branch", "radiomic_branch"}
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Start:
    """Tensors by name, one mapping a member, of the model ``source``."""

    source: RimDetector
    members: tuple[Weights, ...]

    @classmethod
    def of(cls, source: RimDetector, settings: DetectorSettings, own: Weights) -> Self:
        """The parts of a trained model that a network has too, tensor by tensor.

        From a model of the same method every part is taken; of another method only branches, as the layers
        behind them read what this method's other parts say.

        Parameters
        ----------
        source
            The trained model.
        settings
            Of the network.
        own
            The tensors of the network, by name; those without memory will do.

        Raises
        ------
        ModelError
            If sizes differ, inputs are scaled differently, or the methods have no branch in common.
        """
        weights = source.to_bundle().members
        shapes, others = _shapes_by_part(own), _shapes_by_part(weights[0])
        fitting = {part for part, found in others.items() if found == shapes.get(part)}
        is_same_method = source.settings.method == settings.method
        wanted = set(shapes) if is_same_method else _BRANCHES & set(shapes) & set(others)
        odd = _scales_that_differ(source.settings, settings)
        if not wanted:
            odd = ["they have no branch in common"]
        elif wanted - fitting:
            odd = _sizes_that_differ(source.settings, settings) + odd or ["their parts differ in size"]
        if odd:
            raise ModelError(
                f"a '{settings.method}' cannot start from model '{source.info.name}', a "
                f"'{source.settings.method}': {'; '.join(odd)}"
            )
        _LOG.info("starts from model '%s': %s", source.info.name, ", ".join(sorted(wanted)))
        return cls(source, tuple(_parts_of(member, wanted) for member in weights))

    def member(self, seed: int) -> Weights:
        """Where the member of a seed starts."""
        return self.members[seed % len(self.members)]

    def training_info(self) -> dict[str, object]:
        """For ``info.training``."""
        info = self.source.info
        return {
            "started_from": {
                "name": info.name,
                "version": info.version,
                "trained_on_simulation": info.trained_on_simulation,
                "parts": sorted({_part(name) for name in self.members[0]}),
            }
        }

    def digest(self) -> str:
        """Names the tensors."""
        found = hashlib.sha256()
        for member in self.members:
            for name in sorted(member):
                found.update(name.encode() + member[name].float().numpy().tobytes())
        return found.hexdigest()


def _scales_that_differ(there: DetectorSettings, here: DetectorSettings) -> list[str]:
    """What inputs are divided by and clipped to, where it is not the same, as text."""
    pairs = {
        "patch.qsm_scale_ppb": (here.patch.qsm_scale_ppb, there.patch.qsm_scale_ppb),
        "patch.qsm_clip": (here.patch.qsm_clip, there.patch.qsm_clip),
        "training.feature_clip": (here.training.feature_clip, there.training.feature_clip),
    }
    return _unequal(pairs)


def _sizes_that_differ(there: DetectorSettings, here: DetectorSettings) -> list[str]:
    """Sizes of the networks that are not the same, as text."""
    names = ("width", "n_features", "radiomic_hidden", "embedding", "classifier_hidden")
    odd = _unequal({f"network.{n}": (getattr(here.network, n), getattr(there.network, n)) for n in names})
    if here.network.width != there.network.width:
        odd[0] += f" (give --width {there.network.width})"
    return odd


def _unequal(pairs: Mapping[str, tuple[float, float]]) -> list[str]:
    return [
        f"{name} is {here:g} here and {there:g} there"
        for name, (here, there) in pairs.items()
        if here != there
    ]


def _parts_of(weights: Weights, parts: set[str]) -> Weights:
    return {name: tensor for name, tensor in weights.items() if _part(name) in parts}


def _part(name: str) -> str:
    return name.partition(".")[0]


def _shapes_by_part(weights: Weights) -> dict[str, dict[str, tuple[int, ...]]]:
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in weights.items():
        found.setdefault(_part(name), {})[name] = tuple(tensor.shape)
    return found
