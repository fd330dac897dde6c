"""The stages of one participant one after the other in this process, each with its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from nipype.pipeline.engine import Workflow

from qsmrim_app.bids_io.query import find_inputs
from qsmrim_app.levels.classifying import Classifier
from qsmrim_app.levels.session_report import PageTask, write_page
from qsmrim_app.levels.session_tasks import (
    MeasureTask,
    PrepareTask,
    WriteTask,
    measure_inputs,
    prepare_inputs,
    write_outputs,
)
from qsmrim_app.preprocessing.running import settle_nipype
from qsmrim_app.preprocessing.workflow import WORKFLOW, init_prepare_session_wf
from qsmrim_app.settings import InputSettings, ParticipantSettings, ResourceSettings

NODES = {  # node of the preprocessing -> how the table calls it; the others are taken together
    "correct_bias": "bias correction (N4)",
    "register_flair": "registration",
    "resample": "resampling",
    "brain_mask": "brain mask",
}
OTHER_NODES = "reading and checking the images"
MEASURING, CLASSIFYING = "features and patches", "classification"
Result = TypeVar("Result")


class Stopwatch:
    """Stage -> wall and processor seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, float]] = {}

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add what happens inside to a stage."""
        begin = self.now()
        yield
        self.add(stage, begin)

    def now(self) -> tuple[float, float]:
        """Both clocks."""
        return time.perf_counter(), time.process_time()

    def add(self, stage: str, begin: tuple[float, float]) -> None:
        """Add the time since ``begin`` to a stage."""
        wall, processor = self.seconds.get(stage, (0.0, 0.0))
        now = self.now()
        self.seconds[stage] = (wall + now[0] - begin[0], processor + now[1] - begin[1])


def stage_seconds(
    bids_dir: Path, participant: str, finished: Path, work: Path
) -> dict[str, tuple[float, float]]:
    """Wall and processor seconds of each stage of a participant.

    Parameters
    ----------
    bids_dir
        The dataset; qsmrim's own rules find the files.
    participant
        Label without ``sub-``.
    finished
        The output of a run on it: its page is made once more.
    work
        An empty folder.
    """
    watch = Stopwatch()
    asked = InputSettings(participants=(participant,))
    with watch.timed("finding the files"):
        (inputs,) = find_inputs(bids_dir, asked).inputs
    settings = ParticipantSettings(bids_dir, work / "out", inputs=asked)
    with watch.timed("loading the model"):
        classifier = Classifier.load(settings)
    task = PrepareTask(
        inputs, settings.preprocessing, classifier.settings.spacing_mm, work / "nodes", ResourceSettings()
    )
    _run_nodes(task, watch)
    prepared = prepare_inputs(task)  # every node is done already
    with watch.timed(MEASURING):
        measured = measure_inputs(MeasureTask(inputs, prepared, settings.lesions, classifier.settings))
    with watch.timed(CLASSIFYING):
        table = classifier.classify(measured.table, measured.samples)
    with watch.timed("maps and tables"):
        write_outputs(WriteTask(inputs, prepared, table, measured.samples, work / "out"))
    with watch.timed("report"):
        write_page(PageTask(inputs.key, finished))
    return watch.seconds


def _run_nodes(task: PrepareTask, watch: Stopwatch) -> None:
    """The nodes of the preprocessing as nipype runs them, one after the other."""
    settle_nipype(30)
    workflow = Workflow(WORKFLOW, base_dir=str(task.work_dir))
    workflow.add_nodes([init_prepare_session_wf(task.inputs, task.preprocessing, task.spacing_mm)])
    begun: dict[str, tuple[float, float]] = {}
    workflow.run(plugin="Linear", plugin_args={"status_callback": _callback(watch, begun)})


def _callback(watch: Stopwatch, begun: dict[str, tuple[float, float]]) -> Callable[..., Any]:
    def heed(node: Any, status: str, *_: Any) -> None:
        if status == "start":
            begun[node.fullname] = watch.now()
        elif node.fullname in begun:
            watch.add(NODES.get(node.name, OTHER_NODES), begun.pop(node.fullname))

    return heed
