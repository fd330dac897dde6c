"""What describes an output folder as a whole, and whether a folder may become one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qsmrim_app.bids_io.datasets import GENERATOR, RAW, is_own_output, read_description
from qsmrim_app.bids_io.names import bidsignore_text, dataset_path
from qsmrim_app.bids_io.tables_io import write_table
from qsmrim_app.bids_io.writing import write_json, write_text
from qsmrim_app.errors import OutputError

BIDS_VERSION = "1.10.1"
# What the image is called; its Dockerfile sets them. Unset outside of a container.
CONTAINER_TYPE_VARIABLE = "QSMRIM_CONTAINER_TYPE"
CONTAINER_TAG_VARIABLE = "QSMRIM_CONTAINER_TAG"

_RIM_ROWS = (
    (0, "background", "#000000"),
    (1, "rim negative", "#56b4e9"),
    (2, "rim positive", "#d55e00"),
    (3, "not classified", "#999999"),
)
_README = """# qsmrim

Chronic active (rim positive) multiple sclerosis lesions found on quantitative susceptibility maps.

`sub-*/**/*_desc-lesions_dseg.tsv` is the lesion table: one row a lesion, every column described in the
JSON file beside it. `*_desc-rim_dseg.nii.gz` shows the result (1 rim negative, 2 rim positive, 3 not
classified), `*_label-rim_probseg.nii.gz` the probability. `sub-*.html` are the reports. Status, settings and
messages of every run are in `logs`.

For research. This is no medical device: no decision about a patient may rest on it.
"""


@dataclass(frozen=True)
class Container:
    """The image that the program runs in."""

    type: str
    tag: str


def container_of(environment: Mapping[str, str]) -> Container | None:
    """The container that environment variables name; None outside of one."""
    tag = environment.get(CONTAINER_TAG_VARIABLE, "")
    return Container(environment.get(CONTAINER_TYPE_VARIABLE) or "docker", tag) if tag else None


_REPLACED = ("dataset_description.json", "README*", "participants.*", "sub-*", "group*", "models", "*_dseg.*")


def check_output_folder(bids_dir: Path, output_dir: Path) -> None:
    """Make the output folder, and pass silently if it is one that may be written.

    Raises
    ------
    OutputError
        If it is the raw dataset or inside it elsewhere than ``derivatives/<name>``, holds what another
        program or a person left and would be replaced, or links to folders elsewhere, or cannot be made or
        written.
    """
    try:
        _check_place(bids_dir, output_dir)
        output_dir.mkdir(parents=True, exist_ok=True)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{output_dir} cannot be made ({error.strerror})") from error
    if not os.access(output_dir, os.W_OK | os.X_OK):
        raise OutputError(f"{output_dir} cannot be written; give rights or choose another folder")


def _check_place(bids_dir: Path, output_dir: Path) -> None:
    raw, output = bids_dir.resolve(), output_dir.resolve()
    inside = output.relative_to(raw).parts if output.is_relative_to(raw) else None
    if inside is not None and not (len(inside) == 2 and inside[0] == "derivatives"):
        raise OutputError(
            f"{output_dir} lies inside the raw dataset {bids_dir}; write to {bids_dir}/derivatives/<name> "
            "or outside of it"
        )
    _refuse_links(output)
    if not is_own_output(output) and not _is_rest_of_output(output):
        if read_description(output) is not None:
            raise OutputError(
                f"{output_dir} holds a dataset that qsmrim did not write; choose another folder"
            )
        if found := sorted(path.name for pattern in _REPLACED for path in output.glob(pattern)):
            raise OutputError(
                f"{output_dir} is no output of qsmrim and holds {found[0]}, which might be replaced; choose "
                "another folder"
            )


def _is_rest_of_output(output: Path) -> bool:
    """Whether the folder is what a run left of an output that was removed while it went on."""
    return any(output.glob(f"{dataset_path('logs')}/status-sub-*.json"))


def _refuse_links(output: Path) -> None:
    """Refuse an output folder with links in it through which something would land elsewhere."""
    logs = dataset_path("logs")
    patterns = ("*", "sub-*/*", "sub-*/ses-*/*", f"{logs}/*", f"{logs}/*/*", "work/*", "work/*/*")
    for link in (path for pattern in patterns for path in output.glob(pattern) if path.is_symlink()):
        target = link.resolve()
        if not target.is_relative_to(output) and (target.is_dir() or link.parent.name == "logs"):
            raise OutputError(
                f"{link} is a link to {target}, outside of the output folder, where nothing is written; "
                "remove the link, or name folders with the command itself (--work-dir for intermediate files)"
            )


def write_description(
    output_dir: Path,
    version: str,
    datasets: Mapping[str, Path],
    container: Container | None = None,
    keep_links: bool = False,
) -> None:
    """Write what describes the folder: description, README, .bidsignore and the rim maps' look-up table.

    Parameters
    ----------
    output_dir
        The output folder.
    version
        Of qsmrim.
    datasets
        Name in BIDS URIs -> folder; stored relative to the output folder, so that both may move together.
    container
        The image the program runs in.
    keep_links
        Whether a name that stands for a folder already keeps it, as sidecars that are there point by it.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    former, now = _former_links(output_dir), _links(output_dir, datasets)
    description = _description(version, datasets.get(RAW), container)
    description["DatasetLinks"] = now | former if keep_links else former | now
    write_json(output_dir / dataset_path("description", ".json"), description)
    write_text(output_dir / dataset_path("readme", ".md"), _README)
    write_text(output_dir / dataset_path("bidsignore"), bidsignore_text())
    write_table(output_dir / dataset_path("rim_lookup", ".tsv"), ("index", "name", "color"), _RIM_ROWS)


def moved_links(output_dir: Path, datasets: Mapping[str, Path]) -> dict[str, str]:
    """Derivatives whose name stood for another folder when earlier results were written -> that folder."""
    now = _links(output_dir, datasets)
    return {
        name: str(folder)
        for name, folder in _former_links(output_dir).items()
        if name in now and name != RAW and folder != now[name]
    }


def _former_links(output_dir: Path) -> dict[str, Any]:
    """What sidecars of earlier runs point at."""
    former = (read_description(output_dir) or {}).get("DatasetLinks")
    return dict(former) if isinstance(former, dict) else {}


def _links(output_dir: Path, datasets: Mapping[str, Path]) -> dict[str, str]:
    return {name: os.path.relpath(root.resolve(), output_dir.resolve()) for name, root in datasets.items()}


def _description(version: str, raw: Path | None, container: Container | None) -> dict[str, Any]:
    generator: dict[str, Any] = {
        "Name": GENERATOR,
        "Version": version,
        "Description": "Finds rim positive multiple sclerosis lesions on quantitative susceptibility maps",
    }
    if container is not None:
        generator["Container"] = {"Type": container.type, "Tag": container.tag}
    source = (read_description(raw) or {}) if raw else {}
    description: dict[str, Any] = {
        "Name": "qsmrim: rim lesions on QSM",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [generator],
        "DatasetLinks": {},
    }
    for name in ("License", "Authors"):  # who may use the output follows from the input
        if source.get(name):
            description[name] = source[name]
    return description
