"""ppm on disk, ppb in memory, and no guess where a guess could be wrong."""

from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.errors import UnitError
from qsmrim_app.images import susceptibility_unit, to_ppb, to_ppm
from qsmrim_app.records import Volume

PATH = Path("sub-01_Chimap.nii.gz")


@pytest.fixture
def ppb(rng):
    """A plausible brain in ppb, masked."""
    data = rng.normal(0, 40, size=(12, 12, 12)).astype(np.float32)
    data[:3] = 0
    return data


def test_ppm_and_ppb_are_told_apart_without_units(ppb):
    assert susceptibility_unit(ppb, None, PATH) == "ppb"
    assert susceptibility_unit(ppb / 1000, None, PATH) == "ppm"


@pytest.mark.parametrize("stated", ["ppm", "PPM", " ppm "])
def test_a_plausible_stated_unit_is_used(ppb, stated):
    assert susceptibility_unit(ppb / 1000, stated, PATH) == "ppm"


def test_a_stated_unit_that_the_values_contradict_is_an_error(ppb):
    with pytest.raises(UnitError, match="says ppm"):
        susceptibility_unit(ppb, "ppm", PATH)
    with pytest.raises(UnitError, match="says ppb"):
        susceptibility_unit(ppb / 1000, "ppb", PATH)


def test_values_between_the_units_are_ambiguous_and_the_file_is_named(ppb):
    with pytest.raises(UnitError, match=r"sub-01_Chimap\.nii\.gz.*sidecar"):
        susceptibility_unit(ppb / ppb.max() * 6, None, PATH)


def test_one_artefact_does_not_decide(ppb):
    spiked = ppb / 1000
    spiked[5, 5, 5] = 50.0
    assert susceptibility_unit(spiked, None, PATH) == "ppm"


@pytest.mark.parametrize("stated", ["Hz", "rad", ""])
def test_other_units(ppb, stated):
    if stated:
        with pytest.raises(UnitError, match=stated):
            susceptibility_unit(ppb, stated, PATH)


@pytest.mark.parametrize("value", [0.0, 0.03], ids=["empty", "constant"])
def test_a_map_without_contrast_is_an_error(value):
    with pytest.raises(UnitError, match=r"empty|constant"):
        susceptibility_unit(np.full((4, 4, 4), value, dtype=np.float32), "ppm", PATH)


def test_conversion_is_a_factor_of_a_thousand_and_back():
    volume = Volume(np.array([[[-0.25, 0.0, 0.5]]], dtype=np.float32), np.eye(4))
    np.testing.assert_array_equal(to_ppb(volume, "ppm").data, [[[-250, 0, 500]]])
    assert to_ppb(volume, "ppb") is volume
    np.testing.assert_allclose(to_ppm(to_ppb(volume, "ppm")).data, volume.data, rtol=1e-6)
    assert to_ppb(volume, "ppm").data.dtype == to_ppm(volume).data.dtype == np.float32
