"""A worker that the kernel kills for lack of memory, played by SIGKILL; one that is denied memory."""

from __future__ import annotations

import sys
from threading import Event, Thread

import pytest
import torch

from qsmrim_app.cli.main import main
from qsmrim_app.errors import WorkerKilledError
from qsmrim_app.levels.workers import run_in_workers
from tests import phantoms
from tests.robustness.programs import Program
from tests.robustness.rows import Row

HERE = "robustness/test_faults_memory.py"
KILLED = Row(
    "Faults",
    "the kernel kills every worker that takes up a session, for lack of memory",
    "refused, exit 75, names the session and says what helps; nothing of it is written",
    f"{HERE}::test_a_session_whose_workers_are_killed_ends_with_75_and_a_sentence",
)
KILLED_ONCE = Row(
    "Faults",
    "the kernel kills a worker once, for lack of memory that others took",
    "works: its sessions are tried once more, each alone",
    "levels/test_workers.py::test_a_killed_worker_is_named_and_the_others_are_run_again",
)
DENIED = Row(
    "Faults",
    "a worker asks for more memory than there is and is denied it",
    "refused, exit 75, names the session and says what helps; the others finish",
    f"{HERE}::test_a_worker_that_gets_no_memory_says_so",
)
ROWS = (
    KILLED,
    KILLED_ONCE,
    DENIED,
    Row(
        "Faults",
        "too little memory for the program itself, as under `ulimit -v`",
        "refused, exit 75: says what helps",
        f"{HERE}::test_a_program_that_gets_no_memory_says_so",
    ),
)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_session_whose_workers_are_killed_ends_with_75_and_a_sentence(tmp_path):
    spec = phantoms.DatasetSpec(subjects=("01",), raters=False)
    bids_dir = phantoms.write_dataset(tmp_path / "bids", spec)
    words = (bids_dir, tmp_path / "out", "participant", "--model", "none", "--nprocs", "1")
    program, ended = Program(words, tmp_path / "said.txt"), Event()
    killer = Thread(target=_kill_workers, args=(program, ended))
    killer.start()
    try:
        found = program.wait()
    finally:
        ended.set()
        killer.join()
    assert found.code == 75, found.said
    assert "sub-01: its worker process was killed, probably for lack of memory; run again with" in found.said
    assert "Traceback" not in found.said
    assert not list((tmp_path / "out").rglob("sub-*_dseg.tsv"))


def _kill_workers(program, ended):
    """Kill every worker until the first stage has failed; the page that says so may be written."""
    log = program.said
    while not ended.is_set() and b"preparation failed" not in log.read_bytes():
        for worker in program.workers():
            worker.kill()
        ended.wait(0.02)


def _ask(n_bytes):
    return len(bytearray(n_bytes))


def test_a_worker_that_gets_no_memory_says_so():
    outcomes = dict(run_in_workers(_ask, {"sub-01": 2**60, "sub-02": 1000}, 2))
    assert outcomes["sub-02"] == 1000
    assert isinstance(outcomes["sub-01"], WorkerKilledError)
    assert str(outcomes["sub-01"]).startswith("sub-01: its worker process got no more memory; run again with")
    assert outcomes["sub-01"].exit_code == 75


def _no_torch_memory():
    torch.empty(2**60, dtype=torch.uint8)


def _no_map():
    raise ImportError("libtorch_cpu.so: failed to map segment from shared object")


@pytest.mark.parametrize("ask", [_no_torch_memory, _no_map, lambda: _ask(2**60)])
def test_a_program_that_gets_no_memory_says_so(ask, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys.modules["qsmrim_app.cli.main"], "_run_level", lambda options: ask())
    assert main([str(tmp_path), str(tmp_path / "out"), "participant"]) == 75
    said = capsys.readouterr().err
    assert said == "qsmrim: no memory is left; run the same command with fewer --nprocs or more memory\n"
