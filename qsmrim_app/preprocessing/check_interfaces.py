"""The checks of plausibility as nipype nodes: each loads, measures, judges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nipype.interfaces.base import File, TraitedSpec, traits

from qsmrim_app.images import load_image, load_labels
from qsmrim_app.plain_data import to_plain
from qsmrim_app.preprocessing.lesion_evidence import measure_lesions
from qsmrim_app.preprocessing.magnitude_evidence import magnitude_fit
from qsmrim_app.preprocessing.plausibility import (
    lesion_findings,
    magnitude_finding,
    qsm_findings,
    require_susceptibility,
)
from qsmrim_app.preprocessing.qsm_evidence import measure_qsm
from qsmrim_app.preprocessing.step import Step, StepInputSpec
from qsmrim_app.records import Finding


class _FindingsOutput(TraitedSpec):  # type: ignore[misc]
    findings = traits.List(traits.Str, desc="each a Finding as JSON")


class _QsmInput(StepInputSpec):
    qsm = File(mandatory=True, desc="RAS+ order, ppb")
    brain_mask = File(mandatory=True)
    magnitude = File(desc="on the grid of the QSM; without it nothing is compared with it")
    source = traits.Str(mandatory=True, desc="path of the QSM as it came, for messages")
    implausible = traits.Enum("refuse", "warn", usedefault=True, desc="what to do about a map that cannot be")


class CheckQsm(Step):
    """Whether the QSM is a susceptibility map of the right sign and range, and lies on its magnitude."""

    input_spec, output_spec = _QsmInput, _FindingsOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Measure, refuse or judge."""
        source = Path(self.inputs.source)
        evidence = measure_qsm(self.image("qsm"), self.mask("brain_mask"))
        if self.inputs.implausible == "refuse":
            require_susceptibility(evidence, source)
        findings = qsm_findings(evidence, source.name)
        if self.given("magnitude"):
            fit = magnitude_fit(self.image("qsm"), self.image("magnitude"), self.mask("brain_mask"))
            findings += (magnitude_finding(fit, source.name),)
        return {"findings": _as_json(findings)}


class _LesionsInput(StepInputSpec):
    native = traits.Dict(traits.Str, traits.Str, mandatory=True, desc="image -> file, grid of the QSM")
    source = traits.Str(mandatory=True, desc="path of the lesion file as it came, for messages")


class CheckLesions(Step):
    """Whether FLAIR and lesion map fit together."""

    input_spec, output_spec = _LesionsInput, _FindingsOutput

    def work(self, folder: Path) -> dict[str, Any]:
        """Measure and judge."""
        files = {name: Path(path) for name, path in self.inputs.native.items()}
        brain = load_labels(files["brain_mask"]).volume
        evidence = measure_lesions(
            load_image(files["flair"]).volume,
            load_labels(files["lesions"]).volume,
            brain.with_data(brain.data > 0),
        )
        return {"findings": _as_json(lesion_findings(evidence, Path(self.inputs.source).name))}


def _as_json(findings: tuple[Finding, ...]) -> list[str]:
    return [json.dumps(to_plain(finding)) for finding in findings]
