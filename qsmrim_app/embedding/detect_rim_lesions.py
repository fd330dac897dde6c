"""The participant level as one nipype interface, for other workflows: images in, maps and table out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)
from nipype.interfaces.base.support import Bunch

from qsmrim_app.bids_io.names import SessionRole, session_path
from qsmrim_app.bids_io.query import Found
from qsmrim_app.errors import QsmrimError, UsageError
from qsmrim_app.levels.participant import run_participants
from qsmrim_app.records import SessionKey, SubjectInputs
from qsmrim_app.settings import ParticipantSettings, ResourceSettings

_OUTPUTS: dict[str, tuple[SessionRole, str]] = {
    "lesions": ("lesions", ".nii.gz"),
    "lesion_table": ("lesions", ".tsv"),
    "rim_map": ("rim", ".nii.gz"),
    "probability_map": ("probability", ".nii.gz"),
    "report": ("report", ".html"),
}
_FILES = ("qsm", "flair", "lesions", "magnitude", "brain_mask")


class DetectRimLesionsInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """Images of one session, each on its own grid; what else is asked for has the name of the option."""

    qsm = File(exists=True, mandatory=True, desc="susceptibility map, ppm or ppb")
    flair = File(exists=True, mandatory=True, desc="T2-FLAIR")
    lesions = File(exists=True, mandatory=True, desc="lesion mask, or one label a lesion")
    lesions_kind = traits.Enum("mask", "instances", usedefault=True, desc="which of the two it is")
    lesions_space = traits.Enum("FLAIR", "QSM", usedefault=True, desc="on which grid it lies")
    magnitude = File(exists=True, desc="gradient-echo magnitude, for the registration")
    brain_mask = File(exists=True, desc="brain mask on the grid of the QSM or the FLAIR")
    qsm_units = traits.Enum("ppm", "ppb", desc="unit of the QSM; decided by its range if not given")
    participant_label = traits.Str("01", usedefault=True, desc="names the outputs; 'sub-' may be left out")
    session_label = traits.Str("", usedefault=True, desc="names the outputs; may be empty")
    output_dir = traits.Str(desc="folder of the results (default: 'qsmrim' in the folder of the node)")
    model = traits.Str(desc="model bundle; the one that ships if not given")
    operating_point = traits.Str("f1", usedefault=True, desc="f1, high-sensitivity or a probability")


class DetectRimLesionsOutputSpec(TraitedSpec):  # type: ignore[misc]
    """Files of the session in the output folder."""

    lesions = File(exists=True, desc="lesion instances on the grid of the QSM")
    lesion_table = File(exists=True, desc="one row a lesion")
    rim_map = File(exists=True, desc="1 rim-, 2 rim+, 3 not classified")
    probability_map = File(exists=True, desc="probability of a rim")
    report = File(exists=True, desc="page of the session")


class DetectRimLesions(SimpleInterface):  # type: ignore[misc]
    """Find the rim+ lesions of one session.

    Examples
    --------
    >>> node = DetectRimLesions(participant_label="01")
    >>> node.inputs.operating_point
    'f1'
    """

    input_spec = DetectRimLesionsInputSpec
    output_spec = DetectRimLesionsOutputSpec

    def _run_interface(self, runtime: Bunch) -> Bunch:
        given = self.inputs
        output_dir = Path(given.output_dir if isdefined(given.output_dir) else Path(runtime.cwd) / "qsmrim")
        settings = ParticipantSettings(
            Path(given.qsm),  # there is no dataset; no output folder can lie inside of a file
            output_dir.absolute(),
            model=Path(given.model) if isdefined(given.model) else None,
            operating_point=given.operating_point,
            resources=ResourceSettings(nprocs=1),
        )
        inputs = self._subject_inputs()
        outcome = run_participants(settings, Found((inputs,), {}, (), {}))
        if outcome.exit_code:
            raise QsmrimError(outcome.summary)
        for name, (role, extension) in _OUTPUTS.items():
            self._results[name] = str(settings.output_dir / session_path(inputs.key, role, extension))
        return runtime

    def _subject_inputs(self) -> SubjectInputs:
        given = self.inputs
        files: dict[str, Any] = {
            name: Path(value) for name in _FILES if isdefined(value := getattr(given, name))
        }
        key = SessionKey(
            given.participant_label.removeprefix("sub-"), given.session_label.removeprefix("ses-")
        )
        if not re.fullmatch(r"[a-zA-Z0-9+]+", key.subject) or not re.fullmatch(r"[a-zA-Z0-9+]*", key.session):
            raise UsageError(f"{key.prefix!r}: labels are letters and digits alone, as in BIDS")
        return SubjectInputs(
            key,
            **files,
            lesions_kind=given.lesions_kind,
            lesions_space=given.lesions_space,
            qsm_units=given.qsm_units if isdefined(given.qsm_units) else None,
            datasets={role: file.name for role, file in files.items()},
        )
