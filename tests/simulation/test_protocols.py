import dataclasses
from collections import Counter

import numpy as np
import pytest

from qsmrim_app.settings import SimulationSettings
from qsmrim_app.simulation.protocols import OTHERS, PAPER, draw_protocol


def test_the_paper_s_protocol_has_its_echoes_on_the_wanted_grid():
    settings = SimulationSettings(spacing_mm=(1.0, 1.0, 2.0), field_strength_t=7.0)
    protocol = draw_protocol(np.random.default_rng(0), settings)
    assert protocol == dataclasses.replace(PAPER, spacing_mm=(1.0, 1.0, 2.0), field_strength_t=7.0)
    assert len(protocol.echo_times_s) == 10
    assert protocol.echo_times_s[0] == pytest.approx(0.0063)
    assert protocol.echo_times_s[-1] == pytest.approx(0.0063 + 9 * 0.0041)


def test_a_varied_cohort_mixes_protocols_by_their_shares():
    settings = SimulationSettings(protocol="varied")
    rng = np.random.default_rng(1)
    drawn = Counter(draw_protocol(rng, settings).name for _ in range(2000))
    for protocol, share in OTHERS:
        assert drawn[protocol.name] / 2000 == pytest.approx(share, abs=0.04)
