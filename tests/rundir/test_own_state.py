"""States of loops of one's own come back bit for bit."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
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
    with pytest.raises(FileNotFoundError, match=r"holds no checkpoint of a state; jaxgan\.save_state"):
        jaxgan.load_state(tmp_path, make_state())
    jaxgan.save_state(tmp_path, make_state(), 1)
    with pytest.raises(jaxgan.UserError, match="holds step 1 already; give another step, a later one"):
        jaxgan.save_state(tmp_path, make_state(), 1)
    with pytest.raises(jaxgan.UserError, match=r"scale is float32\[\] there, but float32\[2\]"):
        jaxgan.load_state(tmp_path, {**make_state(), "scale": jnp.zeros(2)})
    with pytest.raises(jaxgan.UserError, match="step is -1"):
        jaxgan.save_state(tmp_path, make_state(), -1)
    with pytest.raises(jaxgan.UserError, match=r"scale is float32\[\] there"):
        jaxgan.load_state(tmp_path, {**make_state(), "scale": jnp.zeros(2)}, 1)
    with pytest.raises(jaxgan.UserError, match="step is 'best'; expected a whole number"):
        jaxgan.load_state(tmp_path, make_state(), "best")


@pytest.mark.parametrize(
    "names", [["linear/w", "linear"], ["Conv_0/kernel/u", "Conv_0/kernel/sigma"], ["/a", ".", ".."]]
)
def test_names_with_slashes_come_back(tmp_path, names):
    state = {"stats": {name: jnp.arange(3.0) + i for i, name in enumerate(names)}}
    jaxgan.save_state(tmp_path, state, 1)
    assert_equal(jaxgan.load_state(tmp_path, state)[0], state)


def test_a_state_that_has_more_than_is_read_is_refused(tmp_path):
    params = {"w": jnp.ones(3)}
    jaxgan.save_state(tmp_path, {"params": params, "opt": optax.lion(0.1).init(params)}, 1)
    with pytest.raises(jaxgan.UserError, match=r"it also has opt/0/(count|mu/w), which would be lost"):
        jaxgan.load_state(tmp_path, {"params": params, "opt": optax.sgd(0.1).init(params)})


@pytest.mark.parametrize("step", [np.int64(4), jnp.int32(4)])
def test_a_step_may_be_a_number_of_numpy_or_jax(tmp_path, step):
    jaxgan.save_state(tmp_path, make_state(), step)
    assert jaxgan.load_state(tmp_path, make_state(), step)[1] == 4


@pytest.mark.parametrize("step", [4.5, 4.0, "4", None])
def test_a_step_that_is_no_whole_number_is_refused(tmp_path, step):
    with pytest.raises(jaxgan.UserError, match=f"step is {step!r}; expected a whole number"):
        jaxgan.save_state(tmp_path / "states", make_state(), step)
    assert not (tmp_path / "states").exists()


def test_a_step_before_the_newest_is_refused_and_not_deleted_at_once(tmp_path):
    for step in 10, 11:
        jaxgan.save_state(tmp_path, make_state(step), step)
    with pytest.raises(jaxgan.UserError, match=r"step is 5, but .* holds step 11 already"):
        jaxgan.save_state(tmp_path, make_state(), 5)
    assert layout.numbered(layout.checkpoints(tmp_path)) == [10, 11]


def test_checkpoints_of_a_run_are_left_alone(tmp_path):
    layout.step_folder(tmp_path, 3).mkdir(parents=True)
    (tmp_path / layout.CONFIG_FILE).write_text("{}")
    with pytest.raises(jaxgan.UserError, match="is the folder of a run"):
        jaxgan.save_state(tmp_path, make_state(), 9)
    assert layout.numbered(layout.checkpoints(tmp_path)) == [3]


def test_numbers_of_64_bits_and_keys_of_any_generator_come_back(tmp_path):
    state = {
        "count": np.asarray([2**40 + 1]),
        "exact": np.asarray([1 + 1e-12]),
        "rbg": jax.random.key(3, impl="rbg"),
        "threefry": jax.random.split(jax.random.key(4), 2),
    }
    jaxgan.save_state(tmp_path, state, 1)
    found, _ = jaxgan.load_state(tmp_path, state)
    assert_equal(found, state)
    assert jax.random.key_impl(found["rbg"]) == "rbg"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"step": 0, "x": jnp.ones(2)}, r"state\['step'\] is int; expected an array"),
        ({"x": {"y": np.array(["word"])}}, r"state\['x'\]\['y'\] is an array of <U4; expected numbers or booleans"),
        ({"x": np.arange(3, dtype=">f4")}, "byte order"),
        ({"x": jnp.ones((0, 3))}, r"has the shape \(0, 3\), without any number"),
        ({}, "state is dict without arrays"),
        (jnp.ones(2), "state is one ArrayImpl"),
        ({"linear/": jnp.ones(2)}, r"state\['linear/'\] has a name that is empty or ends in a slash"),
        ({"": jnp.ones(2)}, "has a name that is empty"),
        ({"a.b": jnp.ones(2), "a": {"b": jnp.zeros(2)}}, "two arrays of the state have the name a/b"),
        ({"a/b": jnp.ones(2), "a": {"b": jnp.zeros(2)}}, "two arrays of the state have the name a/b"),
    ],
)
def test_what_could_not_be_read_back_is_refused_before_anything_is_written(tmp_path, state, said):
    with pytest.raises(jaxgan.UserError, match=said):
        jaxgan.save_state(tmp_path / "states", state, 1)
    assert not (tmp_path / "states").exists()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    jaxgan.save_state("~/states", make_state(), 1)
    assert jaxgan.load_state("~/states", make_state())[1] == 1
    assert (tmp_path / "states").is_dir()
    assert not (tmp_path / "~").exists()
