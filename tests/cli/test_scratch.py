"""Temporary folders of calls that were killed are removed by a later one; those of others are left."""

import os
import subprocess
import sys
from pathlib import Path

from qsmrim_app.cli.scratch import PREFIX, in_use

LONG_AGO = (1.0, 1.0)
HOLDER = (
    "import sys, time; from pathlib import Path; from qsmrim_app.cli.scratch import in_use\n"
    "with in_use(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
)


def _holder(folder: Path) -> subprocess.Popen[str]:
    """A process that has the folder in use."""
    folder.mkdir()
    process = subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    os.utime(folder, LONG_AGO)
    return process


def _kill(process: subprocess.Popen[str]) -> None:
    with process:  # which closes its pipe and waits
        process.kill()


def test_the_folder_of_a_killed_call_is_removed_and_no_other(tmp_path):
    killed, living = (_holder(tmp_path / f"{PREFIX}{name}") for name in ("killed", "living"))
    for name in (f"{PREFIX}no-lock", "other"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, LONG_AGO)
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "other")
    young = _holder(tmp_path / f"{PREFIX}young")
    os.utime(tmp_path / f"{PREFIX}young")
    own = tmp_path / f"{PREFIX}own"
    own.mkdir()
    for process in (killed, young):
        _kill(process)
    with in_use(own):
        left = {path.name for path in tmp_path.iterdir()}
    _kill(living)
    expected = {"other", *(f"{PREFIX}{name}" for name in ("living", "no-lock", "link", "young", "own"))}
    assert left == expected
    assert not list(own.iterdir())  # the lock goes with its holder
