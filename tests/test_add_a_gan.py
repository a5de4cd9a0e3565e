"""A custom GAN: one file of networks and one of settings, and nothing else."""

import re

import numpy as np
from cli import ROOT, call

PAGE = (ROOT / "docs" / "howto" / "add_a_gan.md").read_text()
NETWORKS, SETTINGS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_two_files_train_and_sample(tmp_path):
    gan, settings, workdir = tmp_path / "mine.py", tmp_path / "settings.py", tmp_path / "run"
    gan.write_text(NETWORKS)
    settings.write_text(SETTINGS)
    done = call(f"--config={settings}", f"--workdir={workdir}")
    assert done.returncode == 0, done.stderr
    done = call("--mode=sample", f"--workdir={workdir}", "--trust", "--num=3", f"--out={tmp_path / 'a.npy'}")
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "a.npy").shape == (3, 28, 28, 1)
    done = call("--mode=summary", f"--config={settings}")
    assert "Total 4,704 (trainable 4,704, not trainable 0)" in done.stdout


def test_a_file_that_imports_one_beside_it_is_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "layers.py").write_text("from flax.linen import tanh\n")
    (tmp_path / "mine.py").write_text(
        f"from layers import tanh\n{NETWORKS.replace('from __future__ import annotations', '')}"
    )
    (tmp_path / "settings.py").write_text(SETTINGS)
    monkeypatch.syspath_prepend(tmp_path)
    done = call(f"--config={tmp_path / 'settings.py'}", f"--workdir={tmp_path / 'run'}")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "mine.py imports layers, which lies beside it, but a run keeps a copy of mine.py alone" in done.stderr
    assert not (tmp_path / "run").exists()
