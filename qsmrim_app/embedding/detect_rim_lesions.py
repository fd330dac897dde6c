"""The participant level as one nipype interface, for other people's workflows."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    Directory,
    File,
    SimpleInterface,
    TraitedSpec,
    traits,
)
from nipype.interfaces.base.support import Bunch

from qsmrim_app.bids_io.names import SessionRole, session_path
from qsmrim_app.errors import QsmrimError
from qsmrim_app.levels.participant import run_participants
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import InputSettings, ParticipantSettings, ResourceSettings

_OUTPUTS: dict[str, tuple[SessionRole, str]] = {
    "lesions": ("lesions", ".nii.gz"),
    "lesion_table": ("lesions", ".tsv"),
    "rim_map": ("rim", ".nii.gz"),
    "probability_map": ("probability", ".nii.gz"),
    "report": ("report", ".html"),
}


class DetectRimLesionsInputSpec(BaseInterfaceInputSpec):  # type: ignore[misc]
    """What the command line calls by the same names."""

    bids_dir = Directory(exists=True, mandatory=True, desc="BIDS dataset")
    output_dir = traits.Str(mandatory=True, desc="folder of the results; made if it is not there")
    participant_label = traits.Str(mandatory=True, desc="participant, without 'sub-'")
    session_label = traits.Str("", usedefault=True, desc="session, without 'ses-'; empty: no sessions")
    derivatives = traits.Dict(traits.Str, traits.Str, usedefault=True, desc="name -> dataset")
    model = traits.Str(desc="model bundle; the one that ships if not given")
    operating_point = traits.Str("f1", usedefault=True, desc="f1, high-sensitivity or a probability")
    nprocs = traits.Range(low=1, value=1, usedefault=True, nohash=True, desc="processes")


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
    >>> node = DetectRimLesions(output_dir="out", participant_label="01")
    >>> node.inputs.operating_point
    'f1'
    """

    input_spec = DetectRimLesionsInputSpec
    output_spec = DetectRimLesionsOutputSpec

    def _run_interface(self, runtime: Bunch) -> Bunch:
        settings = self._settings()
        outcome = run_participants(settings)
        if outcome.exit_code:
            raise QsmrimError(outcome.summary)
        key = SessionKey(self.inputs.participant_label, self.inputs.session_label)
        for name, (role, extension) in _OUTPUTS.items():
            self._results[name] = str((settings.output_dir / session_path(key, role, extension)).absolute())
        return runtime

    def _settings(self) -> ParticipantSettings:
        given = self.inputs
        return ParticipantSettings(
            Path(given.bids_dir),
            Path(given.output_dir),
            model=Path(given.model) if given.model else None,
            operating_point=given.operating_point,
            inputs=InputSettings(
                derivatives={name: Path(path) for name, path in given.derivatives.items()},
                participants=(given.participant_label,),
                sessions=(given.session_label,) if given.session_label else (),
            ),
            resources=ResourceSettings(nprocs=given.nprocs),
        )
