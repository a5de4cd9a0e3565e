"""Each example runs as it stands, and the step that one spells out is jaxgan's."""

import importlib.util
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from cli import ROOT

import jaxgan
from jaxgan.training import step as library


@pytest.mark.long
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_example(path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning"}
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, env=env, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "(4, 28, 28, 1)" in done.stdout.splitlines()[-1]
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.long
def test_the_step_of_dcgan_is_that_of_the_library():
    spec = importlib.util.spec_from_file_location("dcgan_step", ROOT / "examples" / "dcgan_step.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    config = jaxgan.get_config("dcgan")
    config.model.dropout = 0.0  # its masks come from another stream of random numbers
    source = jaxgan.open_source(config.data)
    gan = jaxgan.build(config, source.info)
    state = jaxgan.create_state(gan, example.adam, example.adam, jax.random.key(0))
    g, d = state.g.variables, {"params": state.d.params}
    theirs = example.State(g, d, example.adam.init(g["params"]), example.adam.init(d["params"]))
    ours = jax.jit(jaxgan.make_train_step(gan))
    for i in range(2):
        pixels, labels = source.read(range(8 * i, 8 * i + 8))
        for_g, (for_d,) = library._draw(gan, state, jnp.asarray(labels)[None])
        keys = jax.random.split(jax.random.key(0))
        state, metrics = ours(state, pixels[None], labels[None])
        real = jnp.float32(pixels) / 127.5 - 1
        theirs, losses = example.step(theirs, real, for_d.noise.z, for_g.noise.z, *keys, dropout=0.0)
        np.testing.assert_allclose(losses, (metrics["d/loss"], metrics["g/loss"]), rtol=1e-5)
    # Adam makes whole steps of gradients that are next to 0, whose sign is rounding: of few numbers in an array.
    for mine, library_s in ((theirs.g, state.g.variables), (theirs.d["params"], state.d.params)):
        apart = jax.tree.map(lambda a, b: float((abs(a - b) > 2e-5).mean()), mine, dict(library_s))
        assert max(jax.tree.leaves(apart)) < 0.02
    moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), g["params"], state.g.params)
    assert min(jax.tree.leaves(moved)) > 1e-4


def test_the_tutorial_trains_as_it_stands(tmp_path):
    config = jaxgan.get_config(str(ROOT / "examples" / "tutorial_dcgan" / "settings.py"))
    gan = jaxgan.build(config, jaxgan.DataInfo((28, 28, 1), 60_000))
    state = jax.eval_shape(lambda key: jaxgan.create_state(gan, optax.sgd(0.1), optax.sgd(0.1), key), jax.random.key(0))
    counts = [sum(leaf.size for leaf in jax.tree.leaves(net.variables)) for net in (state.g, state.d)]
    assert counts == [2_330_944, 212_865]  # as the tutorial's summaries say
    images, labels = (
        jax.ShapeDtypeStruct((1, 4, *shape), kind) for shape, kind in (((28, 28, 1), "uint8"), ((), "int32"))
    )
    _, metrics = jax.eval_shape(jaxgan.make_train_step(gan), state, images, labels)
    assert {"g/loss", "d/loss"} <= metrics.keys()
