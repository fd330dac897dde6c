"""A plugin file that cannot work is refused before anything runs, with what to do."""

import pytest

from qsmrim_app.errors import UsageError
from qsmrim_app.preprocessing.plugin_file import PluginFile, read_plugin_file


@pytest.fixture
def path(tmp_path):
    return tmp_path / "plugin.yml"


def test_what_it_says(path):
    path.write_text("plugin: MultiProc\nplugin_args: {n_procs: 2}\n")
    assert read_plugin_file(path) == PluginFile("MultiProc", {"n_procs": 2})
    path.write_text("plugin: Linear\n")
    assert read_plugin_file(path) == PluginFile("Linear", {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("plugin: [", "not a readable nipype plugin file"),
        ("n_procs: 4", "names a 'plugin'"),
        ("[1, 2]", "names a 'plugin'"),
        ("plugin: Linear\nplugin_args: 2", "names and values, not 2"),
        (
            "plugin: Linear\nplugin_args: {n_procs: banana}",
            "'n_procs' in 'plugin_args' is 'banana'; expected",
        ),
        ("plugin: MultiProc\nplugin_args: {n_procs: 0}", "'n_procs' in 'plugin_args' is 0; expected a whole"),
        ("plugin: MultiProc\nplugin_args: {n_procs: true}", "'n_procs' in 'plugin_args' is True; expected"),
        ("plugin: MultiProc\nplugin_args: {memory_gb: x}", "'memory_gb' in 'plugin_args' is 'x'; expected"),
        ("plugin: MultiProc\nplugin_args: {memory_gb: .nan}", "'memory_gb' in 'plugin_args' is nan"),
        ("plugin: Debug", "'Debug' runs no node"),
        ("plugin: Slurm", "no plugin 'Slurm'; it has .*SLURM, "),
        ("plugin: SLURMGraph", "returns before its jobs have ended.*such as SLURM"),
        ("plugin: SLURM", "'sbatch', which is not here; run qsmrim on a machine of the cluster"),
    ],
)
def test_a_file_that_is_none(path, text, reason, monkeypatch):
    monkeypatch.setenv("PATH", str(path.parent))
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"plugin\.yml: .*{reason}"):
        read_plugin_file(path)


def test_a_missing_file(path):
    with pytest.raises(UsageError, match="not a readable nipype plugin file"):
        read_plugin_file(path)


def test_a_batch_system_with_its_program(path, monkeypatch):
    program = path.parent / "sbatch"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent))
    path.write_text("plugin: SLURM\n")
    assert read_plugin_file(path).is_batch_system
    assert not PluginFile("MultiProc").is_batch_system
