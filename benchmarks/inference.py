"""Running the networks: batch sizes, memory formats, precisions, and what they change in probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.parts import Curve, Headline, Panel, Part, Row, Setup
from benchmarks.simulated import simulated_samples
from benchmarks.timing import alternate, median, ratios, significant, spread
from qsmrim_app.detectors.network_ensemble import NetworkEnsemble
from qsmrim_app.detectors.registry import load_detector
from qsmrim_app.learning.scaling import scale_patches
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.networks.build import build_network
from qsmrim_app.tables.lesion_samples import LesionSamples
from studies.markdown import table

PLAIN, LAST, HALF, BOTH = "fp32", "fp32, channels last", "bf16", "bf16, channels last"
MODES = {PLAIN: (False, False), LAST: (False, True), HALF: (True, False), BOTH: (True, True)}  # half, last
LARGEST_DIFFERENCE = 0.005  # of a probability, that a mode may make to be a default
PAPER_WIDTH = 64


def measure(setup: Setup) -> list[Row]:
    """Processor seconds by width, batch size and mode; differences of the default model's probabilities."""
    samples = simulated_samples(setup.work)
    detector = load_detector(DEFAULT_MODEL)
    assert isinstance(detector, NetworkEnsemble)
    n = setup.choose(16, 128, 512)
    patches, features = _inputs(samples, detector, n)
    networks = {
        f"default model, {len(detector.members)} members, width {detector.settings.network.width}": list(
            detector.members
        ),
        f"one network of width {PAPER_WIDTH}": [_wide(detector)],
    }
    rows = []
    for name, members in networks.items():
        for batch in setup.choose((16,), (1, 8, 32, 64, 128)):
            actions = {
                mode: lambda members=members, batch=batch, mode=mode: logits(
                    members, patches, features, batch, mode
                )
                for mode in MODES
            }
            times = alternate(actions, setup.choose(1, 3, 7))
            rows += [
                {"network": name, "batch": batch, "mode": mode, "n": n, "seconds": seconds}
                for mode, seconds in times.items()
            ]
    return rows + _differences(samples, detector)


def logits(
    members: Sequence[nn.Module], patches: Tensor, features: Tensor, batch: int, mode: str
) -> NDArray[np.float64]:
    """Logits of the members, shape (n, members), in a mode."""
    half, last = MODES[mode]
    found = []
    context = torch.autocast("cpu", dtype=torch.bfloat16) if half else nullcontext()
    layout = torch.channels_last_3d if last else torch.contiguous_format
    networks = [member.to(memory_format=layout).eval() for member in members]
    with torch.inference_mode(), context:
        for seen, row in zip(patches.split(batch), features.split(batch), strict=True):
            seen = seen.contiguous(memory_format=layout)
            found.append(torch.stack([network(seen, row).logits.double() for network in networks], dim=1))
    return torch.cat(found).numpy()


def headlines(rows: list[Row]) -> list[Headline]:
    """What the modes bring at the batch size of the program, and what they cost."""
    speeds = [row for row in rows if "network" in row]
    found = []
    for network in dict.fromkeys(row["network"] for row in speeds):
        batches = {row["batch"] for row in speeds}
        at = 64 if 64 in batches else max(batches)
        by_mode = {row["mode"]: row for row in speeds if (row["network"], row["batch"]) == (network, at)}
        for mode in (LAST, BOTH):
            times = spread(ratios(by_mode[PLAIN]["seconds"], by_mode[mode]["seconds"]), 2)
            worst = _difference(rows, mode)
            kept = "within" if worst <= LARGEST_DIFFERENCE else "beyond"
            detail = f"probabilities differ by at most {significant(worst, 2)}, {kept} {LARGEST_DIFFERENCE:g}"
            found.append(
                Headline(f"inference, {mode}, {network}, against {PLAIN}", f"{times} times as fast", detail)
            )
    return found


def section(rows: list[Row]) -> str:
    """Patches a second by batch size and mode; differences."""
    speeds = [row for row in rows if "network" in row]
    lines = [
        [
            f"{network}, batches of {batch}",
            *(
                f"{row['n'] / median(row['seconds']):.0f}"
                for mode in MODES
                for row in speeds
                if (row["network"], row["batch"], row["mode"]) == (network, batch, mode)
            ),
        ]
        for network, batch in dict.fromkeys((row["network"], row["batch"]) for row in speeds)
    ]
    apart = [
        [mode, row["n"], significant(row["largest"], 2), significant(row["of_member"], 2), row["flipped"]]
        for mode in MODES
        for row in rows
        if "largest" in row and row["mode"] == mode
    ]
    return "\n\n".join(
        [
            "Patches (of all members) a processor second, one thread, median:",
            table(["", *MODES], lines),
            "Probabilities of the default model against fp32:",
            table(
                ["mode", "lesions", "largest difference", "of a single member", "rim calls that change"],
                apart,
            ),
            "Lesions of two simulated participants, each also with noise of 2 % of its susceptibility to "
            "have more of them. The default model's probability of a lesion is the median of its members. "
            "qsmrim classifies in fp32 everywhere (decision 0028): probabilities are compared across "
            "machines, and classifying is the shortest stage of a participant.",
        ]
    )


def plot(rows: list[Row]) -> list[Panel]:
    """Milliseconds a patch against the batch size, a panel a network."""
    speeds = [row for row in rows if "network" in row]
    panels = []
    for network in dict.fromkeys(row["network"] for row in speeds):
        curves = []
        for mode in MODES:
            mine = [row for row in speeds if (row["network"], row["mode"]) == (network, mode)]
            cost = [1000 * median(row["seconds"]) / row["n"] for row in mine]
            curves.append(Curve(mode, [row["batch"] for row in mine], cost))
        panels.append(Panel(f"batch size; {network}", "processor ms a patch", curves))
    return panels


def _wide(detector: NetworkEnsemble) -> nn.Module:
    torch.manual_seed(0)
    network = replace(detector.settings.network, width=PAPER_WIDTH)
    return build_network(replace(detector.settings, network=network))


def _inputs(samples: LesionSamples, detector: NetworkEnsemble, n: int) -> tuple[Tensor, Tensor]:
    """N scaled patches and standardised features; samples repeat, with noise, where there are fewer."""
    assert detector.scaler is not None
    rows = np.arange(n) % len(samples)
    rng = np.random.default_rng(0)
    noise = np.where(np.arange(n) < len(samples), 0, 0.02)[:, None, None, None, None]
    patches = samples.patches[rows] * (
        1 + noise * rng.standard_normal((n, *samples.patches.shape[1:]))
    ).astype(np.float32)
    features = detector.scaler.transform(samples.features[rows])
    return scale_patches(torch.from_numpy(patches), detector.settings.patch), torch.from_numpy(features)


def _differences(samples: LesionSamples, detector: NetworkEnsemble) -> list[Row]:
    patches, features = _inputs(samples, detector, 4 * len(samples))
    calibrated = detector.info.calibration.probabilities
    threshold = detector.threshold("f1")
    plain = calibrated(logits(detector.members, patches, features, 64, PLAIN))
    rows = []
    for mode in MODES:
        other = calibrated(logits(detector.members, patches, features, 64, mode))
        ours, theirs = np.median(plain, axis=1), np.median(other, axis=1)
        rows.append(
            {
                "mode": mode,
                "n": len(plain),
                "largest": float(np.abs(theirs - ours).max()),
                "of_member": float(np.abs(other - plain).max()),
                "flipped": int(((ours >= threshold) != (theirs >= threshold)).sum()),
            }
        )
    return rows


def _difference(rows: list[Row], mode: str) -> float:
    return next(float(row["largest"]) for row in rows if "largest" in row and row["mode"] == mode)


PART = Part(
    name="inference",
    title="Running the networks",
    packages=("torch",),
    measure=measure,
    headlines=headlines,
    section=section,
    plot=plot,
)
