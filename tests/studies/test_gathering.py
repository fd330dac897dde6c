import dataclasses

import numpy as np
import pandas as pd
import pytest

from studies.cohort_table import cohort_table
from studies.gathering import CohortMeasures, spread_over_reconstructions
from studies.lesion_tables import class_table, layer_table, rater_table
from tests.studies.people import write_person


@pytest.fixture
def people(tmp_path):
    one = write_person(tmp_path)
    kinds = ["tv", "tv", "tv", "l2", "tv", "l2"]
    return tuple(dataclasses.replace(one, label=f"sub-{n}", inversion=kind) for n, kind in enumerate(kinds))


@pytest.fixture
def measures(people):
    rng = np.random.default_rng(0)
    n = 50
    lesions = pd.DataFrame(
        {
            "subject": [f"sub-{number % 5}" for number in range(n)],  # nobody has lesions but the first five
            "index": np.arange(1, n + 1),
            "partner": np.arange(1, n + 1),
            "volume_mm3": np.linspace(10, 400, n),
            "mean_ppb": rng.normal(-20, 10, n),
            "surround_ppb": -30.0,
            "contrast_ppb": rng.normal(10, 10, n),
            "layer_ppb": rng.normal(0, 10, n),
            "extent_vox": [(5, 6, 2)] * n,
            **{name: (np.arange(n) % 10 == 0).astype(float) for name in ("rim", "rim_truth", "rim_rater1")},
            "rim_rater2": (np.arange(n) % 20 == 0).astype(float),
        }
    )
    nothing = np.zeros(0)
    return CohortMeasures(people, (), lesions, nothing, nothing, lesions.iloc[:0], 0, pd.DataFrame())


def test_reconstructions_take_turns(people):
    chosen = spread_over_reconstructions(people, 4)
    assert [person.label for person in chosen] == ["sub-0", "sub-3", "sub-1", "sub-5"]
    assert len(spread_over_reconstructions(people, 99)) == len(people)


def test_participants_without_lesions_count(measures):
    assert measures.per_participant(measures.lesions["index"] > 0).tolist() == [10] * 5 + [0]
    assert "| participants with rim+ | 16.7 % (0.0 % to 50.0 %) |" in cohort_table(measures)


def test_what_differs_from_the_paper_is_said(measures):
    lines = {line.split(" | ")[0].strip("| "): line for line in cohort_table(measures).splitlines()}
    assert "differs" in lines["lesions a participant, mean"]  # 8.3 of 24.2
    assert lines["rim+ among lesions"].startswith("| rim+ among lesions | 10.0 %")


def test_tables_without_plain_masks_or_disagreement(measures):
    assert "no plain FLAIR masks" in layer_table(measures)
    assert "| truth rim+ | 5 | 3 | 0 | 2 | 40.0 % |" in rater_table(measures)
    assert "| layer | rim+ | all | 5 |" in class_table(measures)
