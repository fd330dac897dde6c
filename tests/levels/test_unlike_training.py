import numpy as np
import pytest

from qsmrim_app.levels.unlike_training import FAR, add_training_distance, unlike_training_warnings
from qsmrim_app.tables.columns import LESION_FLAGS, UNLIKE_TRAINING
from qsmrim_app.tables.lesion_table import lesion_table
from tests.phantom_samples import lesion_samples


def of(distances, rng, flags=""):
    """A table and samples of lesions at the given distances, and one lesion more that was not classified."""
    samples = lesion_samples(len(distances), rng)
    rows = [
        {"subject": subject, "session": session, "index": index, "name": "lesion", "flags": flags}
        for subject, session, index in samples.keys
    ]
    rows.append({"subject": "01", "index": 999, "name": "small", "excluded_because": "too_small"})
    return add_training_distance(lesion_table(rows), samples, np.array(distances, dtype=np.float64))


def test_the_far_lesion_has_the_flag_beside_those_it_had(rng):
    table = of([0.8, 3.01, 3.0], rng, flags="cropped")
    frame = table.frame
    assert frame["training_distance"].tolist()[:3] == [0.8, 3.01, 3.0]
    assert np.isnan(frame["training_distance"].iloc[3])
    assert frame["flags"].tolist() == ["cropped", f"cropped,{UNLIKE_TRAINING}", "cropped", ""]
    assert f"above {FAR:g}" in LESION_FLAGS[UNLIKE_TRAINING]


def test_a_model_that_cannot_say_leaves_the_column_empty(rng):
    samples = lesion_samples(2, rng)
    rows = [{"subject": key[0], "session": key[1], "index": key[2], "name": "l"} for key in samples.keys]
    table = add_training_distance(lesion_table(rows), samples, None)
    assert table.frame["training_distance"].isna().all()
    assert set(table.frame["flags"]) == {""}
    assert unlike_training_warnings(table) == ()


@pytest.mark.parametrize(
    ("distances", "warned"),
    [
        ([1.0] * 20, False),
        ([9.0], False),  # one lesion says so itself
        ([9.0, 9.0] + [1.0] * 18, False),  # a tenth
        ([9.0, 9.0] + [1.0] * 17, True),
        ([9.0, 9.0], True),
        ([], False),
    ],
)
def test_a_session_is_warned_of_when_more_than_a_tenth_are_far(distances, warned, rng):
    warnings = unlike_training_warnings(of(distances, rng))
    assert len(warnings) == warned
    if warned:
        assert warnings[0].startswith(f"2 of {len(distances)} classified lesions are unlike")
