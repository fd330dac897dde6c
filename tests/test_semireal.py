"""Both semi-real participants (real FLAIR and lesion masks, simulated QSM), whole, as a user runs them."""

import pytest

from qsmrim_app.bids_io.tables_io import read_lesion_table
from qsmrim_app.images import load_labels, read_grid, same_grid
from qsmrim_app.levels.participant import run_participants
from qsmrim_app.settings import ParticipantSettings, ResourceSettings
from tests.validator import problems

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("semireal")]
N_LESIONS = {"LJ07": 30, "LJ19": 138}  # labels of the instance maps that came with the data


@pytest.fixture(scope="module")
def output_dir(real_data, tmp_path_factory):
    output_dir = tmp_path_factory.mktemp("semireal") / "out"
    settings = ParticipantSettings(
        real_data / "semireal", output_dir, resources=ResourceSettings(nprocs=2, device="cpu")
    )
    assert run_participants(settings).exit_code == 0
    return output_dir


def test_the_output_is_valid(output_dir):
    assert problems(output_dir) == []


@pytest.mark.parametrize("subject", N_LESIONS)
def test_every_lesion_is_classified_or_says_why_not(output_dir, real_data, subject):
    anat = output_dir / f"sub-{subject}" / "anat"
    table = read_lesion_table(anat / f"sub-{subject}_space-Chimap_desc-lesions_dseg.tsv")
    assert len(table) == N_LESIONS[subject]
    frame = table.frame.set_index("index")
    assert (frame["p_rim"].notna() == (frame["excluded_because"] == "")).all()
    assert frame["rim_expert"].notna().all()
    rim = load_labels(anat / f"sub-{subject}_space-Chimap_desc-rim_dseg.nii.gz").volume
    labels = load_labels(anat / f"sub-{subject}_space-Chimap_desc-lesions_dseg.nii.gz").volume
    for index, row in frame.iterrows():
        expected = 3 if row["excluded_because"] else 1 + row["rim_predicted"]
        assert set(rim.data[labels.data == index].tolist()) <= {expected}
    chimap = (
        real_data / "semireal" / "derivatives" / "qsm" / f"sub-{subject}/anat/sub-{subject}_Chimap.nii.gz"
    )
    for path in anat.glob("*.nii.gz"):
        assert same_grid(read_grid(path), read_grid(chimap)), path


def test_the_pages_say_that_nothing_here_is_clinical(output_dir):
    for subject in N_LESIONS:
        page = (output_dir / f"sub-{subject}.html").read_text()
        assert "rained on simulated lesions; for research, not for diagnosis" in page
        assert "Simulated images" in page
