import numpy as np
import pytest
import torch

from qsmrim_app.errors import FeatureMismatchError
from qsmrim_app.learning.scaling import count_undefined, fit_feature_scaler, scale_patches
from qsmrim_app.settings import PatchSettings

# columns: plain, with a gap, constant, nowhere defined
TRAINING = np.array([[0.0, 1, 7, np.nan], [2, np.nan, 7, np.nan], [4, 3, 7, np.inf], [6, 20, 7, np.nan]])


def test_training_statistics():
    scaler = fit_feature_scaler(TRAINING, clip=10)
    np.testing.assert_allclose(scaler.mean, [3, 8, 7, 0])
    np.testing.assert_allclose(scaler.sd, [np.sqrt(5), np.std([1, 3, 20]), 0, 0])
    np.testing.assert_allclose(scaler.median, [3, 3, 7, 0])


def test_training_rows_come_out_standardised():
    scaled = fit_feature_scaler(TRAINING, clip=10).transform(TRAINING)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled[:, 0], np.array([-3, -1, 1, 3]) / np.sqrt(5), rtol=1e-6)
    np.testing.assert_array_equal(scaled[:, 2:], 0)


def test_an_undefined_value_takes_the_training_median_and_is_counted():
    scaler = fit_feature_scaler(TRAINING, clip=10)
    rows = np.array([[3.0, np.nan, 7, 1.0], [-np.inf, 3, 7, np.nan]])
    scaled = scaler.transform(rows)
    assert scaled[0, 1] == scaled[1, 1] == np.float32((3 - 8) / np.std([1, 3, 20]))
    assert scaled[1, 0] == 0
    assert count_undefined(rows).tolist() == [1, 2]


def test_values_are_clipped_on_both_sides():
    scaler = fit_feature_scaler(TRAINING, clip=10)
    scaled = scaler.transform(np.array([[1e12, -1e12, 7, 0.0]]))
    assert scaled[0, :2].tolist() == [10, -10]


def test_a_constant_feature_says_nothing_even_when_it_changes_later():
    scaler = fit_feature_scaler(np.array([[0.1 + 0.2], [0.3], [0.3]]), clip=10)  # constant but for rounding
    assert scaler.transform(np.array([[5.0]]))[0, 0] == 0


def test_training_rows_lie_at_a_distance_of_one(rng):
    rows = rng.normal(size=(40, 30)) * rng.uniform(0.1, 1e4, 30) + 7
    rows[:, 4] = 2.5  # constant: says nothing of distance
    distance = fit_feature_scaler(rows, clip=10).distance(rows)
    assert distance.shape == (40,)
    np.testing.assert_allclose(np.sqrt(np.square(distance).mean()), 1, rtol=1e-6)


def test_the_distance_is_the_root_mean_square_of_what_the_model_sees():
    scaler = fit_feature_scaler(TRAINING, clip=10)  # two of four features vary
    far = np.array([[1e9, 8.0, 7, 0], [3.0, 8.0, 7, 0], [3 + np.sqrt(5), 8 - np.std([1, 3, 20]), 99, 1]])
    np.testing.assert_allclose(scaler.distance(far), [10 / np.sqrt(2), 0, 1], rtol=1e-6, atol=1e-12)


def test_no_rows_stay_no_rows():
    assert fit_feature_scaler(TRAINING, clip=10).transform(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("shape", [(3,), (2, 5)])
def test_another_number_of_features_is_refused(shape):
    with pytest.raises(FeatureMismatchError, match="takes 4 features"):
        fit_feature_scaler(TRAINING, clip=10).transform(np.zeros(shape))


def test_patches_qsm_is_scaled_and_clipped_flair_untouched():
    patches = torch.tensor([[50.0, -900], [600, -7]]).reshape(1, 2, 2, 1, 1)
    scaled = scale_patches(patches, PatchSettings(qsm_scale_ppb=100, qsm_clip=5))
    assert scaled.flatten().tolist() == [0.5, -5, 600, -7]
    assert patches.flatten().tolist() == [50, -900, 600, -7]  # the samples stay as they were
