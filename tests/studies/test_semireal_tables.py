import pytest

from qsmrim_app.tables.lesion_table import lesion_table
from studies.semireal_tables import area_table, count_table, judged, left_out_table, rim_table

POINTS = {"f1": 0.5, "high-sensitivity": 0.2}


@pytest.fixture
def lesions():
    rows = [  # subject, index, mm3, p_rim, rim, reason
        ("LJ07", 1, 100, 0.9, 1, ""),
        ("LJ07", 2, 100, 0.6, 0, ""),
        ("LJ19", 1, 100, 0.3, 1, ""),
        ("LJ19", 2, 100, 0.1, 0, ""),
        ("LJ19", 3, 20, 0.7, 1, ""),  # too small to be judged
        ("LJ19", 4, 2, None, 1, "too_small"),
    ]
    names = ("subject", "index", "volume_mm3", "p_rim", "rim_expert", "excluded_because")
    table = lesion_table({"name": "lesion", **dict(zip(names, row, strict=True))} for row in rows)
    return table.frame.assign(layer_ppb=[5.0, 1.0, 4.0, 2.0, 0.0, 0.0])


def test_small_and_unclassified_lesions_are_not_judged(lesions):
    found = judged(lesions)
    assert found["rank"].tolist() == [1, 2, 3, 4]


def test_counts_at_every_threshold(lesions):
    lines = count_table(lesions, POINTS).splitlines()[2:]
    assert lines[0].startswith("| f1 | 0.500 | ≥ 40 mm³ | 1 | 1 | 1 | 1 |")
    assert lines[1].startswith("| f1 | 0.500 | all classified | 2 | 1 | 1 | 1 |")
    assert lines[2].startswith("| high-sensitivity | 0.200 | ≥ 40 mm³ | 2 | 1 | 0 | 1 |")


def test_every_rim_lesion_is_listed_whatever_became_of_it(lesions):
    lines = rim_table(lesions, POINTS).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| LJ07 1", "| LJ19 3", "| LJ19 1", "| LJ19 4"]
    assert "| 1 | found | found |" in lines[0]
    assert "not judged" in lines[1]
    assert "below 40 mm³" in lines[1]
    assert "| 3 | missed | found |" in lines[2]
    assert "below the smallest volume" in lines[3]


def test_what_was_left_out_names_its_rims(lesions):
    assert "| 1 | 2 | LJ19 4 | LJ19 4 |" in left_out_table(lesions)
    assert left_out_table(lesions.iloc[:3]) == "Every lesion was classified."


def test_areas_of_the_model_and_of_the_hand(lesions):
    true_masks = lesions.rename(columns={"rim_expert": "rim"})
    lines = area_table(lesions, true_masks).splitlines()[2:]
    assert lines[0].startswith("| model | both | 4 | 2 | 0.75 (")
    assert lines[1].startswith("| model | LJ07 | 2 | 1 | 1.00 (")
    assert lines[3].startswith("| layer contrast, the App's masks | both | 4 | 2 | 1.00 (")
