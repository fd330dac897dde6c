"""qsmrim as one node of a nipype workflow: rim+ lesions of one session, counted.

    python examples/nipype_workflow.py QSM FLAIR LESION_MASK WORK_DIR

A node in front of it could reconstruct the QSM or segment the lesions; the node behind it reads the table.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from nipype import Node, Workflow
from nipype.interfaces.base import BaseInterfaceInputSpec, File, SimpleInterface, TraitedSpec, traits
from nipype.interfaces.base.support import Bunch

from qsmrim_app.embedding import DetectRimLesions


class CountRimsInputSpec(BaseInterfaceInputSpec):
    """The lesion table."""

    lesion_table = File(exists=True, mandatory=True)


class CountRimsOutputSpec(TraitedSpec):
    """Two numbers."""

    n_lesions = traits.Int()
    n_rims = traits.Int()


class CountRims(SimpleInterface):
    """Count the rows of a lesion table."""

    input_spec = CountRimsInputSpec
    output_spec = CountRimsOutputSpec

    def _run_interface(self, runtime: Bunch) -> Bunch:
        table = pd.read_csv(self.inputs.lesion_table, sep="\t", na_values="n/a")
        self._results = {"n_lesions": len(table), "n_rims": int((table["rim_predicted"] == 1).sum())}
        return runtime


def init_rim_count_wf(qsm: Path, flair: Path, lesions: Path, work_dir: Path, **options: str) -> Workflow:
    """The workflow; ``options`` are further inputs of `DetectRimLesions`, such as ``model``."""
    detect = Node(DetectRimLesions(qsm=qsm, flair=flair, lesions=lesions, **options), name="detect")
    count = Node(CountRims(), name="count")
    workflow = Workflow(name="rim_count", base_dir=str(work_dir.absolute()))
    workflow.connect(detect, "lesion_table", count, "lesion_table")
    return workflow


if __name__ == "__main__":  # the workers of the node import this file
    graph = init_rim_count_wf(*map(Path, sys.argv[1:5])).run()
    (counted,) = [node.result.outputs for node in graph.nodes() if node.name == "count"]
    print(f"{counted.n_lesions} lesions, {counted.n_rims} with a rim")
