"""States of loops of one's own come back bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxgan
from jaxgan.base.keys import as_numpy
from jaxgan.rundir import layout


def make_state(seed=0):
    rng = np.random.default_rng(seed)
    layers = (jnp.asarray(rng.normal(size=(2, 3)), jnp.bfloat16), jnp.asarray(rng.integers(0, 9, 4)))
    return {"layers": layers, "key": jax.random.key(seed), "scale": jnp.float32(np.pi)}


def assert_equal(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.dtype == y.dtype
        np.testing.assert_array_equal(as_numpy(x), as_numpy(y))


def test_states_come_back_bit_for_bit_and_the_newest_stay(tmp_path):
    states = {step: make_state(step) for step in (0, 3, 7)}
    for step, state in states.items():
        jaxgan.save_state(tmp_path, state, step)
    found, step = jaxgan.load_state(tmp_path, jax.eval_shape(make_state))
    assert step == 7
    assert_equal(found, states[7])
    assert_equal(jaxgan.load_state(tmp_path, make_state(), 3)[0], states[3])
    with pytest.raises(FileNotFoundError, match="holds steps 3, 7"):
        jaxgan.load_state(tmp_path, make_state(), 0)


def test_a_damaged_state_is_noticed(tmp_path, capsys):
    for step in 1, 2:
        jaxgan.save_state(tmp_path, make_state(step), step)
    for path in (layout.step_folder(tmp_path, 2) / layout.STATE).rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[::-1])
    assert_equal(jaxgan.load_state(tmp_path, make_state())[0], make_state(1))
    assert "is damaged" in capsys.readouterr().err
    with pytest.raises(jaxgan.UserError, match="is damaged"):
        jaxgan.load_state(tmp_path, make_state(), 2)


def test_mistakes(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        jaxgan.load_state(tmp_path, make_state())
    jaxgan.save_state(tmp_path, make_state(), 1)
    with pytest.raises(jaxgan.UserError, match="holds step 1 already; give another step"):
        jaxgan.save_state(tmp_path, make_state(), 1)
    with pytest.raises(jaxgan.UserError, match=r"scale is float32\[\] there, but float32\[2\]"):
        jaxgan.load_state(tmp_path, {**make_state(), "scale": jnp.zeros(2)})
    with pytest.raises(jaxgan.UserError, match=r"none of the state has no numbers, .*; leave it out"):
        jaxgan.save_state(tmp_path, {"one": jnp.ones(1), "none": jnp.zeros((0, 3))}, 2)
    with pytest.raises(jaxgan.UserError, match="step is -1"):
        jaxgan.save_state(tmp_path, make_state(), -1)
