import numpy as np
import pytest

from qsmrim_app.images import load_image
from qsmrim_app.records import Volume
from studies.cohort_files import find_semireal, read_qsm
from studies.map_statistics import (
    correlation_along_x,
    gradient_in_plane,
    inner_brain,
    local_sd,
    map_statistics,
)
from studies.published import MAP_COLUMNS, SEMIREAL_MAPS

AFFINE = np.diag([0.5, 2.0, 3.0, 1.0])
EVERYWHERE = np.ones((9, 9, 3), dtype=bool)


def test_a_ramp_has_its_slope_everywhere():
    i, j, _ = np.indices((9, 9, 3)).astype(float)
    ramp = Volume((3 * 0.5 * i + 4 * 2.0 * j).astype(np.float32), AFFINE)  # 3 and 4 ppb a millimetre
    assert gradient_in_plane(ramp) == pytest.approx(5)


def test_slices_do_not_enter_the_gradient_or_the_deviation():
    slices = np.broadcast_to(np.array([0.0, 100.0, -50.0]), (9, 9, 3))
    assert not local_sd(slices).any()
    assert not gradient_in_plane(Volume(slices.astype(np.float32), AFFINE)).any()


def test_the_local_deviation_is_that_of_nine_voxels(rng):
    data = rng.normal(0, 10, (9, 9, 3))
    assert local_sd(data)[4, 5, 1] == pytest.approx(data[3:6, 4:7, 1].std())


def test_a_wave_along_x_correlates_as_its_phase_says():
    wave = np.cos(2 * np.pi * np.arange(80) / 8)[:, None, None] * np.ones((80, 2, 2))
    volume = Volume(wave.astype(np.float32), AFFINE)
    inside = np.ones(wave.shape, dtype=bool)
    assert correlation_along_x(volume, inside, 1.0) == pytest.approx(0, abs=0.02)  # 2 voxels: a quarter
    assert correlation_along_x(volume, inside, 2.0) == pytest.approx(-1, abs=1e-6)


def test_known_values_give_known_numbers():
    values = np.zeros(1000, dtype=np.float32)
    values[:10], values[10:30] = 300, 150  # one and two per cent
    data = np.random.default_rng(0).permutation(values).reshape(10, 10, 10)
    found = map_statistics(Volume(data, np.eye(4)), np.ones(data.shape, dtype=bool))
    assert (found.p1, found.p50, found.p95) == (0, 0, 0)
    assert found.above_100_percent == pytest.approx(3)
    assert found.above_200_percent == pytest.approx(1)
    centred = data.ravel() - data.mean()
    assert found.kurtosis == pytest.approx((centred**4).mean() / (centred**2).mean() ** 2 - 3, rel=1e-4)


def test_the_inner_brain_is_filled_and_five_millimetres_smaller():
    data = np.zeros((40, 40, 40), dtype=np.float32)
    data[5:35, 5:35, 5:35] = 1
    data[20, 20, 20] = 0  # a hole
    inner = inner_brain(Volume(data, np.eye(4)))
    assert inner.sum() == 20**3
    assert inner[20, 20, 20]


@pytest.mark.slow
def test_the_semireal_maps_have_the_numbers_that_came_with_them(real_data):
    people = find_semireal(real_data)
    assert len(people) == len(SEMIREAL_MAPS)
    for person, row in zip(people, SEMIREAL_MAPS.values(), strict=True):
        qsm = read_qsm(person)
        assert qsm.data.max() == pytest.approx(1000 * load_image(person.qsm).volume.data.max(), rel=1e-5)
        found = map_statistics(qsm, inner_brain(qsm))
        for name, value in zip(MAP_COLUMNS, row, strict=True):
            last_digit = 10.0 ** -len(f"{value:g}".partition(".")[2])
            assert getattr(found, name) == pytest.approx(value, abs=0.6 * last_digit + 0.005), name
