import os
import signal

from qsmrim_app.errors import QsmrimError, UnitError, WorkerKilledError
from qsmrim_app.levels.workers import run_in_workers
from qsmrim_app.records import SessionKey


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
