"""An ensemble of networks that differ in their seed alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import Bundle, BundleInfo, Weights
from qsmrim_app.detectors.labelled import describe_training, labelled_rows
from qsmrim_app.detectors.pretrained import Start
from qsmrim_app.detectors.stored_scaler import scaler_from_bundle, scaler_to_plain
from qsmrim_app.errors import CheckpointError, FeatureMismatchError, ModelError, UsageError
from qsmrim_app.learning.batches import TrainingRows
from qsmrim_app.learning.memory import look_in_batches, with_smaller_batches
from qsmrim_app.learning.progress import Progress
from qsmrim_app.learning.scaling import FeatureScaler, fit_feature_scaler, scale_patches
from qsmrim_app.learning.training import TrainingRun, seconds_per_lesion, train
from qsmrim_app.networks.build import build_network
from qsmrim_app.plain_data import to_plain
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.tables.lesion_samples import LesionSamples

Result = TypeVar("Result")


class NetworkEnsemble(RimDetector):
    """A detector whose members are networks; which network it is, the settings say.

    Weights are rounded to half precision when training ends, so that what is evaluated is what is stored.
    """

    def __init__(self, settings: DetectorSettings, info: BundleInfo | None = None) -> None:
        super().__init__(settings, info)
        self.members: tuple[nn.Module, ...] = ()
        self._start: Start | None = None

    def start_from(self, other: RimDetector) -> None:
        """As in `RimDetector.start_from`; which parts are taken, `Start.of` says.

        The member of seed s starts from member s of the other model, counted around. Features are scaled by
        the new training rows all the same.
        """
        with torch.device("meta"):
            own = build_network(self.settings).state_dict()
        self._start = Start.of(other, self.settings, own)

    def fit(
        self,
        samples: LesionSamples,
        seeds: Sequence[int],
        device: str = "cpu",
        progress: Progress | None = None,
        checkpoint_dir: Path | None = None,
    ) -> None:
        """As in `RimDetector.fit`."""
        if len(seeds) % 2 == 0 or len(set(seeds)) != len(seeds):
            raise UsageError(f"an ensemble needs an odd number of distinct seeds, not {tuple(seeds)}")
        known = self._learnable(samples)
        if self._start is not None:
            self._start.source.check_samples(known)
        self.info = BundleInfo(
            name=self.info.name,
            feature_names=samples.feature_names,
            engine=samples.engine,
            training=describe_training(samples, known, seeds)
            | (self._start.training_info() if self._start else {}),
        )
        self.scaler = fit_feature_scaler(known.features, self.settings.training.feature_clip)
        rows = _training_rows(known, self.scaler)
        data = _fingerprint(self.settings, known, self._start) if checkpoint_dir else ""
        self.members = tuple(
            self._fit_member(
                rows,
                TrainingRun(
                    self.settings,
                    seed,
                    device,
                    checkpoint_dir / f"seed-{seed}.pt" if checkpoint_dir else None,
                    data,
                ),
                progress,
            )
            for seed in seeds
        )

    def expected_seconds(self, samples: LesionSamples, device: str = "cpu") -> float:
        """As in `RimDetector.expected_seconds`: a few real steps are made."""
        known = self._learnable(samples)
        scaler = fit_feature_scaler(known.features, self.settings.training.feature_clip)
        rows = _training_rows(known, scaler)
        measured, _ = self._within_memory(
            TrainingRun(self.settings, 0, device),
            lambda run: seconds_per_lesion(lambda: build_network(self.settings), rows, run),
        )
        return measured * len(known) * self.settings.training.epochs

    def predict_logits(
        self, samples: LesionSamples, device: str = "cpu", batch_size: int = 64
    ) -> NDArray[np.float64]:
        """As in `RimDetector.predict_logits`."""
        scaler = self._require_fitted()
        self.check_samples(samples)
        features = torch.from_numpy(scaler.transform(samples.features))  # (n, f)
        patches = torch.from_numpy(samples.patches)  # (n, 2, i, j, k)
        logits = torch.zeros(len(samples), len(self.members), dtype=torch.float64)

        def look(rows: slice, place: str) -> None:
            networks = [member.to(place).eval() for member in self.members]
            logits[rows] = self._look(networks, patches[rows].to(place), features[rows].to(place))

        look_in_batches(look, len(samples), batch_size, device)
        for network in self.members:
            network.cpu()
        return logits.numpy()

    def to_bundle(self) -> Bundle:
        """As in `RimDetector.to_bundle`: parameters in half precision, running statistics in single."""
        scaler = self._require_fitted()
        return Bundle(
            self.settings,
            self.info,
            scaler_to_plain(scaler),
            tuple(_stored(member) for member in self.members),
        )

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """As in `RimDetector.from_bundle`."""
        if len(bundle.members) % 2 == 0:
            raise CheckpointError(
                f"model '{bundle.info.name}' has {len(bundle.members)} members; a majority needs an odd one"
            )
        if len(bundle.info.feature_names) != bundle.settings.network.n_features:
            raise CheckpointError(
                f"model '{bundle.info.name}' names {len(bundle.info.feature_names)} features, its network "
                f"takes {bundle.settings.network.n_features}"
            )
        detector = cls(bundle.settings, bundle.info)
        detector.scaler = scaler_from_bundle(bundle)
        detector.members = tuple(cls._restore(weights, bundle) for weights in bundle.members)
        return detector

    # ---- private -----------------------------------------------------------------------------------------
    @torch.inference_mode()
    def _look(self, networks: Sequence[nn.Module], patches: Tensor, features: Tensor) -> Tensor:
        """Logits of a batch, shape (n, networks), on the CPU."""
        seen = scale_patches(patches, self.settings.patch)
        return torch.stack([network(seen, features).logits.double().cpu() for network in networks], dim=1)

    def _fit_member(self, rows: TrainingRows, run: TrainingRun, progress: Progress | None) -> nn.Module:
        network, batch_size = self._within_memory(
            run, lambda run: train(lambda: self._untrained(run.seed), rows, run, progress)
        )
        if batch_size != self.settings.training.batch_size:
            smaller = {**self.info.training.get("smaller_batches", {}), str(run.seed): batch_size}
            self.info = replace(self.info, training={**self.info.training, "smaller_batches": smaller})
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(parameter.half().float())
        if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
            raise ModelError(f"seed {run.seed}: a weight exceeds half precision; lower the learning rate")
        return network

    def _untrained(self, seed: int) -> nn.Module:
        """A network before its training: drawn by torch's stream, then the parts that start from a model."""
        network = build_network(self.settings)
        if self._start is not None:
            network.load_state_dict({**network.state_dict(), **self._start.member(seed)})
        return network

    @staticmethod
    def _within_memory(run: TrainingRun, action: Callable[[TrainingRun], Result]) -> tuple[Result, int]:
        """The action on the run with the largest batches that fit, from the beginning; and their size."""
        asked = run.settings.training.batch_size

        def attempt(batch_size: int) -> Result:
            if batch_size == asked:
                return action(run)
            training = replace(run.settings.training, batch_size=batch_size)
            settings = replace(run.settings, training=training)
            return action(replace(run, settings=settings, fingerprint=f"{run.fingerprint}-{batch_size}"))

        return with_smaller_batches(attempt, asked, 2, run.device)

    @staticmethod
    def _restore(weights: Weights, bundle: Bundle) -> nn.Module:
        """A network with the given weights. Shapes are compared before any memory is taken."""
        try:
            with torch.device("meta"):
                network = build_network(bundle.settings)
        except (RuntimeError, ValueError, OverflowError, TypeError) as error:
            raise CheckpointError(
                f"model '{bundle.info.name}': its network cannot be built ({error})"
            ) from error
        expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if found != expected:
            odd = sorted(
                name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
            )
            raise CheckpointError(
                f"model '{bundle.info.name}': weights {odd[:3]} do not have the shape that its settings say"
            )
        full = {name: t.float() if t.is_floating_point() else t for name, t in weights.items()}
        network.load_state_dict(full, assign=True)
        return network.eval()

    def _learnable(self, samples: LesionSamples) -> LesionSamples:
        """The rows that train, checked."""
        known = labelled_rows(samples)
        self.check_measured(known)
        if len(known.feature_names) != self.settings.network.n_features:
            raise FeatureMismatchError(
                f"the samples have {len(known.feature_names)} features, the network takes "
                f"{self.settings.network.n_features}"
            )
        for channel, name in enumerate(("QSM", "FLAIR")):
            if not known.patches[:, channel].any():
                raise ModelError(
                    f"the {name} of all {len(known)} patches is 0, so a network would learn nothing of it; "
                    "make the samples again"
                )
        return known

    def _require_fitted(self) -> FeatureScaler:
        if self.scaler is None or not self.members:
            raise CheckpointError(f"model '{self.info.name}' has not been trained")
        return self.scaler


def _training_rows(known: LesionSamples, scaler: FeatureScaler) -> TrainingRows:
    return TrainingRows(
        patches=torch.from_numpy(known.patches),
        features=torch.from_numpy(scaler.transform(known.features)),
        labels=torch.from_numpy(known.rim.astype(np.float32)),
    )


def _fingerprint(settings: DetectorSettings, known: LesionSamples, start: Start | None) -> str:
    """Names settings, data and start, so that a member is resumed with its own."""
    named = [to_plain(settings), known.keys, start.digest() if start else ""]
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode())
    for values in (known.patches, known.features, known.rim):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _stored(member: nn.Module) -> dict[str, Tensor]:
    parameters = {name for name, _ in member.named_parameters()}
    return {
        name: (tensor.half() if name in parameters else tensor).detach().cpu()
        for name, tensor in member.state_dict().items()
    }
