"""The program is told to end, or killed, while its workers are busy."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from qsmrim_app.cli import machine
from qsmrim_app.cli.machine import use_private_caches
from qsmrim_app.errors import UsageError

REPOSITORY = Path(__file__).resolve().parents[2]
SOON_S = 2.0  # it takes some 0.1 s; the rest is for a machine that runs other tests
BUSY = """
import signal, sys, time
from pathlib import Path
from qsmrim_app.cli.ending import ends_on_signals
from qsmrim_app.levels.workers import run_in_workers
if __name__ == "__main__":
    signal.signal(signal.SIGINT, getattr(signal, sys.argv[2]))  # a shell's background job inherits SIG_IGN
    with ends_on_signals(Path(sys.argv[1])):
        list(run_in_workers(time.sleep, {"a": 300, "b": 300}, 2))
"""


@pytest.fixture
def busy(tmp_path, request):
    """A program with two busy workers, its scratch folder, and all processes below it."""
    script, scratch = tmp_path / "busy.py", tmp_path / "scratch"
    script.write_text(BUSY)
    scratch.mkdir()
    program = subprocess.Popen(
        [sys.executable, script, scratch, getattr(request, "param", "SIG_DFL")],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    try:
        below = _wait_for(lambda: _workers(program.pid) if len(_workers(program.pid)) == 2 else [])
        yield program, scratch, below
    finally:
        program.kill()
        program.communicate()


def _workers(pid: int) -> list[psutil.Process]:
    """The workers that are ready: the kernel would end them first."""
    return [
        process
        for process in psutil.Process(pid).children(recursive=True)
        if Path(f"/proc/{process.pid}/oom_score_adj").read_text().strip() == "1000"
    ]


def _wait_for(condition, seconds: float = 240.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


def _gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != "zombie" for process in processes)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_program_and_its_workers_within_a_second(busy, number, code):
    program, scratch, below = busy
    start = time.monotonic()
    program.send_signal(number)
    assert program.wait(30) == code
    assert time.monotonic() - start < SOON_S
    _wait_for(lambda: _gone(below), SOON_S)
    assert not scratch.exists()
    assert program.stderr.read().splitlines()[-1] == (
        f"qsmrim: ended by {number.name}; the same command continues where it stopped"
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("busy", ["SIG_IGN"], indirect=True)
def test_a_signal_that_is_ignored_stays_ignored_as_under_nohup(busy):
    program, scratch, _ = busy
    program.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        program.wait(SOON_S)
    assert scratch.exists()


@pytest.mark.timeout(300)
def test_workers_do_not_outlive_a_program_that_is_killed(busy):
    program, _, below = busy
    program.kill()
    program.wait(30)
    _wait_for(lambda: _gone(below), SOON_S)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_ended_goes_on_to_the_same_bytes(phantom_dataset, tmp_path):
    whole, ended = tmp_path / "whole", tmp_path / "ended"
    assert _participant(phantom_dataset, whole).wait(200) == 0
    program = _participant(phantom_dataset, ended)
    _wait_for(lambda: list((ended / "work").rglob("result_*.pklz")))  # a first step is done
    program.terminate()
    assert program.wait(30) == 143
    assert not list(ended.glob("sub-*/anat/*_dseg.tsv"))
    assert _participant(phantom_dataset, ended).wait(200) == 0
    assert _files(ended) == _files(whole)


def _participant(bids_dir: Path, output_dir: Path) -> subprocess.Popen[bytes]:
    words = [bids_dir, output_dir, "participant", "--model", "none", "--nprocs", "1"]
    command = [sys.executable, REPOSITORY / "run.py", *map(str, words)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})


def _files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    relative = {path.relative_to(folder): path for path in paths}
    return {name.as_posix(): path.read_bytes() for name, path in relative.items() if name.parts[0] != "logs"}


def test_without_a_temporary_folder_shared_memory_serves(monkeypatch, tmp_path):
    def none_found() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(machine.tempfile, "gettempdir", none_found)
    monkeypatch.setattr(machine.tempfile, "tempdir", None)
    monkeypatch.setattr(machine, "_SHARED_MEMORY", str(tmp_path))
    for name in ("TMPDIR", "NIPYPE_CONFIG_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")
    assert use_private_caches().parent == tmp_path
    assert os.environ["TMPDIR"] == str(tmp_path)
    monkeypatch.setattr(machine, "_SHARED_MEMORY", str(tmp_path / "absent"))
    with pytest.raises(UsageError, match="tmpfs"):
        use_private_caches()
