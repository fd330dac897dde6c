"""A GPU whose memory is too small, played by a device name of the CPU that refuses batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.networks.qsmrim_net import QsmRimNet
from tests.phantom_samples import lesion_samples, tiny_settings
from tests.robustness.rows import Row

HERE = "robustness/test_faults_gpu_memory.py"
SMALLER = Row(
    "Faults",
    "the memory of the GPU is too small for a batch of lesions",
    "works, with a warning: batches are halved until they fit; same probabilities",
    f"{HERE}::test_classifying_survives_a_full_gpu",
)
NONE_LEFT = Row(
    "Faults",
    "the memory of the GPU is too small for a single lesion",
    "works, with a warning: the CPU goes on; same probabilities",
    f"{HERE}::test_classifying_survives_a_full_gpu",
)
FILLED = Row(
    "Faults",
    "other programs fill the memory of the GPU, and a library of it finds none",
    "works, with a warning: the CPU goes on; same probabilities",
    f"{HERE}::test_classifying_survives_a_gpu_that_others_fill",
)
TRAINING = Row(
    "Faults",
    "the memory of the GPU is too small for a batch of a training",
    "works, with a warning: the fit begins anew with smaller batches; the model says so",
    "detectors/test_small_memory.py::test_training_begins_anew_with_smaller_batches_and_the_model_says_so",
)
ROWS = (SMALLER, NONE_LEFT, FILLED, TRAINING)
GPU = "cpu:0"  # a name of the CPU that is not "cpu"


@pytest.fixture(scope="module")
def trained():
    samples = lesion_samples(12, np.random.default_rng(1))
    detector = new_detector(tiny_settings())
    detector.fit(samples, (0, 1, 2))
    return detector, samples


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        pytest.param(3, "has too little memory for batches of 12; trying 6", id="batch"),
        pytest.param(0, "has too little memory for one lesion; 'cpu' goes on", id="single lesion"),
    ],
)
def test_classifying_survives_a_full_gpu(trained, limit, said, monkeypatch, caplog):
    crowd(monkeypatch, limit, torch.OutOfMemoryError("CUDA out of memory"))
    check_classifying(*trained)
    assert said in caplog.text


def test_classifying_survives_a_gpu_that_others_fill(trained, monkeypatch, caplog):
    crowd(monkeypatch, 0, RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"))
    check_classifying(*trained)
    assert "has too little memory for one lesion; 'cpu' goes on" in caplog.text


def check_classifying(detector, samples):
    expected = detector.predict_members(samples)
    np.testing.assert_allclose(detector.predict_members(samples, GPU, 12), expected, atol=1e-6)


def crowd(monkeypatch, limit, error):
    """A GPU that takes batches of so many lesions, and else raises the error."""
    forward, place, to = QsmRimNet.forward, [""], QsmRimNet.to

    def moved(network, device):
        place[0] = str(device)
        return to(network, device)

    def crowded(network, patches, *others):
        if place[0] == GPU and len(patches) > limit:
            raise error
        return forward(network, patches, *others)

    monkeypatch.setattr(QsmRimNet, "to", moved)
    monkeypatch.setattr(QsmRimNet, "forward", crowded)
