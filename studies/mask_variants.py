"""Whether training on several outlines of the same lesions, one drawn an epoch, helps on plain FLAIR masks.

``python studies/mask_variants.py FOLDER [--participants 100] [--nprocs 2]``. Participants of the cohort of
``make default-model`` are measured under their faithful mask and under four plain FLAIR masks, each with
its own features. Two networks with the settings of the default model see as many lesions an epoch: one the
faithful outline and the first FLAIR mask of each training participant, the other the faithful outline and
one of the four, drawn anew. Both are scored on held-out participants. An interrupted run goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from numpy.typing import NDArray

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.evaluation.bootstrap import draw_subjects
from qsmrim_app.evaluation.comparison import compare
from qsmrim_app.evaluation.folds import assign_folds, folds_of_rows
from qsmrim_app.evaluation.scorecard import score
from qsmrim_app.evaluation.scored_lesions import ScoredLesions
from qsmrim_app.learning import training
from qsmrim_app.levels import simulated_samples
from qsmrim_app.levels.gathering import gather
from qsmrim_app.plain_data import with_values
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import DetectorSettings, SimulationSettings
from qsmrim_app.simulation import cohort
from qsmrim_app.simulation.drawing import draw_participant
from qsmrim_app.simulation.flair_masks import draw_flair_mask, outline_on_flair
from qsmrim_app.tables.lesion_samples import LesionSamples, concatenate_samples
from studies.markdown import table

FAITHFUL = "faithful"
VARIANTS = ("flair", "flair1", "flair2", "flair3")
ARMS = {"one FLAIR mask": VARIANTS[:1], "one of four, drawn": VARIANTS}
COHORT = SimulationSettings(seed=4205, protocol="varied", flair_masks="merged")
N_FOLDS, SEED = 5, 0
Samples = Mapping[str, LesionSamples]


def main() -> None:
    """Measure, train, and print both arms."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--participants", type=int, default=100)
    parser.add_argument("--nprocs", type=int, default=2)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes below
    with ProcessPoolExecutor(options.nprocs, get_context("spawn")) as pool:
        list(pool.map(partial(measure, options.folder / "samples"), range(1, options.participants + 1)))
        jobs = [(options.folder, arm, fold) for arm in ARMS for fold in range(N_FOLDS)]
        list(pool.map(held_out_logits, *zip(*jobs, strict=True)))
    print(comparison(options.folder))


def measure(folder: Path, number: int) -> None:
    """The samples of one participant under every mask, once."""
    plan = draw_participant(COHORT, number)
    if (folder / VARIANTS[-1] / f"sub-{plan.label}").exists():
        return
    masks = []

    def several(lesions: Any, anatomy: Any, flair_mask: Any, *grid: Any) -> Any:
        for n in range(1, len(VARIANTS)):
            other = draw_flair_mask(np.random.default_rng([flair_mask.seed, 100 + n]))
            masks.append(outline_on_flair(lesions, anatomy, other, *grid))
        return outline_on_flair(lesions, anatomy, flair_mask, *grid)

    with mock.patch.object(cohort, "outline_on_flair", several):
        participant = cohort.simulate_participant(plan, COHORT)
    found = simulated_samples.measure_simulated(participant, COHORT.detector)
    for name, mask in zip(VARIANTS[1:], masks, strict=True):
        again = simulated_samples.measure_simulated(replace(participant, flair_labels=mask), COHORT.detector)
        found[name] = again[simulated_samples.FLAIR]
    simulated_samples.write_simulated_samples(folder, SessionKey(plan.label), found)


def held_out_logits(folder: Path, arm: str, fold: int) -> None:
    """Train one arm without a fold, and keep what it says of that fold."""
    target = folder / "out" / f"{list(ARMS).index(arm)}_{fold}.npz"
    if target.exists():
        return
    samples = read(folder)
    fold_of = folds(samples[FAITHFUL])
    learnt = {
        name: part.take(folds_of_rows(part.subjects, fold_of) != fold)
        for name, part in samples.items()
        if name in (FAITHFUL, *ARMS[arm])
    }
    which = np.repeat(np.arange(len(learnt)), [len(part) for part in learnt.values()])
    rows = concatenate_samples(list(learnt.values()))
    batches = partial(drawn_batches, which, np.unique(rows.subjects, return_inverse=True)[1])
    model = new_detector(default_settings())
    with mock.patch.object(training, "shuffled_batches", batches):
        model.fit(rows, (SEED,))
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez(target, **{name: model.predict_logits(part)[:, 0] for name, part in samples.items()})


def drawn_batches(
    which: NDArray[Any], subject: NDArray[Any], n_rows: int, batch_size: int, generator: torch.Generator
) -> Iterator[torch.Tensor]:
    """As `shuffled_batches`, of the faithful rows (0) and of one other outline drawn for each subject."""
    picked = torch.randint(1, int(which.max()) + 1, (int(subject.max()) + 1,), generator=generator).numpy()
    kept = torch.from_numpy(np.flatnonzero((which == 0) | (which == picked[subject])))
    order = kept[torch.randperm(len(kept), generator=generator)]
    return (rows for rows in torch.split(order, batch_size) if len(rows) > 1)


def default_settings() -> DetectorSettings:
    """The settings of the default model."""
    plain = tomllib.loads(Path(__file__).with_name("default_model.toml").read_text())["detector"]
    values = {
        f"{part}.{name}": tuple(value) if isinstance(value, list) else value
        for part, settings in plain.items()
        for name, value in settings.items()
    }
    return with_values(DetectorSettings(), values)


def read(folder: Path) -> dict[str, LesionSamples]:
    """Mask -> labelled samples."""
    places = {name: folder / "samples" / name for name in (FAITHFUL, *VARIANTS)}
    gathered = gather({"": places.pop(FAITHFUL)}, places)
    found = {FAITHFUL: gathered.samples} | {name: part.samples for name, part in gathered.variants.items()}
    return {name: part.take(~np.isnan(part.rim)) for name, part in found.items()}


def folds(samples: LesionSamples) -> dict[str, int]:
    """Subject -> fold."""
    counts = dict.fromkeys(samples.subjects.tolist(), 0)
    for subject, rim in zip(samples.subjects.tolist(), samples.rim.tolist(), strict=True):
        counts[subject] += int(rim)
    return assign_folds(counts, N_FOLDS, np.random.default_rng(SEED))


def comparison(folder: Path) -> str:
    """Markdown: PR AUC of both arms by mask, and the paired difference over resampled participants."""
    samples = read(folder)
    fold_of = folds(samples[FAITHFUL])
    draws = draw_subjects(fold_of, np.random.default_rng(SEED))
    lines = []
    for name in (FAITHFUL, *VARIANTS):
        of_rows = folds_of_rows(samples[name].subjects, fold_of)
        cards = []
        for number in range(len(ARMS)):
            logits = np.full(len(samples[name]), np.nan)
            for fold in range(N_FOLDS):
                said = np.load(folder / "out" / f"{number}_{fold}.npz")[name]
                logits[of_rows == fold] = said[of_rows == fold]
            p_rim = 1 / (1 + np.exp(-logits))
            lesions = ScoredLesions(samples[name].keys, of_rows, samples[name].rim, p_rim, p_rim > 0.5)
            cards.append(score(lesions, draws))
        gain = compare(cards[1], cards[0])["pr_auc"]
        areas = [f"{card.figures['pr_auc'].value:.3f}" for card in cards]
        interval = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        lines.append([name, str(int(samples[name].rim.sum())), *areas, interval])
    return table(["mask", "rim+", *ARMS, "gain"], lines)


if __name__ == "__main__":
    main()
