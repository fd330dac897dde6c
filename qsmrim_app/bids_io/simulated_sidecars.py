"""What the sidecars of simulated images say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.datasets import RAW
from qsmrim_app.bids_io.names import simulation_path
from qsmrim_app.records import SessionKey
from qsmrim_app.simulation.cohort import SimulatedParticipant
from qsmrim_app.simulation.protocols import Protocol


def gradient_echo_sidecar(protocol: Protocol) -> dict[str, Any]:
    """Of the magnitude, but for the field strength."""
    times = protocol.echo_times_s
    listed = ", ".join(f"{1000 * time:.1f}" for time in times)
    return {
        "EchoTime": round(sum(times) / len(times), 6),
        "RepetitionTime": protocol.repetition_time_s,
        "MRAcquisitionType": "3D",
        "ImageComments": f"SIMULATED; root of the mean square over {len(times)} echoes at {listed} ms",
    }


def map_sidecar(participant: SimulatedParticipant, key: SessionKey) -> dict[str, Any]:
    """Of the susceptibility map."""
    plan = participant.plan.inversion
    zero = {"csf": "the ventricles' CSF", "brain": "the brain"}[participant.plan.reference]
    return {
        "Description": f"SIMULATED susceptibility map; zero is about the mean of {zero}",
        "Units": "ppm",
        "SkullStripped": True,
        "EstimationAlgorithm": f"phase fit over echoes; {plan.method}, strength {plan.strength:.4g}",
        "EstimationReference": "qsmrim-simulate",
        "Sources": [uri(RAW, simulation_path(key, "magnitude"))],
    }


def label_sidecar(key: SessionKey) -> dict[str, Any]:
    """Of a label map on the grid of the susceptibility map."""
    qsm = simulation_path(key, "qsm").relative_to("derivatives/qsm")
    return {
        "Description": "SIMULATED; one value a lesion",
        "Manual": False,
        "SkullStripped": True,
        "SpatialReference": uri("qsm", qsm),
        "Sources": [uri("qsm", qsm), uri(RAW, simulation_path(key, "flair"))],
    }


def uri(dataset: str, path: Path) -> str:
    """BIDS URI of a file of one of the simulated datasets."""
    return f"bids:{dataset}:{path.as_posix()}"
