import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_dcgan
import tiny
from long_form import LONG

import jaxgan
from jaxgan import data
from jaxgan.nets.norm import KINDS
from jaxgan.rundir import checkpoint, digests, layout, restore, saved_config, steps
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.rundir.evaluations import write_evaluations
from jaxgan.runs import resume
from jaxgan.runs.health import health
from jaxgan.runs.run import Run
from jaxgan.runs.setup import create_setup
from jaxgan.training import power_ema


@pytest.fixture(scope="module")
def setup():
    config = tiny.get_config()
    return create_setup(config, data.open_source(config.data), jax.local_devices()[:1])


@pytest.fixture(scope="module")
def state(setup):
    return setup.new_state()


@pytest.fixture
def run(tmp_path, setup, state):
    """A folder with steps 3 and 5, the second with doubled parameters."""
    saved_config.save_config(tmp_path, setup.config, setup.source.info, None)
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        checkpoints.save(3, state, {"extra": {"loss": 1.5}})
        checkpoints.save(5, doubled(state))
    return tmp_path


def doubled(state):
    return state.replace(g=state.g.replace(params=jax.tree.map(lambda x: 2 * x, state.g.params)))


def leaves(state):
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


def test_every_leaf_comes_back_to_the_bit(run, setup, state):
    with Checkpoints(run, keep=2) as checkpoints:
        assert checkpoints.steps() == [3, 5]
        back, record = checkpoints.restore(setup.state_shapes, 3)
    assert record == {"extra": {"loss": 1.5}}
    for a, b in zip(leaves(state), leaves(back), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_only_the_newest_are_kept(tmp_path, state):
    with Checkpoints(tmp_path, keep=2) as checkpoints:
        for step in (1, 2, 3, 3):
            checkpoints.save(step, state)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["2", "3"]


def test_load_reads_the_generator_that_was_asked_for(run, state):
    kernel = state.g.params["Dense_0"]["kernel"]
    for step, weights, factor in [("latest", "raw", 2), (3, "raw", 1), ("3", "ema", 1), ("latest", "ema", 1)]:
        params = jaxgan.load(run, trust=True, step=step, weights=weights)
        np.testing.assert_array_equal(params.variables["params"]["Dense_0"]["kernel"], factor * kernel)
    assert jaxgan.sample(params, jax.random.key(0), num=2).shape == (2, 8, 8, 1)


def test_what_load_refuses(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"step is 4, but .* holds steps 3, 5"):
        jaxgan.load(run, trust=True, step=4)
    with pytest.raises(ValueError, match=r'weights is .emma.; .*Did you mean "ema"'):
        jaxgan.load(run, trust=True, weights="emma")
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(FileNotFoundError, match="holds no checkpoint yet; train first"):
        jaxgan.load(run, trust=True)


def test_another_architecture_is_one_sentence(run):
    config = tiny.get_config()
    config.data.image_size = 12
    other = create_setup(config, data.open_source(config.data), jax.local_devices()[:1])
    with (
        Checkpoints(run) as checkpoints,
        pytest.raises(ValueError, match=r"does not fit .* is float32\[\d"),
    ):
        checkpoints.restore(other.state_shapes, 5)
    saved_config.save_config(run, config, other.source.info, None)
    with pytest.raises(ValueError, match="does not fit the networks"):
        jaxgan.load(run, trust=True)


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_each_time_and_raised_if_it_was_the_last(run, state, monkeypatch, capfd):
    sentence = r"could not be written to .*No space left on device.*previous checkpoint is kept"
    with Checkpoints(run, keep=2) as checkpoints:
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints._writer, "save", full)
            for step in 8, 9:
                checkpoints.save(step, state)
            with pytest.raises(OSError, match=sentence):
                checkpoints.wait()
        checkpoints.save(9, state)
    said = capfd.readouterr().err
    assert re.search("warning: step 8: .*No space", said)
    assert re.search("warning: step 9: .*No space", said)
    assert steps.find_step(run, "latest") == 9


def test_a_disk_that_takes_the_last_state_raises_nothing(run, state, monkeypatch, capfd):
    with Checkpoints(run, keep=2) as checkpoints:
        with monkeypatch.context() as patch:
            patch.setattr(checkpoints._writer, "save", full)
            checkpoints.save(8, state)
            assert checkpoints._saving.exception() is not None
        checkpoints.save(9, state)
    assert "warning: step 8" in capfd.readouterr().err
    assert steps.find_step(run, "latest") == 9


def test_the_best_is_kept_beside_the_newest(tmp_path, state):
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        for step in (1, 2, 3, 4):
            checkpoints.save(step, state)
            checkpoints.best = 2 if step >= 2 else None
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["2", "4"]
    with pytest.raises(FileNotFoundError, match="no evaluation of a best step"):
        steps.find_step(tmp_path, "best")
    write_evaluations(tmp_path, [{"step": s, "main": "fd", "metrics": {"fd": float(s)}} for s in (2, 4)])
    assert steps.find_step(tmp_path, "best") == 2


def data_file(run, step):
    """The file of a step that leads to all arrays and holds the small ones."""
    files = (run / "checkpoints" / str(step) / "state" / "d").iterdir()
    return max(files, key=lambda p: p.stat().st_size)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "one bit": lambda run: flip(data_file(run, 5)),
    "cut short": lambda run: data_file(run, 5).write_bytes(data_file(run, 5).read_bytes()[:-100]),
    "zeros": lambda run: data_file(run, 5).write_bytes(bytes(data_file(run, 5).stat().st_size)),
    "no arrays": lambda run: shutil.rmtree(run / "checkpoints" / "5" / "state"),
    "no record": lambda run: shutil.rmtree(run / "checkpoints" / "5" / "record"),
    "a bit of the record": lambda run: flip(run / "checkpoints" / "5" / "record" / "metadata"),
    "nothing": lambda run: [shutil.rmtree(run / "checkpoints" / "5"), (run / "checkpoints" / "5").mkdir()],
    "a copy": lambda run: shutil.copytree(run / "checkpoints" / "3", run / "checkpoints" / "9"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named_set_aside_and_the_one_before_is_used(run, setup, state, capfd, kind):
    DAMAGE[kind](run)
    bad = "9" if kind == "a copy" else "5"
    wrong = {step: sentence for step, sentence in restore.verify(run) if sentence}
    assert list(wrong) == [int(bad)]
    good_kernel = (1 if bad == "5" else 2) * state.g.params["Dense_0"]["kernel"]
    params = jaxgan.load(run, weights="raw", trust=True)
    np.testing.assert_array_equal(params.variables["params"]["Dense_0"]["kernel"], good_kernel)
    assert f"checkpoints/{bad} is" in capfd.readouterr().err
    with pytest.raises(ValueError, match=f"checkpoints/{bad} is"):
        jaxgan.load(run, step=int(bad), trust=True)
    with Checkpoints(run, keep=2) as checkpoints:
        (back,), _, _ = resume.restore([Run(None, setup, run, checkpoints)], setup.state_shapes)
        np.testing.assert_array_equal(back.g.params["Dense_0"]["kernel"], good_kernel)
        checkpoints.save(10, state)
    assert f"set aside as {bad}.damaged" in capfd.readouterr().err
    assert (run / "checkpoints" / f"{bad}.damaged").is_dir()
    assert steps.find_step(run, "latest") == 10


def test_a_run_that_goes_on_deletes_what_is_being_read(run, state, monkeypatch, capfd):
    def read(path, **kwargs):
        if path.name == "5" and path.exists():
            with Checkpoints(run, keep=1) as checkpoints:
                checkpoints.save(9, state)
        return really(path, **kwargs)

    really = restore.unseal
    monkeypatch.setattr(restore, "unseal", read)
    jaxgan.load(run, trust=True)
    assert steps.saved_steps(run) == [9]
    assert capfd.readouterr().err == ""
    with Checkpoints(run, keep=1) as checkpoints:
        checkpoints.save(5, state)
        shutil.rmtree(run / "checkpoints" / "9")
    assert restore.verify(run) == [(9, "")]


def test_none_left_is_an_error(run, setup):
    for step in 3, 5:
        flip(data_file(run, step))
    with Checkpoints(run, keep=2) as checkpoints, pytest.raises(ValueError, match="none of the checkpoints"):
        resume.restore([Run(None, setup, run, checkpoints)], setup.state_shapes)


def test_equal_loads_have_equal_structures(run):
    one, two = (jaxgan.load(run, trust=True) for _ in range(2))
    assert jax.tree.structure(one) == jax.tree.structure(two)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "run").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="could not be written to"):
        Checkpoints(tmp_path / "run")


def test_is_finite_sees_one_bad_number(state):
    assert health.is_finite(state)
    bad = jax.tree.map(lambda x: x.at[(0,) * x.ndim].set(np.nan), state.d.params)
    assert not health.is_finite(state.replace(d=state.d.replace(params=bad)))


def test_is_finite_sees_the_optimisers_too(state):
    bad = jax.tree.map(
        lambda x: jnp.full_like(x, np.inf) if jnp.issubdtype(x.dtype, jnp.floating) else x, state.g.opt_state
    )
    assert not health.is_finite(state.replace(g=state.g.replace(opt_state=bad)))


@pytest.mark.long
def test_averages_of_other_widths_are_made_of_all_checkpoints(tmp_path, capfd):
    config = tiny.get_config()
    config.train.update(
        num_devices=1, num_steps=8, log_every=1, checkpoint_every=1, keep_checkpoints=8, ema_stds=(0.05, 0.1)
    )
    state = jaxgan.train(config, tmp_path)

    def flat(params):
        return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params.variables)])

    kept = jaxgan.load(tmp_path, ema_std=0.1, trust=True)
    expected = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(state.tracks[1])])
    np.testing.assert_allclose(flat(kept), expected, atol=1e-7)
    # What each step had, averaged anew with the weights of the profile, which a test of them holds to the paper.
    raw = [flat(jaxgan.load(tmp_path, step, "raw", trust=True)) for step in range(1, 9)]
    average = raw[0]
    for step, new in enumerate(raw[1:], 1):
        share = float(power_ema.share(0.13, jnp.int32(step)))
        average = (1 - share) * average + share * new
    capfd.readouterr()
    made = flat(jaxgan.load(tmp_path, ema_std=0.13, trust=True))
    assert np.linalg.norm(made - average) < 0.2 * np.linalg.norm(expected - average)
    assert "come no closer" not in capfd.readouterr().err
    jaxgan.load(tmp_path, 1, ema_std=0.28, trust=True)
    assert "the averages in 1 checkpoints come no closer to ema_std=0.28 than" in capfd.readouterr().err
    with pytest.raises(ValueError, match=r"ema_std is 0\.5; expected a value from"):
        jaxgan.load(tmp_path, ema_std=0.5, trust=True)


def test_a_run_with_one_average_has_no_other_widths(run):
    with pytest.raises(ValueError, match=r"keeps one average; train with train\.ema_stds"):
        jaxgan.load(run, ema_std=0.1, trust=True)


def assert_resumes_exactly(config, folder, first):
    """Train in `whole`, and in `parts` with a stop after `first` steps; both must end with the same state."""
    num = config.train.num_steps
    whole = jaxgan.train(config, folder / "whole")
    for config.train.num_steps in first, num:
        parts = jaxgan.train(config, folder / "parts")
    for a, b in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.long
@pytest.mark.parametrize("setting", ["lecam", pytest.param("pack", marks=LONG)])
def test_what_d_carries_is_saved_too(setting, tmp_path):
    config = tiny.get_config()
    config.train.update(num_devices=1, num_steps=4, log_every=1)
    if setting == "lecam":
        config.penalty.lecam = 0.1
    else:
        config.pack = 2
    assert_resumes_exactly(config, tmp_path, first=2)


@pytest.mark.long
@pytest.mark.parametrize("norm", KINDS)
def test_statistics_of_each_norm_of_d_come_back(norm, tmp_path):
    config = small_dcgan.get_config()
    config.model.d_norm = norm
    config.data.update(source="synthetic", image_size=14, batch_size=4, skip=0)
    config.train.update(num_devices=1, num_steps=2, log_every=1, sample_every=0, steps_per_call=1)
    assert_resumes_exactly(config, tmp_path, first=1)
    assert restore.verify(tmp_path / "parts") == [(1, ""), (2, "")]
    assert jaxgan.sample(jaxgan.load(tmp_path / "parts", trust=True), jax.random.key(0), num=2).shape == (2, 14, 14, 1)


@pytest.mark.long
def test_what_d_carried_may_be_let_go(tmp_path):
    """D of `gan_mlp` has no other statistics, so nothing is left of them."""
    config = jaxgan.get_config("gan_mlp")
    config.model.hidden = 8
    config.data.update(source="synthetic", image_size=8, batch_size=8, skip=0)
    config.train.update(num_devices=1, num_steps=2, sample_every=0, checkpoint_every=1)
    config.penalty.lecam = 0.1
    jaxgan.train(config, tmp_path)
    config.penalty.lecam, config.train.num_steps = 0.0, 3
    state = jaxgan.train(config, tmp_path)
    assert (int(state.step), state.d.batch_stats) == (3, {})
    assert [path.name for path in (tmp_path / "checkpoints").glob("*.damaged*")] == []


@pytest.mark.parametrize(
    "record",
    [{"window": {"a": "x"}}, {"window": {"a": ["x"]}}, {"extra": [1]}, {"rollbacks": 5}, {"rollbacks": [1]}, "x"],
)
def test_a_record_of_other_kinds_of_values_is_damaged(tmp_path, setup, state, record):
    saved_config.save_config(tmp_path, setup.config, setup.source.info, None)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, state, record)
    with pytest.raises(ValueError, match="is damaged"):
        digests.unseal(tmp_path / "checkpoints" / "3")


@pytest.mark.parametrize("content", ["[]", '{"digests": [], "record": {}}', '{"record": {}}'])
def test_a_sealed_record_of_another_form_is_damaged(run, content):
    path = run / "checkpoints" / "5"
    text = json.dumps({"content": content, "sha256": hashlib.sha256(content.encode()).hexdigest()})
    (path / "record" / "metadata").write_text(text)
    with pytest.raises(ValueError, match="is damaged"):
        jaxgan.load(run, 5, trust=True)


def test_a_damaged_step_is_left_out_of_an_average(tmp_path, capfd):
    config = tiny.get_config()
    config.train.update(num_devices=1, num_steps=4, checkpoint_every=1, keep_checkpoints=4, ema_stds=(0.05, 0.1))
    jaxgan.train(config, tmp_path)
    (tmp_path / "checkpoints" / "2" / "record" / "metadata").write_text("{}")
    jaxgan.load(tmp_path, ema_std=0.1, trust=True)
    assert "it is left out of the average" in capfd.readouterr().err
    with pytest.raises(ValueError, match="weights is 'raw', but ema_std asks for an average"):
        jaxgan.load(tmp_path, weights="raw", ema_std=0.1, trust=True)


def test_digests_can_be_skipped(run, monkeypatch):
    path = run / "checkpoints" / "5"
    content = digests.unseal(path)
    monkeypatch.setattr(
        digests, "unseal", lambda _: {**content, "digests": dict.fromkeys(content["digests"], "xxh3:0")}
    )
    monkeypatch.setattr(restore, "unseal", digests.unseal)
    with pytest.raises(ValueError, match="is damaged"):
        jaxgan.load(run, 5, trust=True)
    monkeypatch.setenv(digests.SKIP, "1")
    jaxgan.load(run, 5, trust=True)
    assert dict(restore.verify(run))[5]  # which is asked to look


@pytest.mark.parametrize(
    "other", [np.zeros((3, 2), np.float32), np.zeros((2, 3), np.int32), np.full((2, 3), -0.0, "f4")]
)
def test_digests_tell_shapes_types_and_signs_apart(other):
    record = digests.seal(5, {"a": np.zeros((2, 3), np.float32)}, {})
    content = json.loads(record["content"])
    with pytest.raises(ValueError, match="a is not what was written"):
        digests.check_content(Path("5"), content, {"a": other}, always=False)


def test_a_checkpoint_is_on_the_disk_before_it_gets_its_name_and_older_ones_go(tmp_path, state, monkeypatch):
    synced = []

    def sync(path):
        synced.append((path.name, (tmp_path / "checkpoints" / "5").exists(), (tmp_path / "checkpoints" / "3").exists()))
        really(path)

    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, state)
        checkpoints.wait()
        really = checkpoint.files.sync
        monkeypatch.setattr(checkpoint.files, "sync", sync)
        checkpoints.save(5, state)
    assert not (tmp_path / "checkpoints" / "3").exists()
    unnamed = [name for name, is_named, _ in synced if not is_named]
    assert {"manifest.ocdbt", "metadata", "_METADATA"} <= set(unnamed)
    assert synced[-1] == ("checkpoints", True, True)


def test_a_run_that_begins_again_waits_for_what_an_interrupt_left_unwritten(tmp_path, state, monkeypatch):
    go = threading.Event()

    def interrupted():
        with Checkpoints(tmp_path) as checkpoints:
            save = checkpoints._writer.save
            monkeypatch.setattr(checkpoints._writer, "save", lambda path, args: go.wait(10) and save(path, args=args))
            checkpoints.save(3, state)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    threading.Timer(0.2, go.set).start()
    with Checkpoints(tmp_path) as checkpoints:
        assert checkpoints.steps() == [3]


def test_many_runs_save_at_one_time(tmp_path):
    """Each has a thread; what Orbax counts for the process must not be taken for another one's."""
    state = {"step": np.int32(0), **{str(i): np.ones((20, 20), np.float32) for i in range(10)}}
    with contextlib.ExitStack() as opened:
        runs = [opened.enter_context(Checkpoints(tmp_path / str(i), keep=2)) for i in range(8)]
        for step in range(1, 6):
            for checkpoints in runs:
                checkpoints.save(step, state | {"step": np.int32(step)})
        for checkpoints in runs:
            checkpoints.wait()
            assert checkpoints.steps() == [4, 5]
    assert all(restore.verify(tmp_path / str(i)) == [(4, ""), (5, "")] for i in range(8))


def test_a_folder_that_is_moved_while_it_is_trained_in_ends_the_run(tmp_path):
    config = tiny.get_config()
    config.train.log_every = config.train.checkpoint_every = config.train.steps_per_call = 1
    config.train.sample_every = 1
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"

    def move(row):
        if row["step"] == 4:
            run.rename(elsewhere)

    with pytest.raises(jaxgan.UserError, match="run was moved or removed while it was written to; put it back"):
        jaxgan.train(config, run, on_log=move)
    assert layout.numbered(layout.checkpoints(elsewhere))


def test_what_lies_in_the_place_of_a_checkpoint_is_set_aside(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "1").write_text("mine")
    state = {"x": jnp.ones(2)}
    jaxgan.save_state(tmp_path, state, 1)
    assert jaxgan.load_state(tmp_path, state)[1] == 1
    assert (tmp_path / "checkpoints" / "1.aside").read_text() == "mine"
