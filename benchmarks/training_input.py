"""What the input of a training costs: against the step itself, and against the loaders of MONAI and TorchIO.

    python benchmarks/training_input.py [--samples FOLDER] [--lesions 256] [--repeats 5] [--without-peers]

It runs in an environment that has the packages of ``benchmarks/requirements.txt``, too (``make
bench-training``). Times are processor seconds of one thread, so that other programs beside it count little;
ratios are of the same run, medians of turns that alternate.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that it also runs as a file

from benchmarks.peers import monai_batches, torchio_batches
from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.learning.batches import TrainingRows, prepare_batch, shuffled_batches
from qsmrim_app.learning.scaling import scale_patches
from qsmrim_app.learning.training import TrainingRun, optimiser_step, start_state
from qsmrim_app.networks.build import build_network
from qsmrim_app.settings import DetectorSettings, with_values
from qsmrim_app.tables.lesion_samples import concatenate_samples, read_samples
from studies.hardware import hardware
from studies.markdown import table

BATCH_SIZE = 64
N_FEATURES = 527


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables."""
    options = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    settings = new_detector(with_values(DetectorSettings(), {"network.width": options.width})).settings
    sets = {"lesions": _patches(options.samples, options.lesions)}
    sets["patches filled to the border"] = _filled(sets["lesions"])
    share = 100 * float((sets["lesions"][:, 0] != 0).float().mean())
    print(f"{hardware()}, one thread, torch {version('torch')}; processor seconds,")
    print(f"median of {options.repeats} turns; {options.lesions} lesions that fill {share:.1f} % of their")
    print(f"patches; batches of {BATCH_SIZE}.\n")
    print(overhead_table(sets["lesions"], settings, options.repeats), "\n")
    if not options.without_peers:
        print(rate_table(sets, settings, options.repeats))


def overhead_table(patches: Tensor, settings: DetectorSettings, n_turns: int) -> str:
    """A step on tensors that are there already, and one that makes its batch first."""
    rows, run = _rows(patches), TrainingRun(settings, 0)
    generator = torch.Generator().manual_seed(0)
    state = start_state(lambda: build_network(settings), run)
    state.network.train()
    batch = next(iter(shuffled_batches(len(patches), BATCH_SIZE, generator)))
    resident = prepare_batch(rows, batch, settings, run.device, generator)
    found = _alternating(
        {
            "resident": lambda: optimiser_step(state, resident, run, generator),
            "made": lambda: optimiser_step(
                state, prepare_batch(rows, batch, settings, run.device, generator), run, generator
            ),
        },
        n_turns,
    )
    more = 100 * (found["made"] / found["resident"] - 1)
    return table(
        ["step of `qsmrim-net`", "seconds", "over resident"],
        [
            [f"width {settings.network.width}, resident tensors", f"{found['resident']:.3f}", ""],
            ["batch drawn, scaled and augmented first", f"{found['made']:.3f}", f"{more:+.1f} %"],
        ],
    )


def rate_table(sets: dict[str, Tensor], settings: DetectorSettings, n_turns: int) -> str:
    """Augmented samples a second of our batches and of the loaders."""
    lines = []
    for name, patches in sets.items():
        found = _loader_seconds(patches, settings, n_turns)
        lines += [
            [f"{name}, {loader}", f"{len(patches) / seconds:.0f}", f"{seconds / found['qsmrim']:.1f}"]
            for loader, seconds in found.items()
        ]
    named = f"MONAI {version('monai')}, TorchIO {version('torchio')}"
    return table([f"augmentation ({named})", "samples a second", "times slower than qsmrim"], lines)


def _loader_seconds(patches: Tensor, settings: DetectorSettings, n_turns: int) -> dict[str, float]:
    """Processor seconds of an epoch's augmented batches, by whom."""
    rows, scaled = _rows(patches), scale_patches(patches, settings.patch)
    augmentation, spacing = settings.augmentation, settings.spacing_mm
    return _alternating(
        {
            "qsmrim": lambda: _consume(_our_batches(rows, settings)),
            "MONAI": lambda: _consume(monai_batches(scaled, augmentation, BATCH_SIZE)),
            "TorchIO": lambda: _consume(torchio_batches(scaled, augmentation, spacing, BATCH_SIZE)),
        },
        n_turns,
    )


def _our_batches(rows: TrainingRows, settings: DetectorSettings) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(0)
    for batch in shuffled_batches(len(rows.labels), BATCH_SIZE, generator):
        yield prepare_batch(rows, batch, settings, "cpu", generator)[0]


def _consume(batches: Iterator[Tensor]) -> int:
    return sum(len(batch) for batch in batches)


def _alternating(actions: dict[str, Callable[[], object]], n_turns: int) -> dict[str, float]:
    """Processor seconds of each action, the median over alternating turns; the first is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(n_turns + 1):
        for name, action in actions.items():
            begin = time.process_time()
            action()
            seconds[name].append(time.process_time() - begin)
    return {name: float(np.median(values[1:])) for name, values in seconds.items()}


def _patches(folder: Path | None, n: int) -> Tensor:
    """Patches of a cohort, every so-manyth, or ellipsoids with the volumes of lesions; (n, 2, 32, 32, 16)."""
    rng = np.random.default_rng(0)
    if folder is None:
        return _ellipsoids(n, rng)
    files = sorted(folder.rglob("*_samples.safetensors"))[:60]
    samples = concatenate_samples([read_samples(file) for file in files])
    chosen = rng.permutation(len(samples))[:n]
    return torch.from_numpy(samples.patches[chosen])


def _ellipsoids(n: int, rng: np.random.Generator) -> Tensor:
    """Noise inside ellipsoids of a log-normal volume, median 60 mm3, on voxels of 0.75 x 0.75 x 3 mm."""
    shape = DetectorSettings().patch.shape_vox
    i, j, k = (axis - (size - 1) / 2 for axis, size in zip(np.indices(shape), shape, strict=True))
    radius_mm = (60 * np.exp(rng.normal(0, 1.2, n)) * 3 / (4 * np.pi)) ** (1 / 3)
    distance = np.sqrt((0.75 * i) ** 2 + (0.75 * j) ** 2 + (3.0 * k) ** 2)
    inside = distance <= np.maximum(radius_mm, 1.6)[:, None, None, None]
    values = rng.normal(30, 15, (n, 2, *shape)) * inside[:, None]
    return torch.from_numpy(values.astype(np.float32))


def _filled(patches: Tensor) -> Tensor:
    return torch.where(patches == 0, torch.full_like(patches, 7.0), patches)


def _rows(patches: Tensor) -> TrainingRows:
    n = len(patches)
    features = torch.randn(n, N_FEATURES, generator=torch.Generator().manual_seed(0))
    return TrainingRows(patches, features, (torch.arange(n) % 20 == 0).float())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What the input of a training costs.")
    parser.add_argument("--samples", type=Path, help="folder with samples (default: ellipsoids)")
    parser.add_argument("--lesions", type=int, default=256, help="how many (default: 256)")
    parser.add_argument("--repeats", type=int, default=5, help="turns (default: 5)")
    parser.add_argument("--width", type=int, default=64, help="of the network (default: 64)")
    parser.add_argument("--without-peers", action="store_true", help="neither MONAI nor TorchIO")
    return parser


if __name__ == "__main__":
    main()
