"""The simulated participant that several parts look at: made once, by the program, in the work folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsmrim_app.images import load_image
from qsmrim_app.levels.simulate import run_simulation
from qsmrim_app.records import FloatArray, SessionKey, Volume
from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.drawing import draw_participant
from qsmrim_app.simulation.grids import rigid
from qsmrim_app.tables.lesion_samples import LesionSamples, concatenate_samples, read_samples

SEED = 2026
KEYS = (SessionKey("sim001"), SessionKey("sim002"))


@dataclass(frozen=True, eq=False)
class Scans:
    """Images of a participant; ``qsm_to_flair`` is the true motion of world points, (4, 4), RAS mm."""

    flair: Volume
    magnitude: Volume
    qsm: Volume
    qsm_to_flair: FloatArray


def simulated_dataset(work: Path) -> Path:
    """A BIDS dataset of two participants, 63 and 43 lesions; made where it lacks."""
    run_simulation(_settings(work), work / "simulated")
    return work / "simulated"


def simulated_samples(work: Path) -> LesionSamples:
    """The samples of both participants, on faithful masks."""
    simulated_dataset(work)
    files = sorted((work / "simulated-samples" / "faithful").rglob("*_samples.safetensors"))
    return concatenate_samples([read_samples(file) for file in files])


def simulated_scans(work: Path) -> Scans:
    """FLAIR, magnitude and QSM of the first participant, with the motion between them."""
    root, key = simulated_dataset(work), KEYS[0]
    anat, derived = root / key.folder / "anat", root / "derivatives" / "qsm" / key.folder / "anat"
    scan = draw_participant(_settings(work), 1).scan
    return Scans(
        flair=load_image(anat / f"{key.prefix}_FLAIR.nii.gz").volume,
        magnitude=load_image(_only(anat, "*_part-mag_*.nii.gz")).volume,
        qsm=load_image(_only(derived, "*_Chimap.nii.gz")).volume,
        qsm_to_flair=rigid(scan.motion_deg, scan.motion_mm),
    )


def semireal_scans(data: Path, subject: str) -> Scans:
    """The same of a participant with a real FLAIR; the motion was made when its QSM was simulated."""
    root = data / "semireal"
    anat, derived = root / f"sub-{subject}" / "anat", root / "derivatives" / "qsm" / f"sub-{subject}" / "anat"
    truth = _only(data / "semireal_truth" / f"sub-{subject}", "*_from-FLAIR_to-T2starw_*_xfm.txt")
    return Scans(
        flair=load_image(_only(anat, "*_FLAIR.nii.gz")).volume,
        magnitude=load_image(_only(anat, "*_T2starw.nii.gz")).volume,
        qsm=load_image(_only(derived, "*_Chimap.nii.gz")).volume,
        qsm_to_flair=np.linalg.inv(np.loadtxt(truth)),
    )


def _settings(work: Path) -> SimulationSettings:
    return SimulationSettings(
        n_participants=len(KEYS), seed=SEED, guarantee_rim=True, samples_dir=work / "simulated-samples"
    )


def _only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found
