"""The images as they came, put in order, as nipype nodes; and the last node, which gathers what all left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, TraitedSpec, traits

from qsmrim_app.plain_data import from_plain
from qsmrim_app.preprocessing.input_gate import (
    load_intensities,
    load_lesions,
    load_on_qsm_grid,
    load_qsm,
)
from qsmrim_app.preprocessing.prepared_file import read_registration, write_prepared
from qsmrim_app.preprocessing.session_mask import mask_for_flair, session_mask
from qsmrim_app.preprocessing.step import Step, StepInputSpec, save_output
from qsmrim_app.records import Finding, PreparedSubject, SessionKey


class _QsmInput(StepInputSpec):
    qsm = File(mandatory=True, desc="Chimap as it came")
    units = traits.Str(desc="what the sidecar says: ppm or ppb")


class _QsmOutput(TraitedSpec):  # type: ignore[misc]
    qsm = File(desc="RAS+ order, ppb")
    units = traits.Str(desc="what the file holds: ppm or ppb")
    warnings = traits.List(traits.Str)


class HarmoniseQsm(Step):
    """The QSM in RAS+ order and ppb."""

    input_spec, output_spec = _QsmInput, _QsmOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Read, decide the unit, save."""
        qsm, units, warnings = load_qsm(Path(self.inputs.qsm), self.given("units"))
        return {"qsm": save_output(qsm, folder / "qsm.nii"), "units": units, "warnings": list(warnings)}


class _ImageInput(StepInputSpec):
    image = File(mandatory=True, desc="FLAIR or magnitude as it came")
    qsm = File(desc="QSM whose grid the image must lie on")


class _ImageOutput(TraitedSpec):  # type: ignore[misc]
    image = File(desc="RAS+ order")
    warnings = traits.List(traits.Str)


class HarmoniseImage(Step):
    """A FLAIR on its own grid, or a magnitude on that of the QSM, in RAS+ order."""

    input_spec, output_spec = _ImageInput, _ImageOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Read, compare grids, save."""
        path = Path(self.inputs.image)
        loaded = load_on_qsm_grid(path, self.image("qsm")) if self.given("qsm") else load_intensities(path)
        return {"image": save_output(loaded.volume, folder / "image.nii"), "warnings": list(loaded.warnings)}


class _LesionsInput(StepInputSpec):
    lesions = File(mandatory=True, desc="mask or instances as they came")
    kind = traits.Enum("instances", "mask", "rims", usedefault=True)
    stated_space = traits.Enum("FLAIR", "QSM", desc="what the file name says")
    qsm = File(mandatory=True)
    flair = File(mandatory=True)


class _LesionsOutput(TraitedSpec):  # type: ignore[misc]
    labels = File(desc="int32 labels on their own grid, RAS+ order")
    space = traits.Enum("FLAIR", "QSM", desc="what the grid says")
    warnings = traits.List(traits.Str)


class NumberLesions(Step):
    """The lesions of a mask or an instance map, numbered on the grid they were drawn on."""

    input_spec, output_spec = _LesionsInput, _LesionsOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Read, compare grids, number, save."""
        path, stated = Path(self.inputs.lesions), self.given("stated_space")
        found = load_lesions(path, self.inputs.kind, self.image("qsm"), self.image("flair"), stated)
        return {
            "labels": save_output(found.labels, folder / "labels.nii"),
            "space": found.space,
            "warnings": list(found.warnings),
        }


class _BrainMaskInput(StepInputSpec):
    qsm = File(mandatory=True)
    flair = File(mandatory=True)
    magnitude = File()
    given_mask = File(desc="a brain mask that came with the data")


class _BrainMaskOutput(TraitedSpec):  # type: ignore[misc]
    brain_mask = File(desc="on the grid of the QSM")
    flair_mask = File(desc="on the grid of the FLAIR, for the bias correction")
    warnings = traits.List(traits.Str)


class MakeBrainMask(Step):
    """The brain on the grid of the QSM and, for the bias correction, on that of the FLAIR."""

    input_spec, output_spec = _BrainMaskInput, _BrainMaskOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Find the brain, carry it to the FLAIR, save both."""
        flair, given = self.image("flair"), self.given("given_mask")
        magnitude = self.image("magnitude") if self.given("magnitude") else None
        found = session_mask(self.image("qsm"), magnitude, flair, Path(given) if given else None)
        return {
            "brain_mask": save_output(found.mask, folder / "brain_mask.nii"),
            "flair_mask": save_output(mask_for_flair(found.mask, flair), folder / "flair_mask.nii"),
            "warnings": list(found.warnings),
        }


class _GatherInput(StepInputSpec):
    subject = traits.Str(mandatory=True)
    session = traits.Str(mandatory=True)
    native = traits.Dict(mandatory=True)
    analysis = traits.Dict(mandatory=True)
    source_labels = traits.List(traits.Int, mandatory=True)
    units = traits.Str(mandatory=True)
    registration = File(mandatory=True)
    warnings = traits.List(traits.Str, mandatory=True)
    findings = traits.List(traits.Str, mandatory=True, desc="each a Finding as JSON")


class _GatherOutput(TraitedSpec):  # type: ignore[misc]
    prepared = File(desc="PreparedSubject as JSON")


class GatherPrepared(Step):
    """What preprocessing left for a session. Always run: the file says that this run got to the end."""

    _always_run = True
    input_spec, output_spec = _GatherInput, _GatherOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Collect paths and notes."""
        native = {f"native_{name}": Path(path) for name, path in self.inputs.native.items()}
        images = ("qsm", "flair", "lesions", "brain_mask")
        findings = tuple(from_plain(Finding, json.loads(text)) for text in self.inputs.findings)
        prepared = PreparedSubject(
            key=SessionKey(self.inputs.subject, self.inputs.session),
            **{f"native_{name}": native[f"native_{name}"] for name in images},
            native_rim_labels=native.get("native_rim_labels"),
            native_rim_map=native.get("native_rim_map"),
            **{f"analysis_{name}": Path(self.inputs.analysis[name]) for name in images},
            source_labels=tuple(self.inputs.source_labels),
            registration=read_registration(Path(self.inputs.registration)),
            qsm_units_found=self.inputs.units,
            warnings=(*(item.warning for item in findings if item.warning), *self.inputs.warnings),
            findings=findings,
        )
        write_prepared(prepared, folder / "prepared.json")
        return {"prepared": str(folder / "prepared.json")}
