"""The vectorised engine against pyradiomics, whatever is measured together, and in bounded memory."""

import tracemalloc

import numpy as np
import pytest

from qsmrim_app.lesions.labelling import find_lesions
from qsmrim_app.radiomic_features.features import extract_features
from qsmrim_app.radiomic_features.vectorised import engine, maximal_correlation
from qsmrim_app.settings import RadiomicsSettings
from studies.radiomics_agreement import compare, worst
from studies.radiomics_cases import generated_cases, stored_cases

FEW = ("at the border of a small volume", "tiny", "constant but for rounding", "two values", "ramp")


def lesions_of(kind, n=10**6):
    case = next(case for case in generated_cases(1) if case.kind == kind)
    return case.qsm, case.labels, find_lesions(case.labels)[:n]


@pytest.mark.parametrize("bin_width_ppb", [25, 5])
def test_every_value_is_pyradiomics(bin_width_ppb):
    cases = [case for case in generated_cases(1) if case.kind in FEW]
    compared = compare(cases, RadiomicsSettings(bin_width_ppb=bin_width_ppb))
    assert len(compared.found) > 150
    assert set(compared.kinds) == set(FEW)
    assert not compared.wrong().any(), worst(compared)


@pytest.mark.long
@pytest.mark.parametrize("bin_width_ppb", [25, 5])
def test_every_value_of_2000_lesions_is_pyradiomics(bin_width_ppb):
    compared = compare(generated_cases(12), RadiomicsSettings(bin_width_ppb=bin_width_ppb))
    assert len(compared.found) > 2000
    assert not compared.wrong().any(), worst(compared)


@pytest.mark.long
@pytest.mark.parametrize("bin_width_ppb", [25, 5])
def test_every_value_of_real_outlines_is_pyradiomics(bin_width_ppb, real_data):
    compared = compare(stored_cases(None, real_data), RadiomicsSettings(bin_width_ppb=bin_width_ppb))
    assert len(compared.found) > 50
    assert not compared.wrong().any(), worst(compared)


@pytest.mark.parametrize("bin_width_ppb", [25, 5])
def test_values_do_not_depend_on_what_is_measured_together(monkeypatch, bin_width_ppb):
    settings = RadiomicsSettings(bin_width_ppb=bin_width_ppb)
    qsm, labels, lesions = lesions_of("random shapes", 40)
    together = extract_features(qsm, labels, lesions, settings).values
    monkeypatch.setattr(engine, "VOXELS_AT_ONCE", 50)
    monkeypatch.setattr(engine, "CELLS_AT_ONCE", 500)
    monkeypatch.setattr(maximal_correlation, "_CELLS_AT_ONCE", 50)
    apart = extract_features(qsm, labels, lesions, settings).values
    np.testing.assert_allclose(apart, together, rtol=1e-9, atol=1e-12)


def test_memory_grows_with_the_rows_of_the_result_and_no_more(monkeypatch):
    monkeypatch.setattr(engine, "VOXELS_AT_ONCE", 512)
    qsm, labels, lesions = lesions_of("random shapes")
    small = [lesion for lesion in lesions if lesion.n_voxels < 100]
    assert sum(lesion.n_voxels for lesion in small) > 2 * 512
    before, after = (peak_of(qsm, labels, small * times) for times in (1, 5))
    row = 527 * 8
    assert (after - before) / (4 * len(small)) < 5 * row
    assert before < 10e6


def peak_of(qsm, labels, lesions):
    tracemalloc.start()
    extract_features(qsm, labels, lesions, RadiomicsSettings())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    ("kind", "most_mb"), [("giant", 400), ("hundreds of grey levels", 200), ("random shapes", 200)]
)
def test_memory_is_bounded(kind, most_mb):
    assert peak_of(*lesions_of(kind)) < most_mb * 1e6


def test_a_lesion_that_cannot_be_measured_leaves_the_others_as_they_are():
    qsm, labels, lesions = lesions_of("random shapes", 12)
    alone = extract_features(qsm, labels, lesions, RadiomicsSettings())
    spoilt = qsm.with_data(qsm.data.copy())
    bad = max(lesions, key=lambda lesion: lesion.n_voxels)
    spoilt.data[tuple(start for start, _ in bad.box)] = np.nan
    rows = extract_features(spoilt, labels, lesions, RadiomicsSettings())
    assert rows.failures[bad.index] == "no_qsm"
    untouched = [n for n, lesion in enumerate(lesions) if lesion.index not in rows.failures]
    assert untouched
    np.testing.assert_allclose(rows.values[untouched], alone.values[untouched], rtol=1e-12)
