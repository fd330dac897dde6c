import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qsmrim_app.detectors.registry import load_detector, new_detector
from qsmrim_app.tables.lesion_samples import samples_to_bytes
from studies.fit_samples import main, settings_for
from tests.phantom_samples import complete_samples, lesion_samples

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = [
    "network.width=2",
    "network.radiomic_hidden=12",
    "network.embedding=16",
    "network.classifier_hidden=8",
]
SMALL += ["training.epochs=2", "training.batch_size=4"]
# Nothing but torch with what torch itself needs, numpy and safetensors can be imported.
ALONE = """
import importlib.metadata, re, runpy, sys

needed = ["torch", "numpy", "safetensors"]
allowed = {"qsmrim_app", "torchgen", "functorch", "_distutils_hack"}
while needed:
    name = needed.pop()
    if re.sub("[-.]", "_", name) not in allowed:
        allowed.add(re.sub("[-.]", "_", name))
        if name not in ("safetensors", "numpy"):  # what these can do with other libraries is not asked for
            wanted = importlib.metadata.requires(name) or []
            needed += [re.match("[A-Za-z0-9_.-]+", text)[0] for text in wanted if "extra ==" not in text]
stdlib = set(sys.stdlib_module_names)


class Only:
    def __init__(self, finders):
        self.finders = finders

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in stdlib and not top.startswith(("__editable__", "_sysconfig")):
            return None
        found = (finder.find_spec(name, path, target) for finder in self.finders)
        return next((spec for spec in found if spec), None)


sys.meta_path[:] = [Only(tuple(sys.meta_path))]
for blocked in ("pandas", "scipy", "sklearn", "nibabel", "nipype", "cattrs", "radiomics", "SimpleITK"):
    try:
        __import__(blocked)
    except ModuleNotFoundError:
        continue
    sys.exit(f"{blocked} can be imported")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def write(path, samples):
    path.write_bytes(samples_to_bytes(samples))
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "samples.safetensors", complete_samples(12, np.random.default_rng(3)))


def test_training_needs_torch_numpy_and_safetensors_alone(file, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(REPOSITORY / "studies" / "fit_samples.py"), str(file),
         str(tmp_path / "model"), "--leave-out", "000", "--device", "cpu", "--set", *SMALL],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "epoch 2 of 2" in done.stderr
    assert (
        main([str(file), str(tmp_path / "here"), "--leave-out", "000", "--device", "cpu", "--set", *SMALL])
        == 0
    )
    for name in ("member-0.safetensors", "model.json", "left_out.tsv"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_the_model_is_one_that_the_program_runs(file, tmp_path):
    samples = complete_samples(12, np.random.default_rng(3))
    assert main([str(file), str(tmp_path / "m"), "--method", "rimnet", "--seed", "5", "--device", "cpu",
                 "--leave-out", "001", "004", "--set", *SMALL]) == 0  # fmt: skip
    model = load_detector(tmp_path / "m")
    assert model.settings.method == "rimnet"
    assert model.info.training["n_lesions"] == 8
    assert model.info.training["seeds"] == [5]
    left_out = samples.take([2, 3, 8, 9])
    lines = (tmp_path / "m" / "left_out.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["subject", "session", "index", "rim_expert", "logit"]
    assert [line.split("\t")[:4] for line in lines[1:]] == [
        [subject, "n/a", str(index), str(int(rim))]
        for (subject, _, index), rim in zip(left_out.keys, left_out.rim, strict=True)
    ]
    logits = [float(line.split("\t")[4]) for line in lines[1:]]
    assert logits == pytest.approx(model.predict_logits(left_out)[:, 0].tolist(), rel=1e-5)
    assert (tmp_path / "m_epochs.csv").read_text().count("\n") == 3


def test_settings_follow_the_samples():
    changes = {"margin_mm": 2.0, "spacing_mm": (1.0, 1.0, 2.0), "bin_width_ppb": 5.0}
    samples = replace(lesion_samples(4, np.random.default_rng(3)), **changes)
    settings = settings_for(samples, "aprl-nn")
    assert settings.patch.margin_mm == 2.0
    assert settings.radiomics.bin_width_ppb == 5.0
    assert settings.spacing_mm == (1.0, 1.0, 2.0)
    assert settings.patch.shape_vox == (16, 16, 8)
    assert settings.network.n_features == 6
    assert new_detector(settings).settings.network.fusion == "no-image"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--leave-out", "999"], "no subject 999"),
        (["--set", "network.depth=3"], "no setting 'depth'"),
        (["--device", "cuda:99"], "device 'cuda:99' was asked for"),
    ],
)
def test_wrong_use_is_one_sentence(change, words, file, tmp_path, capsys):
    assert main([str(file), str(tmp_path / "m"), *change]) in (64, 65)
    assert words in capsys.readouterr().err
    assert not (tmp_path / "m").exists()


def test_unrated_lesions_and_other_files_are_one_sentence(tmp_path, capsys):
    samples = lesion_samples(4, np.random.default_rng(3))
    unrated = write(tmp_path / "s.safetensors", replace(samples, rim=np.full(4, np.nan)))
    assert main([str(unrated), str(tmp_path / "m"), "--device", "cpu"]) == 65
    assert "needs rated rim+ and rim- lesions" in capsys.readouterr().err
    (tmp_path / "x").write_text("no samples")
    assert main([str(tmp_path / "x"), str(tmp_path / "m")]) == 65
    assert "cannot be read as lesion samples" in capsys.readouterr().err
