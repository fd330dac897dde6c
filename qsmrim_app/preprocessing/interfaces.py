"""The preprocessing steps as nipype nodes: each loads, calls one pure function, saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, TraitedSpec, traits

from qsmrim_app.images import grid_with_spacing, same_grid, save_volume
from qsmrim_app.lesions.labelling import present_labels
from qsmrim_app.plain_data import from_plain
from qsmrim_app.preprocessing.bias_correction import correct_bias
from qsmrim_app.preprocessing.grids import Sources, on_grid, vanished
from qsmrim_app.preprocessing.input_gate import (
    check_inside_head,
    load_intensities,
    load_lesions,
    load_on_qsm_grid,
    load_qsm,
)
from qsmrim_app.preprocessing.prepared_file import read_registration, write_prepared, write_registration
from qsmrim_app.preprocessing.registration import register_flair, registration_warnings
from qsmrim_app.preprocessing.session_mask import mask_for_flair, session_mask
from qsmrim_app.preprocessing.step import Step, StepInputSpec
from qsmrim_app.records import Finding, PreparedSubject, SessionKey, Volume
from qsmrim_app.settings import PreprocessingSettings


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
        return {"qsm": _save(qsm, folder / "qsm.nii"), "units": units, "warnings": list(warnings)}


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
        return {"image": _save(loaded.volume, folder / "image.nii"), "warnings": list(loaded.warnings)}


class _LesionsInput(StepInputSpec):
    lesions = File(mandatory=True, desc="mask or instances as they came")
    kind = traits.Enum("instances", "mask", usedefault=True)
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
            "labels": _save(found.labels, folder / "labels.nii"),
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
            "brain_mask": _save(found.mask, folder / "brain_mask.nii"),
            "flair_mask": _save(mask_for_flair(found.mask, flair), folder / "flair_mask.nii"),
            "warnings": list(found.warnings),
        }


class _BiasInput(StepInputSpec):
    image = File(mandatory=True)
    mask = File(mandatory=True)
    shrink_factor = traits.Int(4, usedefault=True)


class _BiasOutput(TraitedSpec):  # type: ignore[misc]
    image = File(desc="corrected")


class CorrectBias(Step):
    """The FLAIR without its bias field."""

    input_spec, output_spec = _BiasInput, _BiasOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Correct and save."""
        corrected = correct_bias(self.image("image"), self.mask("mask"), self.inputs.shrink_factor)
        return {"image": _save(corrected, folder / "flair.nii")}


class _RegisterInput(StepInputSpec):
    fixed = File(mandatory=True, desc="magnitude, or the QSM itself")
    flair = File(mandatory=True)
    brain_mask = File(mandatory=True, desc="on the grid of the QSM")
    registration = traits.Enum("rigid", "affine", "header", usedefault=True)
    backend = traits.Enum("sitk", "ants", usedefault=True)
    sampling_fraction = traits.Float(0.2, usedefault=True)
    min_similarity_gain = traits.Float(0.0, usedefault=True)
    random_seed = traits.Int(0, usedefault=True)


class _RegisterOutput(TraitedSpec):  # type: ignore[misc]
    registration = File(desc="RegistrationResult as JSON")
    warnings = traits.List(traits.Str)


class RegisterFlair(Step):
    """Where the FLAIR lies in the world of the QSM."""

    input_spec, output_spec = _RegisterInput, _RegisterOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Register, check, save."""
        names = ("registration", "backend", "sampling_fraction", "min_similarity_gain", "random_seed")
        settings = PreprocessingSettings(**{name: getattr(self.inputs, name) for name in names})
        result = register_flair(self.image("fixed"), self.image("flair"), self.mask("brain_mask"), settings)
        write_registration(result, folder / "registration.json")
        return {
            "registration": str(folder / "registration.json"),
            "warnings": list(registration_warnings(result)),
        }


class _GridsInput(StepInputSpec):
    qsm = File(mandatory=True)
    flair = File(mandatory=True, desc="bias-corrected, on its own grid")
    brain_mask = File(mandatory=True)
    lesions = File(mandatory=True)
    lesions_space = traits.Enum("FLAIR", "QSM", mandatory=True)
    lesions_source = traits.Str(mandatory=True, desc="path of the lesion file as it came, for messages")
    rim_labels = File()
    rim_labels_space = traits.Enum("FLAIR", "QSM")
    rim_map = File()
    rim_map_space = traits.Enum("FLAIR", "QSM")
    registration = File(mandatory=True)
    spacing_mm = traits.Tuple(traits.Float, traits.Float, traits.Float, desc="voxel size of the model")


class _GridsOutput(TraitedSpec):  # type: ignore[misc]
    native = traits.Dict(traits.Str, traits.Str, desc="image -> file, grid of the QSM")
    analysis = traits.Dict(traits.Str, traits.Str, desc="image -> file, grid of the model")
    source_labels = traits.List(traits.Int)
    warnings = traits.List(traits.Str)


class ResampleToGrids(Step):
    """Every image on the grid of the QSM and on that of the model, resampled once each."""

    input_spec, output_spec = _GridsInput, _GridsOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Resample, check that the lesions lie in the brain, save."""
        sources = self._sources()
        native_grid = sources.qsm
        analysis_grid = grid_with_spacing(native_grid, self.inputs.spacing_mm)
        placed = on_grid(sources, native_grid)
        check_inside_head(placed["lesions"], placed["brain_mask"], Path(self.inputs.lesions_source))
        native = _save_all(placed, folder, "native")
        analysis = native
        if not same_grid(native_grid, analysis_grid):
            analysis = _save_all(on_grid(sources, analysis_grid), folder, "analysis")
        lesions = sources.labels["lesions"][0]
        return {
            "native": native,
            "analysis": analysis,
            "source_labels": list(present_labels(lesions)),
            "warnings": _losses(vanished(lesions, placed["lesions"])),
        }

    def _sources(self) -> Sources:
        names = [name for name in ("lesions", "rim_labels", "rim_map") if self.given(name)]
        return Sources(
            qsm=self.image("qsm"),
            flair=self.image("flair"),
            brain_mask=self.mask("brain_mask"),
            labels={name: (self.labels(name), getattr(self.inputs, f"{name}_space")) for name in names},
            flair_to_qsm=read_registration(Path(self.inputs.registration)).flair_to_qsm,
        )


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


def _save(volume: Volume, path: Path) -> str:
    save_volume(volume, path)
    return str(path)


def _save_all(placed: dict[str, Volume], folder: Path, grid: str) -> dict[str, str]:
    return {name: _save(volume, folder / f"{grid}_{name}.nii") for name, volume in placed.items()}


def _losses(labels: list[int]) -> list[str]:
    if not labels:
        return []
    shown = ", ".join(str(label) for label in labels[:10]) + (", ..." if len(labels) > 10 else "")
    return [f"{len(labels)} lesion(s) fill no voxel of the QSM's grid and cannot be measured: {shown}"]
