"""The FLAIR brought onto the grid of the QSM, as nipype nodes: bias correction, registration, resampling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, TraitedSpec, traits

from qsmrim_app.images import grid_with_spacing, same_grid
from qsmrim_app.lesions.labelling import present_labels
from qsmrim_app.preprocessing.bias_correction import correct_bias
from qsmrim_app.preprocessing.grids import Sources, coarseness, on_grid, vanished
from qsmrim_app.preprocessing.input_gate import check_inside_head
from qsmrim_app.preprocessing.prepared_file import read_registration, write_registration
from qsmrim_app.preprocessing.registration import register_flair, registration_warnings
from qsmrim_app.preprocessing.step import Step, StepInputSpec, save_output
from qsmrim_app.records import Volume
from qsmrim_app.settings import PreprocessingSettings


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
        return {"image": save_output(corrected, folder / "flair.nii")}


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
            "warnings": [
                *_losses(vanished(lesions, placed["lesions"])),
                *coarseness(native_grid, analysis_grid),
            ],
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


def _save_all(placed: dict[str, Volume], folder: Path, grid: str) -> dict[str, str]:
    return {name: save_output(volume, folder / f"{grid}_{name}.nii") for name, volume in placed.items()}


def _losses(labels: list[int]) -> list[str]:
    if not labels:
        return []
    shown = ", ".join(str(label) for label in labels[:10]) + (", ..." if len(labels) > 10 else "")
    return [f"{len(labels)} lesion(s) fill no voxel of the QSM's grid and cannot be measured: {shown}"]
