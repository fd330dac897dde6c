"""BIDS datasets of empty files, as many participants as asked for."""

from __future__ import annotations

import json
from pathlib import Path

_FILES = {  # dataset -> what a participant has in its folder anat, after the prefix
    "": ("_FLAIR.nii.gz", "_FLAIR.json", "_part-mag_T2starw.nii.gz", "_part-mag_T2starw.json"),
    "derivatives/qsm": ("_Chimap.nii.gz", "_Chimap.json"),
    "derivatives/lesions": (
        "_space-FLAIR_desc-lesions_dseg.nii.gz",
        "_space-FLAIR_desc-lesions_dseg.tsv",
    ),
}
N_FILES = sum(len(names) for names in _FILES.values())  # of a participant
SUBJECT = "00001"  # one that every skeleton has


def write_skeleton(folder: Path, n_participants: int) -> Path:
    """A dataset with two derivatives; a folder that has it already is left as it is."""
    done = folder / "dataset_description.json"
    if done.is_file():
        return folder
    for dataset, names in _FILES.items():
        for number in range(1, n_participants + 1):
            anat = folder / dataset / f"sub-{number:05d}" / "anat"
            anat.mkdir(parents=True)
            for name in names:
                (anat / f"sub-{number:05d}{name}").write_text("{}" if name.endswith(".json") else "")
        if dataset:
            description = {"Name": dataset, "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
            description["GeneratedBy"] = [{"Name": "nobody"}]  # type: ignore[assignment]
            (folder / dataset / "dataset_description.json").write_text(json.dumps(description))
    done.write_text(
        json.dumps({"Name": "skeleton", "BIDSVersion": "1.10.0"})
    )  # last: the mark of a whole one
    return folder
