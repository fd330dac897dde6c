"""The suite runs, small, and its page says what was measured."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.lesion_maps import lesion_maps
from benchmarks.page import headline_table, write_page
from benchmarks.parts import Setup
from benchmarks.query import PART as QUERY
from benchmarks.registration import displacement
from benchmarks.registry import PARTS
from benchmarks.results import Result, read_result, write_result
from benchmarks.simulated import Scans
from benchmarks.skeletons import N_FILES, write_skeleton
from qsmrim_app.records import Volume
from qsmrim_app.simulation.grids import rigid

REPOSITORY = Path(__file__).resolve().parents[2]
RESULT = Result("query", "2026-11-24", "standard", "2 cores", {"pybids": "1"}, (0.1, 1.0), 0.0, 9.0, [])


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return QUERY.measure(Setup("tiny", tmp_path_factory.mktemp("bench")))


def test_the_query_part_measures_every_way(rows):
    assert {row["who"].split(",")[0] for row in rows} == {"qsmrim", "pybids"}
    assert all(row["n"] == 20 and min(row["seconds"]) > 0 for row in rows)


def test_a_result_comes_back_as_it_was(rows, tmp_path):
    result = replace(RESULT, rows=[{"n": 20, "seconds": [0.25, 0.5]}])
    write_result(result, tmp_path)
    assert read_result("query", tmp_path) == result
    assert read_result("radiomics", tmp_path) is None


def test_the_page_says_what_was_measured_where_and_what_was_not(rows, tmp_path):
    results = {"query": replace(RESULT, rows=rows, others=1.5)}
    write_page(results, PARTS, tmp_path)
    text = (tmp_path / "benchmarks.md").read_text()
    assert headline_table(results, PARTS) in text
    assert "2 cores; pybids 1; took 9 s" in text
    assert "The machine was shared" in text
    assert "Not measured yet: `make bench PARTS=radiomics`" in text
    assert (tmp_path / "images" / "benchmark-query.png").read_bytes().startswith(b"\x89PNG")


def test_the_committed_page_is_made_from_the_committed_results(tmp_path):
    results = {name: result for name in PARTS if (result := read_result(name))}
    write_page(results, PARTS, tmp_path)
    begin, end = "<!-- generated -->", "<!-- /generated -->"
    parts = [
        (folder / "benchmarks.md").read_text().split(begin)[1].split(end)[0]
        for folder in (tmp_path, REPOSITORY / "docs")
    ]
    assert parts[0] == parts[1]


def test_no_committed_result_is_a_trial():
    for file in (REPOSITORY / "benchmarks" / "results").glob("*.json"):
        assert json.loads(file.read_text())["size"] != "tiny", file.name


def test_an_unknown_part_is_refused_in_one_sentence():
    command = [sys.executable, "-m", "benchmarks", "radiomic"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 64
    assert run.stderr.startswith("there is no part 'radiomic'; the parts are radiomics, ")


def test_a_skeleton_has_its_files_and_is_made_once(tmp_path):
    write_skeleton(tmp_path / "bids", 3)
    files = sorted((tmp_path / "bids").rglob("sub-*_*"))
    assert len(files) == 3 * N_FILES
    files[0].unlink()
    write_skeleton(tmp_path / "bids", 3)
    assert not files[0].exists()


def test_lesions_have_the_size_and_number_asked_for():
    maps = lesion_maps(5000, 60)  # more than one map has room for
    assert len(maps) == 2
    assert sum(len(one.lesions) for one in maps) == 60
    assert {lesion.n_voxels for one in maps for lesion in one.lesions} == {5000}


def test_the_error_of_a_motion_is_the_distance_that_points_are_off():
    brain = Volume(np.ones((4, 4, 4), dtype=bool), np.diag([2.0, 2.0, 2.0, 1.0]))
    truth = rigid((0.0, 0.0, 0.0), (3.0, 0.0, 4.0))
    scans = Scans(brain, brain, brain, truth)
    assert displacement(np.eye(4), scans, brain) == pytest.approx(5.0)
    assert displacement(truth, scans, brain) == 0.0
