"""Whether the results of a run are there when it ends: something may have removed them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from qsmrim_app.bids_io.names import missing_outputs
from qsmrim_app.errors import OutputError
from qsmrim_app.records import SessionKey


def missing_results(output_dir: Path, keys: Iterable[SessionKey]) -> Mapping[SessionKey, OutputError]:
    """For each analysed session whose files are not all there, the error that names the first of them."""
    absent = {key: missing_outputs(output_dir, key) for key in keys}
    return {
        key: OutputError(
            f"{key.prefix}: {paths[0]} is gone; something removed it while the program ran. "
            "Run the same command again"
        )
        for key, paths in absent.items()
        if paths
    }
