"""APRL on QSM: first-order radiomics, SMOTE and a random forest (Lou et al., NeuroImage: Clinical 2021)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from qsmrim_app.detectors.base import RimDetector
from qsmrim_app.detectors.bundle import Bundle, BundleInfo, Weights
from qsmrim_app.detectors.labelled import describe_training, labelled_rows
from qsmrim_app.detectors.stored_scaler import scaler_from_bundle, scaler_to_plain
from qsmrim_app.errors import CheckpointError, FeatureMismatchError, ModelError, UsageError
from qsmrim_app.learning.forest import FOREST_ARRAYS, Forest
from qsmrim_app.learning.progress import Progress
from qsmrim_app.learning.scaling import FeatureScaler, fit_feature_scaler
from qsmrim_app.radiomic_features.parameters import feature_names
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.tables.lesion_samples import LesionSamples

_LOG = logging.getLogger(__name__)
_TIMED_TREES = 20
_REPEATS = 3  # the quickest counts: the difference of two short times is soon lost in what else runs
FIRST_ORDER = tuple(name for name in feature_names() if name.startswith("original_firstorder_"))  # 18


class AprlRandomForest(RimDetector):
    """A random forest on the 18 first-order features of the QSM; the other features are not looked at.

    It looks at standardised features, because SMOTE measures distances, and undefined ones are the training
    median. Its one logit is that of the forest's probability, clipped by `Forest.margin`.
    """

    one_member: ClassVar[bool] = True

    def __init__(self, settings: DetectorSettings, info: BundleInfo | None = None) -> None:
        super().__init__(settings, info)
        self.forest: Forest | None = None

    def fit(
        self,
        samples: LesionSamples,
        seeds: Sequence[int],
        device: str = "cpu",
        progress: Progress | None = None,
        checkpoint_dir: Path | None = None,
    ) -> None:
        """As in `RimDetector.fit`, with one seed; the forest grows on the CPU, in one go.

        ``device``, ``progress`` and ``checkpoint_dir`` have no effect.
        """
        # a model is applied without scikit-learn, whose import takes two seconds
        from qsmrim_app.learning.random_forest import fit_forest

        if len(seeds) != 1:
            raise UsageError(
                f"'{self.settings.method}' has one member, so it takes one seed, not {tuple(seeds)}"
            )
        self.check_measured(samples)
        columns = _columns(samples.feature_names)
        known = labelled_rows(samples)
        self.scaler = fit_feature_scaler(known.features, self.settings.training.feature_clip)
        seen = self.scaler.transform(known.features)[:, columns]  # (n, 18)
        self.forest = fit_forest(seen, known.rim.astype(np.int64), self.settings.forest, seeds[0])
        undefined = int((~np.isfinite(known.features[:, columns])).sum())
        self.info = BundleInfo(
            name=self.info.name,
            feature_names=samples.feature_names,
            engine=samples.engine,
            training=describe_training(samples, known, seeds) | {"n_undefined_features": undefined},
        )
        _LOG.info(
            "seed %d: %d trees of %d nodes", seeds[0], len(self.forest.tree_sizes), len(self.forest.feature)
        )

    def expected_seconds(self, samples: LesionSamples, device: str = "cpu") -> float:
        """As in `RimDetector.expected_seconds`: some of the trees are grown."""
        n_all = self.settings.forest.n_trees
        n_timed = min(_TIMED_TREES, n_all)
        self._seconds_of(1, samples)  # loads scikit-learn
        one, some = (
            min(self._seconds_of(n_trees, samples) for _ in range(_REPEATS)) for n_trees in (1, n_timed)
        )
        return some + (n_all - n_timed) * max(0.0, some - one) / max(1, n_timed - 1)

    def predict_logits(
        self, samples: LesionSamples, device: str = "cpu", batch_size: int = 64
    ) -> NDArray[np.float64]:
        """As in `RimDetector.predict_logits`: shape (n, 1)."""
        scaler, forest = self._require_fitted()
        self.check_samples(samples)
        seen = scaler.transform(samples.features)[:, _columns(samples.feature_names)]  # (n, 18)
        p_rim = np.clip(forest.predict(seen), forest.margin, 1 - forest.margin)
        logits = torch.special.logit(torch.from_numpy(p_rim))
        return np.asarray(logits.numpy()[:, None], dtype=np.float64)

    def to_bundle(self) -> Bundle:
        """As in `RimDetector.to_bundle`."""
        scaler, forest = self._require_fitted()
        arrays = {name: torch.from_numpy(getattr(forest, name)) for name in FOREST_ARRAYS}
        return Bundle(self.settings, self.info, scaler_to_plain(scaler), (arrays,))

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """As in `RimDetector.from_bundle`."""
        detector = cls(bundle.settings, bundle.info)
        detector.scaler = scaler_from_bundle(bundle)
        try:
            _columns(bundle.info.feature_names)
            detector.forest = _restore(bundle.members)
        except ModelError as error:
            raise CheckpointError(f"model '{bundle.info.name}': {error}") from error
        n_trees = len(detector.forest.tree_sizes)
        if n_trees != bundle.settings.forest.n_trees:
            raise CheckpointError(
                f"model '{bundle.info.name}' has {n_trees} trees, its settings say "
                f"{bundle.settings.forest.n_trees}"
            )
        return detector

    def _seconds_of(self, n_trees: int, samples: LesionSamples) -> float:
        forest = replace(self.settings.forest, n_trees=n_trees)
        part = AprlRandomForest(replace(self.settings, forest=forest), self.info)
        begin = time.perf_counter()
        part.fit(samples, (0,))
        return time.perf_counter() - begin

    def _require_fitted(self) -> tuple[FeatureScaler, Forest]:
        if self.scaler is None or self.forest is None:
            raise CheckpointError(f"model '{self.info.name}' has not been trained")
        return self.scaler, self.forest


def _columns(names: Sequence[str]) -> NDArray[np.intp]:
    """Where the first-order features stand, shape (18,)."""
    missing = [name for name in FIRST_ORDER if name not in names]
    if missing:
        raise FeatureMismatchError(
            f"{len(missing)} of the {len(FIRST_ORDER)} first-order features are missing, as {missing[:3]}"
        )
    return np.array([names.index(name) for name in FIRST_ORDER], dtype=np.intp)


def _restore(members: Sequence[Weights]) -> Forest:
    """The forest in the one member of a bundle; a `ModelError` says why there is none."""
    if len(members) != 1:
        raise ModelError(f"it has {len(members)} members; a random forest is one")
    if set(members[0]) != set(FOREST_ARRAYS):
        raise ModelError(f"it holds {sorted(members[0])[:6]}; a random forest is {sorted(FOREST_ARRAYS)}")
    try:
        arrays = {name: tensor.numpy() for name, tensor in members[0].items()}
    except (TypeError, RuntimeError) as error:  # a number format that numpy does not know
        raise ModelError(f"its arrays cannot be read ({error})") from error
    return Forest(len(FIRST_ORDER), **arrays)
