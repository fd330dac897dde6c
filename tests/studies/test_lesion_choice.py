import numpy as np
import pandas as pd

from studies.lesion_choice import hardest, spread_sample


def _lesions(n=80, subjects=10):
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "subject": [f"sub-{number % subjects}" for number in range(n)],
            "volume_mm3": np.exp(rng.normal(4.5, 1, n)),
            "contrast_ppb": rng.normal(0, 20, n),
        }
    )


def test_sizes_and_participants_are_spread():
    lesions = _lesions()
    large = lesions[lesions["volume_mm3"] >= 40]
    chosen = spread_sample(lesions, 20)
    assert len(chosen) == 20
    assert chosen.index.is_unique
    assert chosen["volume_mm3"].is_monotonic_increasing
    quarters = pd.cut(chosen["volume_mm3"], [0, *large["volume_mm3"].quantile([0.25, 0.5, 0.75]), np.inf])
    assert set(quarters.value_counts()) == {5}
    assert chosen["subject"].value_counts().max() <= 3


def test_small_lesions_are_not_shown_and_few_are_all_shown():
    lesions = _lesions(6, 3).assign(volume_mm3=[10, 39, 41, 50, 60, 70])
    assert sorted(spread_sample(lesions, 20).index) == [2, 3, 4, 5]
    assert len(spread_sample(lesions.iloc[:2], 20)) == 0


def test_the_hardest_are_the_brightest_and_of_several_participants():
    lesions = _lesions(80, 10)
    chosen = hardest(lesions, 10)
    large = lesions[lesions["volume_mm3"] >= 40]
    assert chosen["contrast_ppb"].iloc[0] == large["contrast_ppb"].max()
    assert chosen["contrast_ppb"].is_monotonic_decreasing
    assert chosen["subject"].value_counts().max() <= 2
