"""From a measured field back to susceptibility, by published ways that a cohort mixes.

``closed-form``: gradient-regularised least squares (Bilgic B et al., J Magn Reson Imaging 2014;40:181-191).
``truncated``: division with the kernel kept away from zero (Shmueli K et al., Magn Reson Med
2009;62:1510-1522). ``total-variation``: least squares with a total-variation penalty that is relaxed at the
edges of the magnitude, as in MEDI (Liu J et al., NeuroImage 2012;59:2560-2568), solved by variable splitting
(Bilgic B et al., Magn Reson Med 2015;73:1444-1455). ``isotropic-total-variation``: the same without the
magnitude, all three gradients shrunk together (Langkammer C et al., NeuroImage 2015;111:622-630, use such a
penalty). ``early-stopped``: least squares by Landweber's iteration, ended before noise grows, in closed form
(Strand ON, SIAM Journal on Numerical Analysis 1974;11:798-825).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from qsmrim_app.settings import Shape3, Vector3
from qsmrim_app.simulation.susceptibility import dipole_kernel, frequencies, padded_shape

InversionMethod = Literal[
    "closed-form", "truncated", "total-variation", "isotropic-total-variation", "early-stopped"
]
Shrink = Callable[[Sequence[NDArray[Any]], Sequence[NDArray[Any]]], list[NDArray[Any]]]
N_ITERATIONS = 12
STEEPEST = 2 / 3  # the kernel's largest magnitude
RIDGE = 0.003  # keeps frequencies near the cone, where the kernel vanishes, from shading the whole brain


@dataclass(frozen=True)
class InversionPlan:
    """How one map is reconstructed. ``strength`` has the method's own meaning.

    closed-form: weight of the squared gradient (mm^2). truncated: the smallest magnitude of the kernel.
    Either total variation: the gradient in ppb a millimetre below which variation is removed at each step.
    early-stopped: the number of iterations.
    """

    method: InversionMethod
    strength: float


def invert_field(
    field: NDArray[Any],
    magnitude: NDArray[Any],
    plan: InversionPlan,
    spacing_mm: Vector3,
    b0_direction: Vector3,
) -> NDArray[Any]:
    """Susceptibility from a field.

    Parameters
    ----------
    field
        ppb of B0, 0 outside the brain, shape (i, j, k).
    magnitude
        For the edges that total variation spares; any unit, same shape.
    plan, spacing_mm, b0_direction
        How, and on which grid.

    Returns
    -------
    NDArray
        ppb, float32, mean 0 over the padded grid: without a reference.
    """
    shape = field.shape
    assert len(shape) == 3
    padded = padded_shape(shape)
    kernel = dipole_kernel(padded, spacing_mm, b0_direction)
    spectrum = fft.rfftn(field.astype(np.float32, copy=False), s=padded, workers=1)
    if plan.method == "truncated":
        threshold = np.float32(plan.strength)
        safe = np.where(np.abs(kernel) < threshold, np.where(kernel < 0, -threshold, threshold), kernel)
        result = fft.irfftn(spectrum / safe, s=padded, workers=1)
    elif plan.method == "closed-form":
        weight = kernel**2 + RIDGE + np.float32(plan.strength) * _gradient_power(padded, spacing_mm)
        weight[0, 0, 0] = 1
        result = fft.irfftn(spectrum * (kernel / weight), s=padded, workers=1)
    elif plan.method == "early-stopped":
        power = np.minimum(kernel**2 / STEEPEST**2, 1)
        safe = np.where(kernel == 0, 1, kernel)
        result = fft.irfftn(
            spectrum * ((1 - (1 - power) ** np.float32(plan.strength)) / safe), s=padded, workers=1
        )
    elif plan.method == "isotropic-total-variation":
        limit = np.full(shape, plan.strength, dtype=np.float32)
        result = _total_variation(spectrum, kernel, [limit] * 3, spacing_mm, padded, _shrink_together)
    else:
        limits = _shrink_limits(magnitude, spacing_mm, plan.strength)
        result = _total_variation(spectrum, kernel, limits, spacing_mm, padded, _shrink_each)
    return np.ascontiguousarray(result[: shape[0], : shape[1], : shape[2]])


def _total_variation(
    spectrum: NDArray[Any],
    kernel: NDArray[Any],
    limits: list[NDArray[Any]],
    spacing_mm: Vector3,
    padded: Shape3,
    shrink: Shrink,
) -> NDArray[Any]:
    """Alternate between a closed-form solution and shrinking its gradients."""
    coupling = np.float32(0.02)
    crop = tuple(slice(0, size) for size in limits[0].shape)
    power = kernel**2 + RIDGE + coupling * _gradient_power(padded, spacing_mm)
    power[0, 0, 0] = 1
    data_term = spectrum * kernel
    result = fft.irfftn(data_term / power, s=padded, workers=1)
    duals = [np.zeros(limit.shape, dtype=np.float32) for limit in limits]
    for _ in range(N_ITERATIONS):
        divergence = np.zeros(padded, dtype=np.float32)
        wanted = [_difference(result, axis, spacing_mm[axis])[crop] + duals[axis] for axis in range(3)]
        kept = shrink(wanted, limits)
        for axis in range(3):
            duals[axis] = wanted[axis] - kept[axis]
            full = np.zeros(padded, dtype=np.float32)
            full[crop] = kept[axis] - duals[axis]
            divergence -= (full - np.roll(full, 1, axis)) / np.float32(spacing_mm[axis])
        update = fft.rfftn(divergence, workers=1)
        result = fft.irfftn((data_term + coupling * update) / power, s=padded, workers=1)
    return result


def _shrink_each(gradients: Sequence[NDArray[Any]], limits: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Each component of a gradient nearer to 0 by its limit."""
    pairs = zip(gradients, limits, strict=True)
    return [np.sign(slope) * np.maximum(np.abs(slope) - limit, 0) for slope, limit in pairs]


def _shrink_together(gradients: Sequence[NDArray[Any]], limits: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """The gradient as a vector shorter by the limit."""
    length = np.sqrt(sum(slope**2 for slope in gradients))
    share = np.maximum(1 - limits[0] / np.maximum(length, np.float32(1e-6)), 0)
    return [slope * share for slope in gradients]


def _shrink_limits(magnitude: NDArray[Any], spacing_mm: Vector3, strength: float) -> list[NDArray[Any]]:
    """By how much gradients along each axis are shrunk: less at the strongest edges of the magnitude."""
    limits = []
    for axis, size in enumerate(spacing_mm):
        slope = np.abs(_difference(magnitude, axis, size))
        edge = slope > np.percentile(slope[magnitude > 0], 70)
        limits.append(np.where(edge, np.float32(0.15 * strength), np.float32(strength)))
    return limits


def _difference(image: NDArray[Any], axis: int, size_mm: float) -> NDArray[Any]:
    """Forward difference along one axis, a millimetre; periodic."""
    slope: NDArray[Any] = (np.roll(image, -1, axis) - image) / np.float32(size_mm)
    return slope


def _gradient_power(shape: Shape3, spacing_mm: Vector3) -> NDArray[Any]:
    """Squared magnitude of the forward-difference gradient in the Fourier domain, 1 / mm^2."""
    parts = [
        (2 - 2 * np.cos(2 * np.pi * frequency * size)) / size**2
        for frequency, size in zip(frequencies(shape, spacing_mm), spacing_mm, strict=True)
    ]
    total: NDArray[Any] = (parts[0] + parts[1] + parts[2]).astype(np.float32)
    return total
