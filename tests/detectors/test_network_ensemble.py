import dataclasses

import numpy as np
import pytest
import torch

from qsmrim_app.detectors.network_ensemble import NetworkEnsemble
from qsmrim_app.detectors.registry import DETECTORS, new_detector
from qsmrim_app.errors import FeatureMismatchError, ModelError, UsageError
from tests.phantom_samples import lesion_samples, tiny_settings

NETWORKS = [name for name, method in DETECTORS.items() if method.kind is NetworkEnsemble]
pytestmark = pytest.mark.parametrize("method", NETWORKS)


def test_one_column_a_member_one_row_a_lesion(detector, samples):
    p = detector.predict_members(samples)
    assert p.shape == (12, 3)
    assert p.dtype == np.float64
    assert ((p > 0) & (p < 1)).all()
    assert len(np.unique(p[0])) == 3


def test_a_member_depends_on_its_seed_alone(detector, samples, fit):
    alone = fit(samples, seeds=(1,))
    np.testing.assert_array_equal(detector.predict_members(samples)[:, 1:2], alone.predict_members(samples))


def test_no_lesions_no_rows(detector, samples):
    assert detector.predict_members(samples.take([])).shape == (0, 3)


@pytest.mark.parametrize("batch_size", [1, 5, 12, 64])
def test_scores_depend_neither_on_batches_nor_on_order(detector, samples, batch_size):
    expected = detector.predict_members(samples)
    np.testing.assert_allclose(detector.predict_members(samples, batch_size=batch_size), expected, atol=1e-5)
    backwards = detector.predict_members(samples.take(range(12)[::-1]), batch_size=batch_size)
    np.testing.assert_allclose(backwards[::-1], expected, atol=1e-5)


def test_two_lesions_that_change_places_change_scores(detector, samples):
    p = detector.predict_members(samples.take([0, 1]))
    assert not np.allclose(p[0], p[1], atol=1e-4)


def test_the_order_of_the_training_rows_does_not_matter(samples, fit):
    one, other = fit(samples), fit(samples.take(range(12)[::-1]))
    np.testing.assert_array_equal(one.predict_members(samples), other.predict_members(samples))


@pytest.mark.parametrize(("channel", "name"), [(0, "QSM"), (1, "FLAIR")])
def test_samples_without_one_of_the_images_are_refused(samples, fit, channel, name):
    patches = samples.patches.copy()
    patches[:, channel] = 0
    with pytest.raises(ModelError, match=f"the {name} of all 12 patches is 0"):
        fit(dataclasses.replace(samples, patches=patches))


def test_lesions_without_expert_status_do_not_train_and_are_counted(samples, fit):
    rim = samples.rim.copy()
    rim[[0, 5]] = np.nan
    detector = fit(dataclasses.replace(samples, rim=rim))
    expected = fit(samples.take([row for row in range(12) if row not in (0, 5)]))
    np.testing.assert_array_equal(detector.predict_members(samples), expected.predict_members(samples))
    assert detector.info.training == {
        "n_subjects": 6,
        "n_lesions": 10,
        "n_rim": 5,
        "n_without_expert_status": 2,
        "n_undefined_features": 0,
        "seeds": [0],
    }


def test_the_scaler_knows_training_rows_only(samples, fit):
    held_out = dataclasses.replace(samples, features=samples.features + 100)
    detector = fit(samples)
    before = detector.scaler.mean.copy()
    detector.predict_members(held_out)
    np.testing.assert_array_equal(detector.scaler.mean, before)
    np.testing.assert_allclose(before, samples.features.mean(axis=0))


def test_undefined_features_are_scored(detector, samples):
    features = samples.features.copy()
    features[0] = np.nan
    assert np.isfinite(detector.predict_members(dataclasses.replace(samples, features=features))).all()


def test_weights_are_rounded_to_half_precision_after_training(detector):
    for parameter in detector.members[0].parameters():
        assert torch.equal(parameter, parameter.half().float())


def test_members_resume_from_their_checkpoints(samples, tmp_path, fit, method):
    whole = fit(samples, seeds=(0, 1, 2))
    epochs = []

    def killed(report):
        epochs.append((report.seed, report.epoch))
        if len(epochs) == 3:
            raise KeyboardInterrupt

    detector = new_detector(tiny_settings(method=method))
    with pytest.raises(KeyboardInterrupt):
        detector.fit(samples, (0, 1, 2), progress=killed, checkpoint_dir=tmp_path)
    detector = new_detector(tiny_settings(method=method))
    detector.fit(
        samples, (0, 1, 2), progress=lambda r: epochs.append((r.seed, r.epoch)), checkpoint_dir=tmp_path
    )
    assert epochs == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)]
    np.testing.assert_array_equal(detector.predict_members(samples), whole.predict_members(samples))


@pytest.mark.parametrize("seeds", [(), (0, 1), (0, 0, 1)])
def test_seeds_are_distinct_and_odd_in_number(samples, seeds, method):
    with pytest.raises(UsageError, match="odd number of distinct seeds"):
        new_detector(tiny_settings(method=method)).fit(samples, seeds)


@pytest.mark.parametrize("status", [0.0, 1.0, np.nan])
def test_both_classes_are_needed(samples, status, fit):
    one_class = dataclasses.replace(samples, rim=np.full(12, status))
    with pytest.raises(ModelError, match=r"rated rim\+ and rim- lesions"):
        fit(one_class)


def test_settings_that_do_not_fit_the_samples_are_refused(samples, fit):
    with pytest.raises(FeatureMismatchError, match="6 features, the network takes 527"):
        fit(samples, network__n_features=527)
    with pytest.raises(FeatureMismatchError, match="looks at patches"):
        fit(samples, patch__shape_vox=(32, 32, 16))


@pytest.mark.slow
def test_learns_what_a_rim_looks_like(rng, fit):
    detector = fit(
        lesion_samples(40, rng), training__epochs=30, training__learning_rate=3e-3, training__batch_size=16
    )
    held_out = lesion_samples(20, rng)
    p = detector.predict_members(held_out)[:, 0]
    assert np.mean(p[held_out.rim == 1, None] > p[held_out.rim == 0]) > 0.95  # ROC AUC
