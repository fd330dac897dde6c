"""The output names, and the phantom dataset itself, before the BIDS validator."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.bids_io import names
from qsmrim_app.bids_io.description import Container, write_description
from qsmrim_app.bids_io.participants import rebuild_participants, rebuild_sessions
from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.bids_io.tables_io import lesion_table_sidecar, write_lesion_table, write_table
from qsmrim_app.bids_io.writing import write_bytes, write_image, write_json, write_text
from qsmrim_app.records import SubjectInputs, Volume
from qsmrim_app.settings import InputSettings
from qsmrim_app.tables.lesion_table import lesion_table
from tests import phantoms

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


def errors_of(dataset: Path) -> list[str]:
    """Code and place of every error that the validator reports."""
    done = subprocess.run(
        [str(VALIDATOR), str(dataset), "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [f"{issue['code']} {issue.get('location')}" for issue in issues if issue["severity"] == "error"]


def write_outputs(out: Path, inputs: SubjectInputs, rng: np.random.Generator) -> None:
    """Every file of one session, with noise for content."""
    image = Volume(rng.normal(size=(8, 8, 4)).astype(np.float32), np.eye(4))
    labels = image.with_data((image.data > 1).astype(np.int32))
    sources = {"Sources": list(inputs.datasets.values()), "Manual": False}

    def path(role: names.SessionRole, extension: str) -> Path:
        return out / names.session_path(inputs.key, role, extension)

    subject, session = inputs.key.subject, inputs.key.session
    rows = [{"subject": subject, "session": session, "index": 1, "name": "lesion-001", "rim_predicted": 1}]
    write_lesion_table(path("lesions", ".tsv"), lesion_table(rows))
    reference = {**sources, "SpatialReference": inputs.datasets["qsm"]}
    write_image(path("lesions", ".nii.gz"), labels, {**reference, **lesion_table_sidecar()})
    write_image(path("rim", ".nii.gz"), labels, reference)
    write_image(path("probability", ".nii.gz"), image, reference)
    write_image(path("flair", ".nii.gz"), image, {**reference, "SkullStripped": False})
    write_image(path("qsm", ".nii.gz"), image, {**sources, "SkullStripped": True, "Units": "ppm"})
    write_bytes(path("samples", ".safetensors"), b"")
    write_table(path("features", ".tsv"), ("index", "mean"), [(1, 0.5)])
    write_json(path("features", ".json"), {})
    write_text(path("transform", ".txt"), "#Insight Transform File V1.0\n")
    write_json(path("transform", ".json"), {})
    write_text(path("report", ".html"), "<html></html>")
    write_text(out / names.figure_path(inputs.key, "mosaic"), "<svg/>")
    rebuild_sessions(out, subject)


@pytest.mark.slow
@pytest.mark.skipif(not VALIDATOR.exists(), reason="bids-validator-deno is not installed")
@pytest.mark.parametrize("sessions", [(), ("01", "02")])
def test_no_output_name_is_an_error(tmp_path, rng, sessions):
    root = phantoms.write_dataset(tmp_path / "raw", phantoms.DatasetSpec(sessions=sessions))
    found = find_inputs(root, InputSettings())
    out = tmp_path / "out"
    write_description(out, "0.1.0", found.datasets, Container("docker", "qsmrim:0.1.0"))
    for inputs in found.inputs:
        write_outputs(out, inputs, rng)
    rebuild_participants(out)
    for role, extension in (("group_lesions", ".tsv"), ("group_rimcounts", ".tsv")):
        write_table(out / names.dataset_path(role, extension), ("a",), [(1,)])
        write_json(out / names.dataset_path(role, ".json"), {})
    write_text(out / names.dataset_path("group_report", ".html"), "<html></html>")
    write_json(out / names.dataset_path("models") / "m" / "model.json", {})
    write_json(out / names.dataset_path("logs") / "status-1.json", {})
    write_text(out / names.dataset_path("work") / "sub-01" / "any.nii.gz", "x")
    assert errors_of(out) == []
    assert errors_of(root) == []
    write_text(out / "sub-01" / "sub-01_wrong.txt", "x")  # the validator does look
    assert errors_of(out) == ["NOT_INCLUDED /sub-01/sub-01_wrong.txt"]
