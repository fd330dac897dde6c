"""Every error that qsmrim raises on purpose, and the exit code that each one ends the program with.

::

    QsmrimError                     70  (internal, unless a subclass says otherwise)
    ├── UsageError                  64  the command line or a settings file is wrong
    ├── NothingSelectedError        18  the filters select no participant
    ├── InvalidDatasetError         16  the folder is no BIDS dataset
    ├── InputError                  65  the data is wrong
    │   ├── MissingImageError       66  a needed file is not there
    │   ├── AmbiguousInputError     65  several files fit, and no rule chooses
    │   ├── UnreadableImageError    65  a file cannot be read as an image
    │   ├── GridMismatchError       65  images that must share a grid do not
    │   └── UnitError               65  the susceptibility unit cannot be decided
    ├── LesionError                 65
    │   ├── UnknownLesionError      65  a label has no row, or a row no label
    │   └── TableError              65  a table lacks a column or holds a wrong value
    ├── ModelError                  65
    │   ├── CheckpointError         65  a model bundle is damaged or of another kind
    │   │   └── MissingModelError   66  a model bundle, or a file of it, is not there
    │   └── FeatureMismatchError    65  features are not those the model was trained on
    ├── PreprocessingError          70  a preprocessing node failed
    ├── OutputError                 73  the output cannot be created
    ├── WorkerKilledError           75  a worker process was killed; running again may help
    └── BusyError                   75  another run is at work on the same session

Exit codes follow the BIDS execution specification and ``sysexits.h``. A message says what was found, what was
expected, which file, and what to do. Each error also inherits the built-in that fits it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


# What other libraries say when there is no memory left, in errors that are no `MemoryError`
_NO_MEMORY = ("can't allocate memory", "Cannot allocate memory", "failed to map segment", "std::bad_alloc")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of any library says that this machine, or what this job may use of it, is full."""
    return isinstance(error, MemoryError) or any(words in str(error) for words in _NO_MEMORY)


class QsmrimError(Exception):
    """Any failure that qsmrim explains in one sentence."""

    exit_code = 70


class UsageError(QsmrimError, ValueError):
    """The command line or a settings file asks for something that does not exist."""

    exit_code = 64


class NothingSelectedError(QsmrimError, LookupError):
    """The participant, session or BIDS filters leave nothing to do."""

    exit_code = 18


class InvalidDatasetError(QsmrimError, ValueError):
    """The input folder is not a BIDS dataset."""

    exit_code = 16


class InputError(QsmrimError, ValueError):
    """The content of the dataset is wrong."""

    exit_code = 65


class MissingImageError(InputError, FileNotFoundError):
    """An image that the analysis needs is not in the dataset."""

    exit_code = 66

    __str__ = Exception.__str__


class AmbiguousInputError(InputError):
    """Several files fit one role and no stated rule chooses between them."""


class UnreadableImageError(InputError, OSError):
    """A file is not a readable three-dimensional NIfTI image."""

    __str__ = Exception.__str__


class GridMismatchError(InputError):
    """Two images that must share one voxel grid do not."""


class UnitError(InputError):
    """The unit of a susceptibility map cannot be decided."""


class LesionError(QsmrimError, ValueError):
    """Lesion labels and lesion rows contradict each other."""

    exit_code = 65


class UnknownLesionError(LesionError, KeyError):
    """A label map names a lesion that a table does not, or the reverse."""

    __str__ = Exception.__str__


class TableError(LesionError):
    """A table lacks a column or holds a value outside its range."""


class ModelError(QsmrimError, ValueError):
    """A model cannot be used here."""

    exit_code = 65


class CheckpointError(ModelError):
    """A model bundle is damaged, incomplete or of another kind."""


class MissingModelError(CheckpointError):
    """A model bundle, or a file of it, is not there."""

    exit_code = 66


class FeatureMismatchError(ModelError):
    """The features offered are not those the model was trained on."""


class PreprocessingError(QsmrimError, RuntimeError):
    """A preprocessing step failed for one subject."""


class OutputError(QsmrimError, OSError):
    """The output folder cannot be created or written."""

    exit_code = 73

    __str__ = Exception.__str__

    @classmethod
    def of(cls, path: Path, error: OSError) -> OutputError:
        """What to raise when a file or folder cannot be written."""
        return cls(f"{path} cannot be written ({error.strerror}); free space or rights may lack")


class WorkerKilledError(QsmrimError, RuntimeError):
    """A worker process was killed from outside, probably for lack of memory."""

    exit_code = 75


class BusyError(QsmrimError, RuntimeError):
    """Another run is at work on the same session."""

    exit_code = 75
