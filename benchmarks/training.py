"""The input of a training: against the step itself, and against the loaders of MONAI and TorchIO.

Patches are those of the simulated participants, or of a cohort in ``work/bench/samples``, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.loader_peers import monai_batches, torchio_batches
from benchmarks.parts import Headline, Part, Row, Setup
from benchmarks.simulated import simulated_samples
from benchmarks.timing import alternate, median, ratios, significant, spread
from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.learning.batches import TrainingRows, prepare_batch, shuffled_batches
from qsmrim_app.learning.scaling import scale_patches
from qsmrim_app.learning.training import TrainingRun, optimiser_step, start_state
from qsmrim_app.networks.build import build_network
from qsmrim_app.plain_data import with_values
from qsmrim_app.settings import DetectorSettings
from qsmrim_app.tables.lesion_samples import concatenate_samples, read_samples
from studies.markdown import table

BATCH_SIZE = 64
N_FEATURES = 527
WIDTHS = (16, 64)  # of the default model, and the paper's
LESIONS, FILLED = "lesions", "patches filled to the border"
OURS = "qsmrim"
_OVERHEAD_LIMIT = 0.25
_FASTER_THAN = {"MONAI": 4, "TorchIO": 10}  # at least
_PACKAGES = {"MONAI": "monai", "TorchIO": "torchio"}


def measure(setup: Setup) -> list[Row]:
    """Processor seconds of a step with and without making its batch, and of an epoch's batches by whom."""
    n_lesions, n_turns = setup.choose(64, 256), setup.choose(1, 5)
    patches = _patches(setup.work, n_lesions)
    rows: list[Row] = []
    for width in setup.choose((2,), WIDTHS):
        rows += _steps(patches, width, n_turns)
    for name, seen in {LESIONS: patches, FILLED: _filled(patches)}.items():
        times = alternate(_loaders(seen), n_turns)
        share = float((seen[:, 0] != 0).float().mean())
        rows += [
            {"data": name, "filled": share, "loader": who, "n": len(seen), "seconds": seconds}
            for who, seconds in times.items()
        ]
    return rows


def headlines(rows: list[Row]) -> list[Headline]:
    """The loaders on lesions, and what the input adds to a step of the paper's width."""
    found = []
    for peer, limit in _FASTER_THAN.items():
        times = _times_slower(rows, LESIONS, peer)
        if times:
            kept = "kept" if median(times) >= limit else "not kept"
            found.append(
                Headline(
                    f"augmentation against {peer}'s loader",
                    f"{spread(times)} times as fast",
                    f"at least {limit}: {kept}",
                )
            )
    width = max(row["width"] for row in rows if "width" in row)
    more = median(_overhead(rows, width))
    kept = "kept" if more <= _OVERHEAD_LIMIT else "not kept"
    what = f"training step of width {width}, what making its batch adds"
    return [*found, Headline(what, _percent(more), f"at most {_percent(_OVERHEAD_LIMIT)}: {kept}")]


def section(rows: list[Row]) -> str:
    """Steps, then loaders, then both together."""
    steps = [
        [
            f"width {row['width']}",
            spread(row["resident"]),
            spread(row["made"]),
            spread([100 * value for value in _overhead(rows, row["width"])], 2) + " %",
        ]
        for row in rows
        if "width" in row
    ]
    loaders = [
        [
            f"{row['data']} ({_percent(row['filled'])} of a patch), {row['loader']}",
            spread(_times_slower(rows, row["data"], row["loader"])),
            f"{row['n'] / median(row['seconds']):.0f}",
        ]
        for row in rows
        if "loader" in row
    ]
    return "\n\n".join(
        [
            f"A step of `qsmrim-net` on {BATCH_SIZE} patches, processor seconds of one thread:",
            table(
                [
                    "network",
                    "on tensors that are there",
                    "batch drawn, scaled and augmented first",
                    "that adds",
                ],
                steps,
            ),
            "The same augmentation by whom (flip, affine, blur):",
            table(["patches", "times slower than qsmrim", "samples a processor second"], loaders),
            f"The whole training, {BATCH_SIZE} lesions each: processor seconds of the step and of its batch "
            "by each loader:",
            table(["network", *_together_columns(rows)], _together(rows)),
            "MONAI and TorchIO get scaled patches, one after the other in this process, and the transforms "
            "nearest to qsmrim's. They are not told that most of a patch is empty, which qsmrim uses; "
            "*filled to the border* takes that away.",
        ]
    )


def _steps(patches: Tensor, width: int, n_turns: int) -> list[Row]:
    """A step on tensors that are there already, and one that makes its batch first."""
    settings = new_detector(with_values(DetectorSettings(), {"network.width": width})).settings
    rows, run = _rows(patches), TrainingRun(settings, 0)
    generator = torch.Generator().manual_seed(0)
    state = start_state(lambda: build_network(settings), run)
    state.network.train()
    batch = next(iter(shuffled_batches(len(patches), BATCH_SIZE, generator)))
    resident = prepare_batch(rows, batch, settings, run.device, generator)
    times = alternate(
        {
            "resident": lambda: optimiser_step(state, resident, run, generator),
            "made": lambda: optimiser_step(
                state, prepare_batch(rows, batch, settings, run.device, generator), run, generator
            ),
        },
        n_turns,
    )
    return [{"width": width, **times}]


def _loaders(patches: Tensor) -> dict[str, object]:
    settings = new_detector(DetectorSettings()).settings
    rows, scaled = _rows(patches), scale_patches(patches, settings.patch)
    augmentation, spacing = settings.augmentation, settings.spacing_mm
    everyone = {
        OURS: lambda: _consume(_our_batches(rows, settings)),
        "MONAI": lambda: _consume(monai_batches(scaled, augmentation, BATCH_SIZE)),
        "TorchIO": lambda: _consume(torchio_batches(scaled, augmentation, spacing, BATCH_SIZE)),
    }
    return {name: loader for name, loader in everyone.items() if find_spec(_PACKAGES.get(name, "torch"))}


def _our_batches(rows: TrainingRows, settings: DetectorSettings) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(0)
    for batch in shuffled_batches(len(rows.labels), BATCH_SIZE, generator):
        yield prepare_batch(rows, batch, settings, "cpu", generator)[0]


def _consume(batches: Iterator[Tensor]) -> int:
    return sum(len(batch) for batch in batches)


def _patches(work: Path, n: int) -> Tensor:
    """Patches of a cohort, every so-manyth; of the simulated participants, repeated, where there is none."""
    folder = work / "samples"
    if folder.is_dir():
        files = sorted(folder.rglob("*_samples.safetensors"))[:60]
        samples = concatenate_samples([read_samples(file) for file in files])
    else:
        samples = simulated_samples(work)
    chosen = np.resize(np.random.default_rng(0).permutation(len(samples)), n)
    return torch.from_numpy(samples.patches[chosen])


def _filled(patches: Tensor) -> Tensor:
    return torch.where(patches == 0, torch.full_like(patches, 7.0), patches)


def _rows(patches: Tensor) -> TrainingRows:
    n = len(patches)
    features = torch.randn(n, N_FEATURES, generator=torch.Generator().manual_seed(0))
    return TrainingRows(patches, features, (torch.arange(n) % 20 == 0).float())


def _seconds(rows: list[Row], data: str, loader: str) -> list[float]:
    return next(
        (row["seconds"] for row in rows if (row.get("data"), row.get("loader")) == (data, loader)), []
    )


def _times_slower(rows: list[Row], data: str, loader: str) -> list[float]:
    return ratios(_seconds(rows, data, loader), _seconds(rows, data, OURS))


def _overhead(rows: list[Row], width: int) -> list[float]:
    (row,) = (row for row in rows if row.get("width") == width)
    return [ratio - 1 for ratio in ratios(row["made"], row["resident"])]


def _together_columns(rows: list[Row]) -> list[str]:
    return ["step alone", *(row["loader"] for row in rows if row.get("data") == LESIONS)]


def _together(rows: list[Row]) -> list[list[str]]:
    lines = []
    for step in (row for row in rows if "width" in row):
        alone = median(step["resident"])
        loads = [BATCH_SIZE * median(row["seconds"]) / row["n"] for row in rows if row.get("data") == LESIONS]
        lines.append(
            [f"width {step['width']}", significant(alone), *(significant(alone + load) for load in loads)]
        )
    return lines


def _percent(share: float) -> str:
    return f"{significant(100 * share, 2)} %"


PART = Part(
    name="training",
    title="Training: augmentation and steps",
    packages=("torch", "monai", "torchio"),
    measure=measure,
    headlines=headlines,
    section=section,
)
