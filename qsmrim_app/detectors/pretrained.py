"""What a training begins with where it does not begin with nothing: the tensors of another model that fit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import Weights
from qsmrim_app.errors import ModelError
from qsmrim_app.settings import DetectorSettings

_CLASSIFIER = "classifier"  # of another method it reads another vector, whatever its shape


@dataclass(frozen=True, eq=False)
class Start:
    """Tensors by name, one mapping a member, of the model ``source``."""

    source: RimDetector
    members: tuple[Weights, ...]

    @classmethod
    def of(cls, source: RimDetector, settings: DetectorSettings, own: Weights) -> Self:
        """The parts of a trained model, such as a branch, that are the same in a network, tensor by tensor.

        Parameters
        ----------
        source
            The trained model.
        settings
            Of the network.
        own
            The tensors of the network, by name.

        Raises
        ------
        ModelError
            If there is none.
        """
        weights = source.to_bundle().members
        barred = set() if source.settings.method == settings.method else {_CLASSIFIER}
        shapes, others = _shapes_by_part(own), _shapes_by_part(weights[0])
        parts = {part for part, found in others.items() if found == shapes.get(part)} - barred
        members = tuple(
            {name: tensor for name, tensor in member.items() if _part(name) in parts} for member in weights
        )
        if not parts:
            raise ModelError(
                f"a '{settings.method}' of width {settings.network.width} cannot start from model "
                f"'{source.info.name}' (a '{source.settings.method}' of width {source.settings.network.width}"
                "), as no part of it fits; name a model of the same method and width"
            )
        return cls(source, members)

    def member(self, seed: int) -> Weights:
        """Where the member of a seed starts."""
        return self.members[seed % len(self.members)]

    def story(self) -> dict[str, object]:
        """For ``info.training``."""
        info = self.source.info
        return {
            "started_from": {
                "name": info.name,
                "method": self.source.settings.method,
                "version": info.version,
                "statement": info.statement,
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


def _part(name: str) -> str:
    return name.partition(".")[0]


def _shapes_by_part(weights: Weights) -> dict[str, dict[str, tuple[int, ...]]]:
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in weights.items():
        found.setdefault(_part(name), {})[name] = tuple(tensor.shape)
    return found
