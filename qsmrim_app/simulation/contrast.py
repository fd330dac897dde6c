"""What the scanner measures: FLAIR, and the complex echoes of the gradient-echo scan.

Relaxation rates at 3 T are round literature values (R2*: Peters AM et al., Magn Reson Imaging
2007;25:748-753).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from qsmrim_app.records import FloatArray, Volume
from qsmrim_app.settings import Vector3
from qsmrim_app.simulation.anatomy import Anatomy
from qsmrim_app.simulation.grids import ScanGrid, rigid
from qsmrim_app.simulation.protocols import Protocol
from qsmrim_app.simulation.random_fields import smooth_field, smooth_step

HERTZ_PER_TESLA = 42.577478e6  # proton
SIGNAL = {"white": 0.72, "grey": 0.80, "csf": 0.95, "nuclei": 0.76}
R2STAR_PER_S = {"white": 20.0, "grey": 17.0, "csf": 2.0, "nuclei": 18.0}
R2STAR_PER_PPB = 0.16  # iron in deep grey shortens T2* in proportion
FLAIR_SIGNAL = {"white": 0.55, "grey": 0.72, "csf": 0.10, "nuclei": 0.62}
FLAIR_LESION = 0.42  # what a typical lesion adds to white matter
SCALE = 1000.0  # stored units of an intensity of 1


@dataclass(frozen=True)
class ScanPlan:
    """Protocol, noise, shading and motion of one visit."""

    protocol: Protocol
    gre_snr: float  # of the first echo in white matter
    flair_snr: float
    gre_shading: float  # standard deviation of the logarithm of the bias field
    flair_shading: float
    filter_strength: float  # of the scanner's smoothing of k-space; 0: none, 1: a Hann window
    motion_deg: Vector3  # of the head between the scans
    motion_mm: Vector3
    seed: int


class Echoes(NamedTuple):
    """The gradient-echo scan on its grid: magnitude in stored units, field in ppb of B0."""

    magnitude: NDArray[Any]
    field_ppb: NDArray[Any]


def acquire_gradient_echo(
    anatomy: Anatomy,
    field_ppb: NDArray[Any],
    filled: NDArray[Any],
    blood: NDArray[Any],
    plan: ScanPlan,
) -> Echoes:
    """Noisy complex echoes, each averaged over its voxel, and the field fitted to their phase.

    Parameters
    ----------
    anatomy
        Tissue on the fine grid.
    field_ppb, filled, blood
        Local field, share of lesion and of venous blood; shape ``anatomy.grid.fine_shape``.
    plan
        Protocol, noise and shading.
    """
    grid, protocol = anatomy.grid, plan.protocol
    rng = np.random.default_rng([plan.seed, 1])
    brain = grid.average(anatomy.brain.astype(np.float32)) > 0.5
    shading = _shading(rng, grid, plan.gre_shading)
    noise = SIGNAL["white"] / plan.gre_snr
    signal, rate = _mix(anatomy, filled, SIGNAL, 0.84), _mix(anatomy, filled, R2STAR_PER_S, 15.0) + 25 * blood
    rate += np.float32(R2STAR_PER_PPB) * anatomy.nuclei * anatomy.nuclei_ppb
    rate *= np.float32(protocol.field_strength_t / 3.0)
    hertz = HERTZ_PER_TESLA * protocol.field_strength_t * 1e-9  # a ppb
    turn = np.float32(2 * np.pi * hertz) * field_ppb  # rad/s
    current = signal * _evolve(turn, rate, protocol.first_echo_s)
    step = _evolve(turn, rate, protocol.echo_spacing_s)
    echoes = np.empty((protocol.n_echoes, int(brain.sum())), dtype=np.complex64)
    for echo in range(protocol.n_echoes):
        image = grid.average(current) * shading
        image += np.float32(noise) * _complex_noise(rng, grid.shape)
        acquired = _keep_acquired(image, protocol.phase_resolution)
        echoes[echo] = _filter_in_plane(acquired, plan.filter_strength)[brain]
        current *= step
    field, magnitude = np.zeros(grid.shape, dtype=np.float32), np.zeros(grid.shape, dtype=np.float32)
    field[brain] = fit_field(echoes, np.array(protocol.echo_times_s)) / (2 * np.pi * hertz)
    magnitude[brain] = np.float32(SCALE) * np.sqrt((np.abs(echoes) ** 2).mean(axis=0))
    return Echoes(magnitude, field)


def fit_field(echoes: NDArray[Any], times_s: FloatArray) -> NDArray[Any]:
    """Angular frequency from the phase of complex echoes, weighted by their squared magnitude.

    A first estimate from neighbouring echoes removes the wraps; a line through the remaining phase refines
    it.

    Parameters
    ----------
    echoes
        complex64, shape (n_echoes, n).
    times_s
        Equally spaced, shape (n_echoes,).

    Returns
    -------
    NDArray
        rad/s, float32, shape (n,).
    """
    spacing = float(times_s[1] - times_s[0])
    estimate = np.angle((echoes[1:] * echoes[:-1].conj()).sum(axis=0)) / spacing
    times = times_s[:, None].astype(np.float32)
    unwound = echoes * _evolve(-times * estimate, np.zeros_like(estimate), 1.0)
    phase = np.angle(unwound * unwound.sum(axis=0).conj())
    weight = np.abs(echoes) ** 2
    total = np.maximum(weight.sum(axis=0), 1e-12)
    time = times - (weight * times).sum(axis=0) / total
    slope = (weight * time * phase).sum(axis=0) / np.maximum((weight * time**2).sum(axis=0), 1e-12)
    field: NDArray[Any] = (estimate + slope).astype(np.float32)
    return field


def _keep_acquired(image: NDArray[Any], share: float) -> NDArray[Any]:
    """The image whose k-space is zero beyond a share of its extent along j, with a soft edge."""
    if share >= 1:
        return image
    frequency = np.abs(np.fft.fftfreq(image.shape[1])) / 0.5
    window = smooth_step((share - frequency) / 0.06).astype(np.float32)[None, :, None]
    kept: NDArray[Any] = fft.ifft(fft.fft(image, axis=1, workers=1) * window, axis=1, workers=1)
    return kept


def _filter_in_plane(image: NDArray[Any], strength: float) -> NDArray[Any]:
    """The image with k-space damped towards its in-plane border: a raised cosine, a Hann window at 1."""
    if strength <= 0:
        return image
    damping = [
        1 - np.float32(strength / 2) * (1 - np.cos(2 * np.pi * np.fft.fftfreq(size))).astype(np.float32)
        for size in image.shape[:2]
    ]
    window = damping[0][:, None, None] * damping[1][None, :, None]
    kept: NDArray[Any] = fft.ifft2(fft.fft2(image, axes=(0, 1), workers=1) * window, axes=(0, 1), workers=1)
    return kept


def acquire_flair(anatomy: Anatomy, lesion: NDArray[Any], plan: ScanPlan, spacing_mm: Vector3) -> Volume:
    """A FLAIR scan of the same head after it moved, int16 in stored units.

    Parameters
    ----------
    anatomy, plan
        Tissue on the fine grid of the gradient-echo scan; noise, shading and motion.
    lesion
        FLAIR contrast of the lesions on that grid, 1 where a lesion is typical.
    spacing_mm
        Voxel size of the FLAIR.
    """
    rng = np.random.default_rng([plan.seed, 2])
    bright = _mix(anatomy, np.zeros_like(lesion), FLAIR_SIGNAL, 0.0)
    texture = smooth_field(rng, anatomy.grid.fine_shape, anatomy.grid.fine_spacing_mm, 4.0)
    bright += anatomy.white * np.float32(0.012) * texture
    grain = smooth_field(rng, anatomy.grid.fine_shape, anatomy.grid.fine_spacing_mm, 1.0)
    bright += anatomy.brain * np.float32(0.02) * grain
    bright += np.float32(FLAIR_LESION) * lesion * (anatomy.brain - 0.7 * anatomy.csf)
    grid, matrix = flair_grid(anatomy, plan, spacing_mm)
    image = ndimage.affine_transform(bright, matrix[:3, :3], matrix[:3, 3], output_shape=grid.shape, order=1)
    image *= _shading(rng, grid, plan.flair_shading)
    noise = FLAIR_SIGNAL["white"] / plan.flair_snr * _complex_noise(rng, grid.shape)
    inside = image > 0.02
    stored = np.rint(np.abs(image + noise) * SCALE) * ndimage.binary_closing(inside, iterations=2)
    return grid.volume(stored.astype(np.int16))


def flair_grid(anatomy: Anatomy, plan: ScanPlan, spacing_mm: Vector3) -> tuple[ScanGrid, FloatArray]:
    """The grid of the FLAIR, along the scanner's axes around the moved head, and the way to fine voxels.

    The matrix, shape (4, 4), takes voxels of the FLAIR to fine voxels of the gradient-echo scan.
    """
    moved = rigid(plan.motion_deg, plan.motion_mm)  # gradient-echo world to FLAIR world
    points = np.argwhere(anatomy.brain[::4, ::4, ::4]) * 4
    world = moved @ anatomy.grid.fine_affine
    position = points @ world[:3, :3].T + world[:3, 3]
    low, high = position.min(axis=0) - 8, position.max(axis=0) + 8
    i, j, k = (int(np.ceil((b - a) / size)) for a, b, size in zip(low, high, spacing_mm, strict=True))
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = np.round(low)
    return ScanGrid((i, j, k), affine, (1, 1, 1)), np.linalg.inv(world) @ affine


def _mix(anatomy: Anatomy, filled: NDArray[Any], values: dict[str, float], lesion: float) -> NDArray[Any]:
    """A property as the mean over the tissues of a voxel, with lesions in their place."""
    mixed = sum(
        np.float32(values[name]) * tissue
        for name, tissue in (
            ("white", anatomy.white),
            ("grey", anatomy.grey),
            ("csf", anatomy.csf),
            ("nuclei", anatomy.nuclei),
        )
    )
    blended: NDArray[Any] = mixed + filled * (np.float32(lesion) - mixed)
    return blended


def _shading(rng: np.random.Generator, grid: ScanGrid, strength: float) -> NDArray[Any]:
    """A smooth multiplicative field around 1."""
    return np.exp(np.float32(strength) * smooth_field(rng, grid.shape, grid.spacing_mm, 45.0))


def _evolve(turn: NDArray[Any], rate: NDArray[Any], time_s: float) -> NDArray[Any]:
    """How a signal turns (rad/s) and decays (1/s) in a time, complex64."""
    factor = np.empty(turn.shape, dtype=np.complex64)
    angle, decay = turn * np.float32(time_s), np.exp(rate * np.float32(-time_s))
    factor.real, factor.imag = decay * np.cos(angle), decay * np.sin(angle)
    return factor


def _complex_noise(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    """Standard deviation 1 in the real and in the imaginary part, complex64."""
    noise = np.empty(shape, dtype=np.complex64)
    noise.real, noise.imag = rng.standard_normal((2, *shape), dtype=np.float32)
    return noise
