import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.bids_io.label_tables import read_label_table
from qsmrim_app.errors import InputError, OutputError
from qsmrim_app.images import load_image, load_labels, map_digest, to_ppb
from qsmrim_app.levels.distinct_participants import require_distinct_participants
from qsmrim_app.levels.gathering import gather
from qsmrim_app.levels.simulate import recipe, run_simulation
from qsmrim_app.plain_data import with_values
from qsmrim_app.settings import SimulationSettings

SETTINGS = SimulationSettings(
    seed=2,
    spacing_mm=(1.0, 1.0, 3.0),
    flair_spacing_mm=(2.0, 2.0, 2.0),
    lesions_median=8,
    guarantee_rim=True,
    flair_masks="merged",
)
VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "cohort"
    run_simulation(SETTINGS, folder)
    return folder


def test_a_folder_with_other_content_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        run_simulation(SETTINGS, tmp_path)


@pytest.mark.slow
def test_rows_and_labels_name_the_same_lesions(dataset):
    stem = "sub-sim001/anat/sub-sim001_space-Chimap_desc-lesions_dseg"
    labels = load_labels(dataset / f"derivatives/raters/{stem}.nii.gz").volume.data
    rows = read_label_table(dataset / f"derivatives/raters/{stem}.tsv")
    assert set(rows) == set(labels.ravel().tolist()) - {0}
    assert any(row.rim_truth for row in rows.values())
    assert set(read_label_table(dataset / f"derivatives/lesions/{stem}.tsv")) == set(rows)
    qsm = load_image(dataset / "derivatives/qsm/sub-sim001/anat/sub-sim001_Chimap.nii.gz").volume
    assert qsm.shape == labels.shape
    assert abs(qsm.data).max() < 1.5  # ppm


@pytest.mark.slow
def test_the_same_settings_give_the_same_bytes_whatever_else_is_simulated(dataset, tmp_path):
    run_simulation(SETTINGS, tmp_path)
    files = [path.relative_to(dataset) for path in sorted(dataset.rglob("*")) if path.is_file()]
    assert len(files) == 8 + 14 + 5  # raw, derivatives, plain FLAIR masks
    for path in files:
        assert (tmp_path / path).read_bytes() == (dataset / path).read_bytes(), path


@pytest.mark.slow
def test_an_interrupted_run_goes_on_where_it_stopped(dataset, tmp_path, caplog):
    shutil.copytree(dataset, tmp_path / "cohort")
    qsm = tmp_path / "cohort/derivatives/qsm/sub-sim001/anat/sub-sim001_Chimap.nii.gz"
    made = qsm.stat().st_mtime_ns
    caplog.set_level("INFO")
    run_simulation(SETTINGS, tmp_path / "cohort")
    assert qsm.stat().st_mtime_ns == made
    assert "1 participant(s) are there already" in caplog.text
    assert recipe(SETTINGS) == recipe(dataclasses.replace(SETTINGS, nprocs=2, n_participants=9))
    assert recipe(SETTINGS) != recipe(dataclasses.replace(SETTINGS, rim_prevalence=0.1))
    other_engine = with_values(SETTINGS, {"detector.radiomics.engine": "pyradiomics"})
    assert recipe(SETTINGS) == recipe(other_engine)


@pytest.mark.slow
def test_masks_of_a_former_participant_of_the_label_do_not_stay(dataset, tmp_path):
    shutil.copytree(dataset, tmp_path / "cohort")
    masks = tmp_path / "cohort/derivatives/lesions-flair/sub-sim001/anat"
    assert len(list(masks.iterdir())) == 3
    run_simulation(dataclasses.replace(SETTINGS, seed=3, flair_masks=None), tmp_path / "cohort")
    assert list(masks.iterdir()) == []


@pytest.mark.slow
def test_samples_of_both_masks_are_what_the_group_level_reads(tmp_path):
    settings = dataclasses.replace(SETTINGS, seed=7, lesions_median=14, samples_dir=tmp_path / "samples")
    run_simulation(settings, tmp_path / "cohort")
    gathered = gather({"": tmp_path / "samples/faithful"}, {"flair": tmp_path / "samples/flair"})
    masks = tmp_path / "cohort/derivatives/lesions-flair/sub-sim001/anat"
    labels = load_labels(masks / "sub-sim001_space-FLAIR_desc-lesions_dseg.nii.gz").volume.data
    flair = gathered.variants["flair"]
    assert set(flair.table.frame["index"]) == set(labels.ravel().tolist()) - {0}
    for part in (gathered, flair):
        assert part.is_simulated
        assert (part.samples.rim == 1).any()
        qsm, flair_seen = part.samples.patches.swapaxes(0, 1)
        for channel in (qsm, flair_seen):
            assert (channel != 0).any(axis=(1, 2, 3)).all()
        assert np.median(flair_seen[flair_seen != 0]) > 1  # lesions are bright
        assert ((qsm != 0).sum(axis=(1, 2, 3)) > (flair_seen != 0).sum(axis=(1, 2, 3))).all()  # the margin
        assert part.samples.qsm_zero == settings.detector.patch.qsm_zero
    # its map is that of the dataset, whichever way it comes to the group level
    stored = tmp_path / "cohort/derivatives/qsm/sub-sim001/anat/sub-sim001_Chimap.nii.gz"
    digest = map_digest(to_ppb(load_image(stored).volume, "ppm"))
    assert [image.digest for part in (gathered, flair) for image in part.images] == [digest, digest]
    with pytest.raises(InputError, match="'a:sim001' and 'b:sim001' have the same image"):
        require_distinct_participants(
            gather({"a": tmp_path / "samples/faithful", "b": tmp_path / "samples/flair"})
        )


@pytest.mark.slow
@pytest.mark.skipif(not VALIDATOR.exists() and not shutil.which(VALIDATOR.name), reason="no BIDS validator")
@pytest.mark.parametrize(
    "part", ["", "derivatives/qsm", "derivatives/lesions", "derivatives/raters", "derivatives/lesions-flair"]
)
def test_the_validator_finds_no_error(dataset, part):
    command = [
        str(VALIDATOR) if VALIDATOR.exists() else VALIDATOR.name,
        str(dataset / part),
        "--ignoreWarnings",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
