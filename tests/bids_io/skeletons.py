"""Datasets of empty files: enough for everything that only looks at names."""

from __future__ import annotations

import json
from pathlib import Path


def skeleton(root: Path, files: dict[str, str | None] | list[str], described: tuple[str, ...] = ()) -> Path:
    """A dataset with these files, by name or with content; ``described`` folders get descriptions."""
    contents = files if isinstance(files, dict) else dict.fromkeys(files)
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or "")
    for folder in ("", *described):
        path = root / folder / "dataset_description.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"Name": folder or "raw", "BIDSVersion": "1.10.1"}))
    return root


def complete(label: str = "01", session: str = "", suffix: str = ".nii.gz") -> list[str]:
    """One session with QSM and lesion mask in derivatives, FLAIR and magnitude raw."""
    folder = f"sub-{label}/ses-{session}" if session else f"sub-{label}"
    prefix = f"sub-{label}_ses-{session}" if session else f"sub-{label}"
    return [
        f"{folder}/anat/{prefix}_FLAIR{suffix}",
        f"{folder}/anat/{prefix}_part-mag_T2starw{suffix}",
        f"derivatives/qsm/{folder}/anat/{prefix}_Chimap{suffix}",
        f"derivatives/lesions/{folder}/anat/{prefix}_space-FLAIR_label-lesion_mask{suffix}",
    ]
