"""Run the App on the semi-real participants as a user would, and read what it wrote."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from qsmrim_app.bids_io.names import session_path
from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.images import load_image, load_labels, susceptibility_unit, to_ppb
from qsmrim_app.levels.classifying import DEFAULT_MODEL
from qsmrim_app.records import SessionKey, Volume
from qsmrim_app.tables.lesion_table import concatenate
from studies.cohort_files import SEMIREAL
from studies.contrast import measure_lesions

PROGRAM = Path(sys.executable).with_name("qsmrim")  # of the same environment
KEYS = tuple(SessionKey(name) for name in SEMIREAL)
_MARK = "study-semireal.json"  # in logs/: which model the output is of


@dataclass(frozen=True)
class Model:
    """What the study says of a model: its name, what it was trained on, and its thresholds by name."""

    name: str
    statement: str
    operating_points: dict[str, float]
    sha256: str  # of its manifest, which holds those of its weights

    @classmethod
    def read(cls, folder: Path | None) -> Model:
        """The model of a folder; None is the App's default."""
        raw = ((folder or DEFAULT_MODEL) / "model.json").read_bytes()
        info = json.loads(raw)["info"]
        points = {name: float(value) for name, value in info["operating_points"].items()}
        return cls(info["name"], info["statement"], points, hashlib.sha256(raw).hexdigest())


@dataclass(frozen=True, eq=False)
class Images:
    """What the App looked at, on the grid of the QSM: ppb, FLAIR after N4, labels, brain."""

    qsm: Volume
    flair: Volume
    labels: Volume


def run_app(data: Path, output_dir: Path, folder: Path | None, model: Model) -> None:
    """``qsmrim`` on both participants; a complete output of the same model is used again.

    Raises
    ------
    CalledProcessError
        If a participant failed.
    """
    mark = output_dir / "logs" / _MARK
    wanted = {"model_sha256": model.sha256, "data": str(data.resolve())}
    if mark.exists() and json.loads(mark.read_text(encoding="utf-8")) == wanted:
        return
    mark.unlink(missing_ok=True)
    command: list[Any] = [PROGRAM, data / "semireal", output_dir, "participant"]
    command += ["--participant-label", *SEMIREAL, "--nprocs", "2", "--device", "cpu"]
    command += ["--model", folder] if folder else []
    subprocess.run([str(word) for word in command], check=True)
    mark.write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")


def read_table(output_dir: Path) -> pd.DataFrame:
    """The lesion tables of both participants, with the hand-made layer contrast on the App's masks."""
    tables = [read_lesion_table(output_dir / session_path(key, "lesions", ".tsv")) for key in KEYS]
    layers = {
        (key.subject, label): value for key in KEYS for label, value in _layers(output_dir, key).items()
    }
    frame = concatenate(tables).frame
    pairs = zip(frame["subject"], frame["index"], strict=True)
    return frame.assign(
        layer_ppb=[layers.get((subject, int(index)), float("nan")) for subject, index in pairs]
    )


def read_images(output_dir: Path, key: SessionKey) -> Images:
    """The images of one participant, from the App's output."""
    qsm_path = output_dir / session_path(key, "qsm", ".nii.gz")
    qsm = load_image(qsm_path).volume
    return Images(
        to_ppb(qsm, susceptibility_unit(qsm.data, "ppm", qsm_path)),
        load_image(output_dir / session_path(key, "flair", ".nii.gz")).volume,
        load_labels(output_dir / session_path(key, "lesions", ".nii.gz")).volume,
    )


def _layers(output_dir: Path, key: SessionKey) -> dict[int, float]:
    images = read_images(output_dir, key)
    found = measure_lesions(images.qsm, images.labels)
    return {label: contrast.layer_ppb for label, contrast in found.items()}
