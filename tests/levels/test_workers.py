import os
import signal
import time
from pathlib import Path

from qsmrim_app.errors import QsmrimError, UnitError, WorkerKilledError
from qsmrim_app.levels.workers import Workers, run_in_workers, workers_within
from qsmrim_app.records import SessionKey
from qsmrim_app.settings import ResourceSettings


def _task(what: str) -> str:
    if what == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "explain":
        raise UnitError("unit of sub-b")
    if what == "break":
        raise ZeroDivisionError("no")
    return what.upper()


def test_a_failing_session_leaves_the_others_alone():
    tasks = {SessionKey(str(n)): what for n, what in enumerate(["fine", "explain", "break", "good"])}
    outcomes = {key.subject: outcome for key, outcome in run_in_workers(_task, tasks, 2)}
    assert outcomes["0"] == "FINE"
    assert isinstance(outcomes["1"], UnitError)
    assert str(outcomes["1"]) == "unit of sub-b"
    assert isinstance(outcomes["2"], QsmrimError)
    assert "sub-2" in str(outcomes["2"])
    assert "ZeroDivisionError" in str(outcomes["2"])
    assert outcomes["3"] == "GOOD"


def test_a_killed_worker_is_named_and_the_others_are_run_again():
    tasks = {SessionKey("a"): "fine", SessionKey("b"): "die", SessionKey("c"): "good"}
    outcomes = {key.subject: outcome for key, outcome in run_in_workers(_task, tasks, 2)}
    assert outcomes["a"] == "FINE"
    assert outcomes["c"] == "GOOD"
    assert isinstance(outcomes["b"], WorkerKilledError)
    assert outcomes["b"].exit_code == 75
    assert "sub-b" in str(outcomes["b"])


def test_no_tasks_no_results():
    assert list(run_in_workers(_task, {}, 4)) == []


def _leave_a_trace(place: str) -> None:
    time.sleep(0.2)
    Path(place).touch()


def test_who_stops_listening_wants_no_more(tmp_path):
    tasks = {SessionKey(str(n)): str(tmp_path / str(n)) for n in range(8)}
    for _ in run_in_workers(_leave_a_trace, tasks, 1):
        break
    assert len(list(tmp_path.iterdir())) < 8


def _who(_: None) -> int:
    return os.getpid()


def test_workers_stay_from_one_set_of_tasks_to_the_next():
    with Workers(1) as workers:
        workers.get_ready(["json"], 3)
        first, second = (dict(workers.run(_who, {"a": None, "b": None})) for _ in range(2))
    assert len({*first.values(), *second.values()}) == 1
    assert os.getpid() not in first.values()


def test_a_worker_that_died_is_replaced_for_the_next_tasks():
    with Workers(2) as workers:
        assert isinstance(dict(workers.run(_task, {"a": "die"}))["a"], WorkerKilledError)
        assert dict(workers.run(_task, {"a": "fine"})) == {"a": "FINE"}
        idle = dict(workers.run(_who, {"a": None}))["a"]
        os.kill(idle, signal.SIGKILL)
        assert dict(workers.run(_task, {"a": "fine", "b": "good"})) == {"a": "FINE", "b": "GOOD"}


def test_memory_decides_how_many_sessions_run_at_once():
    assert workers_within(ResourceSettings(nprocs=8, memory_gb=5.0, session_memory_gb=2.0)) == 2
    assert workers_within(ResourceSettings(nprocs=3, memory_gb=64.0)) == 3
    assert workers_within(ResourceSettings(nprocs=8, memory_gb=0.5)) == 1
