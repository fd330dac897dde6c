"""What nipype reads back from the work folder: results of steps alone, since it stores them as pickles.

A work folder may come with a dataset that somebody else made, below the output folder in its derivatives. A
pickle can name any function to call; here it can only name what steps and their results are made of.
"""

from __future__ import annotations

import io
import pickle
import sys
from types import SimpleNamespace
from typing import Any

from nipype.interfaces.base import TraitedSpec
from nipype.interfaces.base.support import Bunch, InterfaceResult
from nipype.interfaces.utility import Merge
from nipype.utils import filemanip
from traits.trait_base import _Undefined

from qsmrim_app.preprocessing.step import Step

_PARTS = (Step, TraitedSpec, InterfaceResult, Bunch, Merge)


def read_only_results() -> None:
    """Have nipype refuse, in this process, stored files that hold anything but results of steps."""
    filemanip.pickle = SimpleNamespace(loads=results_from_bytes, dump=pickle.dump, dumps=pickle.dumps)


def results_from_bytes(raw: bytes, **options: Any) -> Any:
    """What `pickle.loads` gives, if it is made of steps, their results and plain data.

    Raises
    ------
    pickle.UnpicklingError
        If it is not.
    """
    return _Results(io.BytesIO(raw), **options).load()


class _Results(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        found = getattr(sys.modules.get(module), name, None)  # nothing is imported
        if (isinstance(found, type) and issubclass(found, _PARTS)) or found is _Undefined:
            return found
        raise pickle.UnpicklingError(
            f"'{module}.{name}' in a file of the work folder is no result of a step; remove the work folder"
        )
