"""Whether the results of a run are there when it ends: something may have removed them meanwhile."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from pathlib import Path

from qsmrim_app.bids_io.names import missing_outputs
from qsmrim_app.errors import OutputError
from qsmrim_app.records import SessionKey


def missing_results(
    output_dir: Path, written: Iterable[SessionKey], with_page: Container[SessionKey]
) -> Mapping[SessionKey, OutputError]:
    """For each session whose files are not all there any more, the error that names the first of them.

    Parameters
    ----------
    output_dir
        The output folder.
    written
        Sessions whose maps and tables this run wrote.
    with_page
        Those of which it wrote the page too.
    """
    absent = {key: missing_outputs(output_dir, key, key in with_page) for key in written}
    return {
        key: OutputError(
            f"{key.prefix}: {paths[0]} is gone; something removed it while the program ran. "
            "Run the same command again"
        )
        for key, paths in absent.items()
        if paths
    }
