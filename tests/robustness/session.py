"""A small good session on disk, and what the program makes of it up to the lesion rows."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.errors import QsmrimError
from qsmrim_app.levels.measuring import MeasuredSession
from qsmrim_app.levels.session_tasks import MeasureTask, measure_inputs
from qsmrim_app.preprocessing.alignment_interfaces import ResampleToGrids
from qsmrim_app.preprocessing.interfaces import (
    HarmoniseImage,
    HarmoniseQsm,
    MakeBrainMask,
    NumberLesions,
)
from qsmrim_app.preprocessing.prepared_file import write_registration
from qsmrim_app.preprocessing.step import Step
from qsmrim_app.records import PreparedSubject, RegistrationResult, SubjectInputs
from qsmrim_app.settings import DetectorSettings, InputSettings, LesionSettings
from tests import phantoms

SPEC = phantoms.DatasetSpec(subjects=("01",), lesion_files=("instances",), raters=False)
BY_HEADER = RegistrationResult(np.eye(4), "header", "sitk", 0.5, 0.5, 0.9, 0.9)


@dataclass(frozen=True)
class SessionFiles:
    """The files of the session of one subject in a dataset."""

    root: Path
    subject: str = "01"

    def _anat(self, dataset: str = "") -> Path:
        return self.root / dataset / f"sub-{self.subject}" / "anat"

    @property
    def qsm(self) -> Path:
        """The Chimap."""
        return self._anat("derivatives/qsm") / f"sub-{self.subject}_Chimap.nii.gz"

    @property
    def flair(self) -> Path:
        """The FLAIR."""
        return self._anat() / f"sub-{self.subject}_FLAIR.nii.gz"

    @property
    def magnitude(self) -> Path:
        """The gradient echo magnitude."""
        return self._anat() / f"sub-{self.subject}_part-mag_T2starw.nii.gz"

    @property
    def lesions(self) -> Path:
        """The instance map, in FLAIR space."""
        name = f"sub-{self.subject}_space-FLAIR_desc-lesions_dseg.nii.gz"
        return self._anat("derivatives/lesions") / name

    @property
    def table(self) -> Path:
        """The table of the instance map."""
        return beside(self.lesions, ".tsv")

    @property
    def sidecar(self) -> Path:
        """The JSON sidecar of the Chimap."""
        return beside(self.qsm, ".json")


@dataclass(frozen=True)
class Result:
    """What came of a session: its files and rows, or the error; ``notes`` reach report and log."""

    error: QsmrimError | None
    notes: tuple[str, ...] = ()
    prepared: PreparedSubject | None = None
    measured: MeasuredSession | None = None


def analyse(root: Path, work: Path, measure: bool = False) -> Result:
    """Find the files of a dataset's only session, prepare them, and measure the lesions if asked to.

    The steps of the preprocessing are called one after the other, but for bias correction and registration:
    they take most of the time, and nothing that they refuse comes so far.
    """
    notes: tuple[str, ...] = ()
    try:
        found = find_inputs(root, InputSettings())
        for error in found.failures.values():
            raise error
        (inputs,) = found.inputs
        prepared, warnings = _prepare(inputs, work)
        notes = (*found.notes, *inputs.notes, *warnings)
        if not measure:
            return Result(None, notes, prepared)
        measured = measure_inputs(MeasureTask(inputs, prepared, LesionSettings(), DetectorSettings()))
        return Result(None, notes + measured.warnings, prepared, measured)
    except QsmrimError as error:
        return Result(error, notes)


def _prepare(inputs: SubjectInputs, work: Path) -> tuple[PreparedSubject, list[str]]:
    done: dict[str, dict[str, Any]] = {}

    def run(name: str, step: Step) -> dict[str, Any]:
        folder = work / name
        folder.mkdir(parents=True)
        done[name] = step.work(folder)
        return done[name]

    units = {"units": inputs.qsm_units} if inputs.qsm_units else {}
    qsm = run("qsm", HarmoniseQsm(qsm=str(inputs.qsm), **units))["qsm"]
    flair = run("flair", HarmoniseImage(image=str(inputs.flair)))["image"]
    head = {"qsm": qsm, "flair": flair}
    lesions = run("lesions", _number_lesions(inputs, head))
    if inputs.magnitude:
        head["magnitude"] = run("magnitude", HarmoniseImage(image=str(inputs.magnitude), qsm=qsm))["image"]
    if inputs.brain_mask:
        head["given_mask"] = str(inputs.brain_mask)
    brain_mask = run("brain_mask", MakeBrainMask(**head))["brain_mask"]
    registration = work / "registration.json"
    write_registration(BY_HEADER, registration)
    placed = run(
        "grids",
        ResampleToGrids(
            qsm=qsm, flair=flair, brain_mask=brain_mask, lesions=lesions["labels"],
            lesions_space=lesions["space"], lesions_source=str(inputs.lesions),
            registration=str(registration), spacing_mm=phantoms.QSM_SPACING_MM,
        ),
    )  # fmt: skip
    warnings = [warning for outputs in done.values() for warning in outputs["warnings"]]
    images = ("qsm", "flair", "lesions", "brain_mask")
    prepared = PreparedSubject(
        key=inputs.key,
        **{f"native_{name}": Path(placed["native"][name]) for name in images},
        **{f"analysis_{name}": Path(placed["analysis"][name]) for name in images},
        native_rim_labels=None,
        source_labels=tuple(placed["source_labels"]),
        registration=BY_HEADER,
        qsm_units_found=done["qsm"]["units"],
    )
    return prepared, warnings


def _number_lesions(inputs: SubjectInputs, head: Mapping[str, str]) -> NumberLesions:
    step = NumberLesions(lesions=str(inputs.lesions), kind=inputs.lesions_kind, **head)
    step.inputs.stated_space = inputs.lesions_space
    return step


def beside(image: Path, extension: str) -> Path:
    """The file of an image's name with another extension."""
    return image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + extension)


def rewrite(
    path: Path,
    change: Callable[[NDArray[Any]], NDArray[Any]] = lambda data: data,
    affine: NDArray[np.float64] | None = None,
    header: Mapping[str, Any] | None = None,
    kind: type = nib.Nifti1Image,
) -> None:
    """Store an image again with other data, affine (as sform and qform) or header fields."""
    image = nib.load(path)
    data = change(np.asanyarray(image.dataobj))
    new = kind(data, image.affine if affine is None else affine, dtype=data.dtype)
    new.set_sform(new.affine, code=1)
    new.set_qform(new.affine, code=1, strip_shears=True)
    stored = new.to_bytes()
    if header:
        fields = type(new.header)(stored[: len(new.header.binaryblock)], check=False)
        for name, value in header.items():
            fields[name] = value
        stored = fields.binaryblock + stored[len(fields.binaryblock) :]
    path.write_bytes(_packed(path, stored))


def rewrite_raw(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Store the bytes of an image, unpacked, again after a change."""
    path.write_bytes(_packed(path, change(gzip.decompress(path.read_bytes()))))


def _packed(path: Path, raw: bytes) -> bytes:
    return gzip.compress(raw, compresslevel=1, mtime=0) if path.suffix == ".gz" else raw
