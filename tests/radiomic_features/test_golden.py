"""Values that other people computed: pyradiomics' own baselines, and its extractor on a realistic map."""

from __future__ import annotations

import csv
from typing import get_args

import numpy as np
import pytest
import SimpleITK as sitk

from qsmrim_app.images import load_image, load_labels, to_ppb
from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.records import Volume
from qsmrim_app.settings import RadiomicsEngine, RadiomicsSettings
from tests.radiomic_features.oracle import assert_same_features, row_of, whole_volume_features

BASELINE_SHIFT = 2000  # the baselines add this to every intensity in three features

MESH_FEATURES = [
    f"original_shape_{name}" for name in ("MeshVolume", "SurfaceArea", "Sphericity", "SurfaceVolumeRatio")
]


def read_case(folder, case) -> tuple[Volume, Volume]:
    image, label = (sitk.ReadImage(folder / f"{case}_{part}.nrrd") for part in ("image", "label"))
    affine = np.diag([*image.GetSpacing(), 1.0])
    return (
        Volume(sitk.GetArrayFromImage(image).T.astype(np.float32), affine),
        Volume(sitk.GetArrayFromImage(label).T.astype(np.int32), affine),
    )


def read_baseline(folder, kind, case) -> dict[str, float]:
    with (folder / "baseline" / f"baseline_{kind}.csv").open(newline="") as file:
        rows = {row["featureName"]: row[case] for row in csv.DictReader(file)}
    assert "'binWidth': 25" in rows["diagnostics_Configuration_Settings"]
    assert f"'voxelArrayShift': {BASELINE_SHIFT}" in rows["diagnostics_Configuration_Settings"]
    return {name: float(value) for name, value in rows.items() if name.startswith("original_")}


def with_shift(row, n_voxels, voxel_volume) -> dict[str, float]:
    """Energy, total energy and root mean square of the shifted intensities, from those of the intensities."""
    total = n_voxels * row["original_firstorder_Mean"]
    energy = row["original_firstorder_Energy"] + 2 * BASELINE_SHIFT * total + n_voxels * BASELINE_SHIFT**2
    return row | {
        "original_firstorder_Energy": energy,
        "original_firstorder_TotalEnergy": energy * voxel_volume,
        "original_firstorder_RootMeanSquared": (energy / n_voxels) ** 0.5,
    }


@pytest.mark.parametrize("engine", get_args(RadiomicsEngine))
@pytest.mark.parametrize(("case", "mesh_rtol"), [("brain1", 1e-3), ("brain2", 1e-6)])
def test_pyradiomics_baselines(real_data, case, mesh_rtol, engine):
    """The baselines were written by pyradiomics 2.0.1b1; 3.0.1 agrees but for the mesh of brain1."""
    folder = real_data / "pyradiomics"
    image, labels = read_case(folder, case)
    (lesion,) = find_lesions(labels)
    row = row_of(extract_features(image, labels, [lesion], RadiomicsSettings(engine=engine)))
    row = with_shift(row, lesion.n_voxels, np.prod(image.spacing_mm))
    expected = {}
    for kind in ("firstorder", "glcm", "glrlm", "shape"):
        expected |= read_baseline(folder, kind, case)
    compared = {name: value for name, value in expected.items() if name in row}
    assert len(compared) == 14 + 18 + 23 + 16
    mesh = {name: compared.pop(name) for name in MESH_FEATURES}
    assert_same_features({name: row[name] for name in compared}, compared)
    assert_same_features({name: row[name] for name in mesh}, mesh, rtol=mesh_rtol)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["brain1", "brain2"])
def test_baseline_images_equal_the_extractor_of_our_version(real_data, case):
    image, labels = read_case(real_data / "pyradiomics", case)
    row = row_of(extract_features(image, labels, find_lesions(labels), RadiomicsSettings()))
    assert_same_features(row, whole_volume_features(image, labels, 1))


@pytest.mark.slow
@pytest.mark.parametrize("edge", [False, True])
def test_realistic_map_equals_the_extractor_on_the_whole_volume(real_data, edge):
    folder = real_data / "semireal"
    qsm = to_ppb(load_image(folder / "derivatives/qsm/sub-LJ07/anat/sub-LJ07_Chimap.nii.gz").volume, "ppm")
    labels = load_labels(
        real_data / "semireal_truth/sub-LJ07/sub-LJ07_space-T2starw_desc-lesions_dseg.nii.gz"
    ).volume
    lesions = [lesion for lesion in find_lesions(labels) if lesion.n_voxels >= 14][:6]
    for lesion in lesions:
        part_qsm, part_labels = (cut_at(qsm, lesion), cut_at(labels, lesion)) if edge else (qsm, labels)
        (here,) = (found for found in find_lesions(part_labels) if found.index == lesion.index)
        row = row_of(extract_features(part_qsm, part_labels, [here], RadiomicsSettings()))
        assert_same_features(row, whole_volume_features(part_qsm, part_labels, lesion.index))


def cut_at(volume: Volume, lesion) -> Volume:
    """The volume from the lesion's first voxel on: the lesion touches three faces."""
    start = [side[0] for side in lesion.box]
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ start
    return Volume(volume.data[tuple(slice(first, None) for first in start)].copy(), affine)
