"""From the images as they came to all of them on one grid, as a nipype workflow.

nipype obeys a ``nipype.cfg`` in the current folder, and that may be a dataset of somebody else: it could have
files written anywhere. The command line and its workers therefore load nipype from the folder that
`NIPYPE_ALONE` names; who embeds the workflow in a program of their own keeps their settings.
"""

import os

from qsmrim_app.worker_process import NIPYPE_ALONE


def _load_nipype_in(folder: str) -> None:
    here = os.getcwd()
    os.chdir(folder)
    try:
        import nipype
    finally:
        os.chdir(here)
    nipype.config._cwd = None  # it took the folder for the one that the program works in


if os.path.isdir(os.environ.get(NIPYPE_ALONE, "")):
    _load_nipype_in(os.environ[NIPYPE_ALONE])
