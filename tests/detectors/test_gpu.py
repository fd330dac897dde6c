"""What only a GPU can show: it agrees with the CPU, it trains, and a full memory is survived."""

import copy

import numpy as np
import pytest
import torch

from qsmrim_app.detectors.registry import new_detector
from tests.phantom_samples import complete_samples, lesion_samples, tiny_settings

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("name", ["qsmrim-net", "rimnet", "ablation-rimnet-fusion", "aprl-nn"])
def test_probabilities_are_those_of_the_cpu(name):
    samples = complete_samples(12, np.random.default_rng(1))
    model = new_detector(tiny_settings(method=name, network__n_features=527, network__width=16))
    model.fit(samples, (0,))
    np.testing.assert_allclose(
        model.predict_members(samples, "cuda"), model.predict_members(samples), atol=0.005
    )


@pytest.mark.parametrize("name", ["qsmrim-net", "rimnet", "aprl-nn"])
def test_training_on_the_gpu_learns(name):
    samples = complete_samples(16, np.random.default_rng(1))
    model = new_detector(
        tiny_settings(
            method=name, network__n_features=527, training__epochs=30, training__batch_size=8,
            training__learning_rate=3e-3,
        )
    )  # fmt: skip
    reports = []
    model.fit(samples, (0,), "cuda", reports.append)
    assert reports[-1].loss < 0.7 * reports[0].loss
    assert all(not value.is_cuda for value in model.members[0].state_dict().values())


def test_a_full_memory_leads_to_smaller_batches(caplog):
    samples = lesion_samples(4096, np.random.default_rng(1))
    model = new_detector(tiny_settings(network__width=32))
    model.fit(samples.take(range(16)), (0,))
    expected = copy.deepcopy(model).predict_logits(samples)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 400e6) / total))
    try:
        found = model.predict_logits(samples, "cuda", batch_size=4096)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert "too little memory for batches of 4096" in caplog.text
    np.testing.assert_allclose(found, expected, atol=0.05)
