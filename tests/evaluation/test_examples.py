import numpy as np

from qsmrim_app.evaluation.examples import clearest_examples
from qsmrim_app.evaluation.scored_lesions import ScoredLesions


def test_the_clearest_of_each_cell_stand_first():
    p = np.array([0.9, 0.95, 0.7, 0.2, 0.1, 0.05, 0.05, 0.6])
    rim = np.array([1, 1, 0, 1, 1, 0, 0, 1])
    keys = tuple(("a", "", index) for index in (8, 7, 6, 5, 4, 3, 2, 1))
    found = clearest_examples(ScoredLesions(keys, np.zeros(8), rim, p, p >= 0.5), 2)
    assert {cell: [key[2] for key in chosen] for cell, chosen in found.items()} == {
        "tp": [7, 8],  # 0.95, 0.9; not 0.6
        "fp": [6],
        "fn": [4, 5],
        "tn": [2, 3],  # equal scores by key
    }


def test_without_lesions_there_are_no_examples():
    nothing = np.zeros(0)
    found = clearest_examples(ScoredLesions((), nothing, nothing, nothing, nothing > 0), 3)
    assert found == {"tp": (), "fp": (), "fn": (), "tn": ()}
