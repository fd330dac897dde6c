"""An ensemble of networks that differ in their seed alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import Bundle, BundleInfo, Weights
from qsmrim_app.detectors.labelled import describe_training, labelled_rows
from qsmrim_app.detectors.stored_scaler import scaler_from_bundle, scaler_to_plain
from qsmrim_app.errors import CheckpointError, FeatureMismatchError, ModelError, UsageError
from qsmrim_app.learning.scaling import FeatureScaler, fit_feature_scaler, scale_patches
from qsmrim_app.learning.training import Progress, TrainingRows, TrainingRun, train
from qsmrim_app.networks.build import build_network
from qsmrim_app.settings import DetectorSettings, to_plain
from qsmrim_app.tables.lesion_samples import LesionSamples


class NetworkEnsemble(RimDetector):
    """A detector whose members are networks; which network it is, the settings say.

    Weights are rounded to half precision when training ends, so that what is evaluated is what is stored.
    """

    def __init__(self, settings: DetectorSettings, info: BundleInfo | None = None) -> None:
        super().__init__(settings, info)
        self.scaler: FeatureScaler | None = None
        self.members: tuple[nn.Module, ...] = ()

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
        known = labelled_rows(samples)
        self._check_training(known)
        self.info = BundleInfo(
            name=self.info.name,
            feature_names=samples.feature_names,
            engine=samples.engine,
            training=describe_training(samples, known, seeds),
        )
        self.scaler = fit_feature_scaler(known.features, self.settings.training.feature_clip)
        rows = _training_rows(known, self.scaler)
        print_of_run = _fingerprint(self.settings, known) if checkpoint_dir else ""
        self.members = tuple(
            self._fit_member(
                rows,
                TrainingRun(
                    self.settings,
                    seed,
                    device,
                    checkpoint_dir / f"seed-{seed}.pt" if checkpoint_dir else None,
                    print_of_run,
                ),
                progress,
            )
            for seed in seeds
        )

    def predict_logits(
        self, samples: LesionSamples, device: str = "cpu", batch_size: int = 64
    ) -> NDArray[np.float64]:
        """As in `RimDetector.predict_logits`."""
        scaler = self._require_fitted()
        self.check_samples(samples)
        features = torch.from_numpy(scaler.transform(samples.features))  # (n, f)
        patches = torch.from_numpy(samples.patches)  # (n, 2, i, j, k)
        networks = [member.to(device).eval() for member in self.members]
        logits = torch.zeros(len(samples), len(networks), dtype=torch.float64)
        with torch.inference_mode():
            for start in range(0, len(samples), batch_size):
                rows = slice(start, start + batch_size)
                seen = scale_patches(patches[rows].to(device), self.settings.patch)
                known = features[rows].to(device)
                for column, network in enumerate(networks):
                    logits[rows, column] = network(seen, known).logits.double().cpu()
        for network in networks:
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
    def _fit_member(self, rows: TrainingRows, run: TrainingRun, progress: Progress | None) -> nn.Module:
        network = train(lambda: build_network(self.settings), rows, run, progress)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(parameter.half().float())
        if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
            raise ModelError(f"seed {run.seed}: a weight exceeds half precision; lower the learning rate")
        return network

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

    def _check_training(self, known: LesionSamples) -> None:
        self._check_patches(known)
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


def _fingerprint(settings: DetectorSettings, known: LesionSamples) -> str:
    """Names settings and data, so that a member is resumed with its own."""
    digest = hashlib.sha256(json.dumps([to_plain(settings), known.keys], sort_keys=True).encode())
    for values in (known.patches, known.features, known.rim):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def _stored(member: nn.Module) -> dict[str, Tensor]:
    parameters = {name for name, _ in member.named_parameters()}
    return {
        name: (tensor.half() if name in parameters else tensor).detach().cpu()
        for name, tensor in member.state_dict().items()
    }
