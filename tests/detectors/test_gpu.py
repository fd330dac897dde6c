"""What only a GPU can show: it agrees with the CPU, it trains, and a full memory is survived."""

import copy
import subprocess
import sys

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
    model.fit(samples, (0,), "cuda")
    logits, rim = model.predict_logits(samples, "cuda")[:, 0], samples.rim == 1
    assert logits[rim].min() > logits[~rim].max()  # it can tell apart what it learned from
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


FILL = """
import sys, torch
kept, size, left = [torch.ones(1, device="cuda")], 2**30, float(sys.argv[1]) * 2**20
while size >= 2**20:
    try:
        if torch.cuda.mem_get_info()[0] - size < left:
            size //= 2
        else:
            kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
    except torch.OutOfMemoryError:  # an allocator takes more than it is asked for
        size //= 2
print("full", flush=True)
sys.stdin.read()
"""
USE = """
import logging, sys
import numpy as np
from qsmrim_app.detectors.registry import new_detector
from qsmrim_app.errors import ModelError
from tests.phantom_samples import lesion_samples, tiny_settings
logging.basicConfig(level=logging.WARNING, format="%(message)s")
samples = lesion_samples(64, np.random.default_rng(1))
model = new_detector(tiny_settings(network__width=64))
model.fit(samples.take(range(16)), (0,))
np.testing.assert_allclose(model.predict_logits(samples, "cuda"), model.predict_logits(samples), atol=0.05)
try:
    new_detector(tiny_settings(network__width=64, training__batch_size=64)).fit(samples, (0,), "cuda")
except ModelError as error:
    assert "use --device cpu" in str(error), error
"""


@pytest.mark.parametrize("left_mib", [900, 400, 0])
def test_a_gpu_that_another_program_fills_is_survived(left_mib):
    other = subprocess.Popen(
        [sys.executable, "-c", FILL, str(left_mib)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "full\n"
        done = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, timeout=300)
    finally:
        other.communicate()
    assert done.returncode == 0, done.stderr
    assert left_mib > 400 or "'cpu' goes on" in done.stderr  # the context alone takes as much
