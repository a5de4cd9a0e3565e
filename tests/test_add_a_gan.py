"""A GAN of one's own: one file of networks and one of settings, and nothing else."""

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
