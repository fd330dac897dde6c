import re
import shutil
from dataclasses import replace

import pytest

from qsmrim_app.errors import BusyError, OutputError, UsageError
from qsmrim_app.levels import fitting
from qsmrim_app.levels.cross_validation import plan_method
from qsmrim_app.levels.division import divide
from qsmrim_app.levels.fit_shares import all_fits, share_of
from qsmrim_app.levels.fitting import FitName, fit_one, unfinished
from qsmrim_app.levels.group import run_group
from qsmrim_app.levels.holds import take_hold
from qsmrim_app.settings import ForestSettings, ResourceSettings
from tests.levels.phantom_outputs import SUBJECTS, content_of, group_settings, write_outputs_of
from tests.levels.rated import rated_of
from tests.phantom_samples import tiny_settings

COHORT = {"01": (1, 0, 0), "02": (1, 0), "03": (1, 1, 0), "04": (1, 0)}
METHODS = ("qsmrim-net", "aprl-rf")


def planned(folder, methods=METHODS, **changes):
    asked = group_settings(folder / "out", train=methods, detector=tiny_settings(), **changes)
    rated = rated_of(COHORT)
    division = divide(asked, rated)
    return [plan_method(asked, method, rated, division) for method in methods]


@pytest.mark.parametrize("n", [1, 2, 5, 12, 30])
def test_shares_hold_every_fit_once(n, tmp_path):
    tasks = all_fits(planned(tmp_path))
    assert len(tasks) == 9 + 3
    shares = [share_of(tasks, (k, n)) for k in range(1, n + 1)]
    assert sorted(name for share in shares for name in share) == sorted(tasks)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_share_does_not_depend_on_what_is_there(tmp_path):
    before = share_of(all_fits(planned(tmp_path)), (2, 3))
    task = next(iter(before.values()))
    fit_one(task)
    again = share_of(all_fits(planned(tmp_path)), (2, 3))
    assert list(again) == list(before)
    assert len(unfinished(again)) == len(before) - 1


def test_strict_thresholds_need_a_fit_for_every_two_folds(tmp_path):
    (fits,) = planned(tmp_path, ("qsmrim-net",), folds=4, strict_thresholds=True, seeds=(5, 6, 7))
    inner = [name for name in fits.tasks if name.second is not None]
    assert inner == [FitName(0, 5, 1), FitName(2, 5, 3)]
    assert len(fits.tasks) == 4 * 3 + 3 + 2
    assert str(inner[0]) == "fold-0-1_seed-5"
    (fits,) = planned(tmp_path, ("qsmrim-net",), folds=4)
    assert all(name.second is None for name in fits.tasks)


def test_a_fit_that_another_machine_made_meanwhile_is_kept(tmp_path, monkeypatch):
    (fits,) = planned(tmp_path, ("qsmrim-net",), seeds=(0,))
    task = next(iter(fits.tasks.values()))
    fit_one(task)
    before = {path.name: path.read_bytes() for path in task.folder.iterdir()}
    said = iter([False, True])  # not there at the start, there at the end
    monkeypatch.setattr(fitting, "_is_done", lambda _: next(said))

    class Occupied:
        def fit(self, *_):
            pass

        def save(self, folder):
            raise OutputError(f"{folder} is there")

    monkeypatch.setattr(fitting, "new_detector", lambda _: Occupied())
    fit_one(task)
    assert {path.name: path.read_bytes() for path in task.folder.iterdir()} == before
    said = iter([False, False])
    with pytest.raises(OutputError):
        fit_one(task)


def test_a_fit_that_another_run_is_at_work_on_is_left_alone(tmp_path):
    outputs = write_outputs_of(tmp_path / "samples", SUBJECTS)
    forest = replace(group_settings(tmp_path / "x").detector, forest=ForestSettings(n_trees=5))
    asked = group_settings(
        tmp_path / "out", train=("aprl-rf",), sites={"a": outputs}, seeds=(0,), detector=forest,
        resources=ResourceSettings(nprocs=1, device="cpu"),
    )  # fmt: skip
    run_group(replace(asked, fit_share=(1, 3)))
    (made,) = (tmp_path / "out" / "work").rglob("fold-0*/model.json")
    shutil.rmtree(made.parent)
    lock = made.parent.with_name(f"{made.parent.name}.lock")
    with take_hold("a fit", lock), pytest.raises(BusyError, match=r"fold-0_seed-0: another run \(process"):
        run_group(asked)
    assert not made.exists()
    assert not (tmp_path / "out" / "models").exists()
    others = {path.parent.name.partition("_")[0] for path in (tmp_path / "out" / "work").rglob("model.json")}
    assert others == {"fold-1", "final"}, "the other fits are kept"
    run_group(asked)
    assert made.exists()
    assert (tmp_path / "out" / "models").exists()
    assert not lock.exists()


def test_a_share_needs_methods_and_a_number_in_its_range(tmp_path):
    for changes in ({"fit_share": (1, 2), "train": ()}, {"fit_share": (3, 2)}, {"fit_share": (0, 2)}):
        with pytest.raises(UsageError, match="--fit"):
            run_group(group_settings(tmp_path / "out", **changes))


def test_array_tasks_and_a_plain_call_leave_what_a_plain_call_alone_leaves(tmp_path):
    outputs = write_outputs_of(tmp_path / "samples", SUBJECTS)
    detector = replace(group_settings(tmp_path / "x").detector, forest=ForestSettings(n_trees=5))
    asked = group_settings(
        tmp_path / "array", train=METHODS, sites={"a": outputs}, seeds=(0,), detector=detector,
        resources=ResourceSettings(nprocs=1, device="cpu"),
    )  # fmt: skip
    said = [run_group(replace(asked, fit_share=(k, 3))) for k in (1, 2, 3)]
    assert [re.findall(r"\d+ of 6 fits|All 6 fits", text) for text in said] == [
        ["2 of 6 fits"], ["4 of 6 fits"], ["All 6 fits"],
    ]  # fmt: skip
    assert "the same command without --fit" in said[0]
    assert not (tmp_path / "array" / "models").exists()
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "array" / "work").rglob("*.safetensors")}
    assert "0 fit(s) made, 2 already there" in run_group(replace(asked, fit_share=(2, 3)))
    run_group(asked)
    assert {
        path: path.stat().st_mtime_ns for path in (tmp_path / "array" / "work").rglob("*.safetensors")
    } == made
    run_group(replace(asked, output_dir=tmp_path / "alone"))
    assert content_of(tmp_path / "array") == content_of(tmp_path / "alone")
    assert (tmp_path / "array" / "logs" / "group_fit-1-of-3.log").exists()
