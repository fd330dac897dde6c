"""Write the datasets of `tests/container/run` below a folder: bids, bad, many, large."""

import sys
from pathlib import Path

import nibabel
import numpy as np

from tests.phantoms import DatasetSpec, write_dataset

LARGE = (14, 14, 26)  # 896 x 896 x 520 voxels: 1.7 GB as float32; their edges, 0.054 mm, pass for a head's
MANY = tuple(f"{number:02}" for number in range(1, 9))


def main(folder: Path) -> None:
    """All four."""
    write_dataset(folder / "bids", DatasetSpec(subjects=("01", "02"), lesions={"02": ()}))
    damaged = write_dataset(folder / "bad", DatasetSpec(subjects=("01", "02", "03"), lesions={"02": ()}))
    chimap = damaged / "derivatives" / "qsm" / "sub-03" / "anat" / "sub-03_Chimap.nii.gz"
    chimap.write_bytes(chimap.read_bytes()[:2000])
    write_dataset(folder / "many", DatasetSpec(subjects=MANY))
    large = write_dataset(folder / "large", DatasetSpec(subjects=("01",)))
    _enlarge(large / "derivatives" / "qsm" / "sub-01" / "anat" / "sub-01_Chimap.nii.gz")


def _enlarge(path: Path) -> None:
    """Divide every voxel of an image into many; its values do not matter, nobody gets to see them."""
    image = nibabel.load(path)
    data = np.kron(np.asarray(image.dataobj) != 0, np.ones(LARGE, dtype=np.uint8))
    affine = image.affine @ np.diag([*(1 / n for n in LARGE), 1])
    nibabel.save(nibabel.Nifti1Image(data.astype(np.uint8), affine), path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
