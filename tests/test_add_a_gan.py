"""A custom GAN: one file of networks and one of settings, and nothing else."""

import re
import sys

import jax
import numpy as np
import optax
import pytest
from cli import ROOT, call

import jaxgan
from jaxgan import config as config_lib
from jaxgan.data.sources import KINDS
from jaxgan.metrics import registry
from jaxgan.objectives import losses, penalties

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


@pytest.mark.long
def test_parts_of_a_method_are_put_into_a_gan(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "howto" / "add_a_loss.md").read_text()
    names = {}
    monkeypatch.setattr(registry, "_FOUND", dict(registry._FOUND))
    for kept, name in (losses.LOSSES, "exponential"), (penalties.PENALTIES, "drift"), (KINDS, "dots"):
        monkeypatch.setitem(kept, name, None)  # undone, it is gone
    monkeypatch.syspath_prepend(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        if block.startswith("# mine.py"):
            (tmp_path / "mine.py").write_text(block)
        exec(block, names)
    del sys.modules["mine"]
    assert losses.LOSSES["exponential"] == names["exponential"]
    given = registry.Given(np.full((2, 4, 4, 1), 51, np.uint8), None, None, None, None, 0)
    assert penalties.PENALTIES["drift"] == names["drift"]
    assert KINDS["dots"].path == "optional"
    assert registry._FOUND["brightness"].compute(given) == {"brightness": 0.2}
    networks = {"__name__": "mine"}
    exec(NETWORKS.replace("from __future__ import annotations", ""), networks)
    config = config_lib.default()
    config.gan, config.model = "mine", {"latent_size": 5}
    info = jaxgan.DataInfo((4, 4, 1), 100)
    gan = names["with_penalty"](names["with_loss"](networks["build"](config, info)))
    state = jaxgan.create_state(gan, optax.sgd(0.0), optax.sgd(0.0), jax.random.key(0))
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 4, 4, 1), np.uint8)
    _, metrics = jax.jit(jaxgan.make_train_step(gan))(state, images, np.zeros((1, 8), np.int32))
    logits = gan.discriminator.apply(state.d.variables, images[0] / 127.5 - 1, None, train=True)[0]
    np.testing.assert_allclose(metrics["d/drift"], (logits**2).mean(), rtol=1e-4)
    np.testing.assert_allclose(metrics["d/loss_real"], np.exp(-logits).mean(), rtol=1e-4)
