"""Many runs in one program: each is the run that it would be alone."""

import json
import os
import shutil
import signal
import threading
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small_dcgan
import tiny
from cli import call
from long_form import long

import jaxgan
from jaxgan import config as config_lib
from jaxgan.base.checks import NotFinite, UserError
from jaxgan.base.settings import Setting
from jaxgan.rundir import metrics_log, saved_config, sweep
from jaxgan.runs.health import rollback, watch
from jaxgan.runs.health.watch import Finding

TINY = f"--config={tiny.__file__}"


def config(**train):
    cfg = tiny.get_config()
    cfg.train.num_devices = 1
    cfg.train.update(train)
    return cfg


def swept(num_replicas=1):
    """Every setting that can be swept where a penalty needs a D without batch norm."""
    cfg = small_dcgan.get_config()
    cfg.data.update(source="synthetic", image_size=14, batch_size=8)
    cfg.train.update(num_steps=3, num_replicas=num_replicas, num_devices=1, log_every=1, sample_every=0)
    cfg.penalty.r1, cfg.penalty.interval, cfg.loss = 0.1, 2, "rpgan"
    cfg.train.ema_half_life = 100
    cfg.sweep.optim.g.update(learning_rate=(1e-3, 2e-4), b1=(0.5, 0.0), b2=(0.9, 0.99))
    cfg.sweep.optim.d.update(learning_rate=(2e-4, 1e-3), b1=(0.0, 0.5), b2=(0.99, 0.999))
    cfg.sweep.penalty.r1 = (0.5, 2.0)
    cfg.sweep.train.ema_half_life = (10, 1000)
    return cfg


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("many") / "run"
    return run, jaxgan.train(config(num_replicas=3, checkpoint_every=3), run)


def rows(run):
    timed = ("seconds", "steps_per_sec", "images_per_sec")
    return [{k: v for k, v in row.items() if not k.startswith(timed)} for row in metrics_log.read_metrics(run)]


def assert_like(many, alone, atol):
    assert [row["step"] for row in many] == [row["step"] for row in alone]
    for ours, theirs in zip(many, alone, strict=True):
        for name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], atol=atol, rtol=atol, err_msg=name)


@pytest.mark.parametrize("replica", [2, *long(0)])
def test_a_replica_is_the_run_of_its_seed(finished, replica, tmp_path):
    alone = config(checkpoint_every=3)
    alone.seed = replica
    jaxgan.train(alone, tmp_path / "alone")
    assert_like(rows(finished[0] / "replicas" / str(replica)), rows(tmp_path / "alone"), 1e-3)
    ours, theirs = (
        jaxgan.load(run, replica=number, trust=True)
        for run, number in ((finished[0], replica), (tmp_path / "alone", None))
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), ours, theirs)
    grids = [
        folder / "samples" / "data.png" for folder in (finished[0] / "replicas" / str(replica), tmp_path / "alone")
    ]
    assert grids[0].read_bytes() == grids[1].read_bytes()


@pytest.mark.long
def test_a_replica_is_the_run_of_its_values(tmp_path):
    jaxgan.train(swept(), tmp_path / "many")
    for number, alone in enumerate(sweep.expand(swept())):
        jaxgan.train(alone, tmp_path / str(number))
        many = rows(tmp_path / "many" / "replicas" / str(number))
        assert_like(many, rows(tmp_path / str(number)), 2e-3)
        assert many[-1]["g/lr"] == pytest.approx(alone.optim.g.learning_rate)
    ours = [jaxgan.load(tmp_path / "many", replica=i, trust=True) for i in (0, 1)]
    assert any(float(jnp.abs(a - b).max()) > 1e-3 for a, b in zip(*map(jax.tree.leaves, ours), strict=True))


def test_the_whole_has_means_and_deviations(finished):
    run, states = finished
    assert states.g.step.shape == (3,)
    each = [rows(run / "replicas" / str(i)) for i in range(3)]
    whole = rows(run)
    assert len(whole) == 3
    for number, row in enumerate(whole):
        losses = [one[number]["g/loss"] for one in each]
        assert (row["replicas"], row["collapsed"]) == (3, 0)
        assert row["g/loss"] == pytest.approx(np.mean(losses))
        assert row["g/loss/std"] == pytest.approx(np.std(losses))
        assert np.std(losses) > 0


def test_resume_is_exact_even_where_one_replica_saved_later_than_the_others(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    for replica in 0, 2:  # the last save of these never came to be
        shutil.rmtree(tmp_path / f"run/replicas/{replica}/checkpoints/6")
    state = jaxgan.train(config(num_replicas=3, checkpoint_every=3), tmp_path / "run")
    for ours, theirs in zip(jax.tree.leaves(state.ema), jax.tree.leaves(finished[1].ema), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert rows(tmp_path / "run") == rows(finished[0])
    assert rows(tmp_path / "run/replicas/1") == rows(finished[0] / "replicas/1")


@pytest.mark.long
def test_a_later_checkpoint_of_another_past_is_set_aside(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run/replicas/1/checkpoints/6")
    changed = config(num_replicas=3, checkpoint_every=3)
    changed.optim.g.learning_rate = 0.1
    state = jaxgan.train(changed, tmp_path / "run")
    for replica in range(3):
        saved = jaxgan.load(tmp_path / "run", 6, "raw", replica=replica, trust=True)
        own = jax.tree.map(lambda x, i=replica: x[i], state.g.params)
        jax.tree.map(np.testing.assert_array_equal, saved.variables["params"], own)


def test_a_replica_without_checkpoints_costs_the_others_nothing(finished, tmp_path):
    many, first = tmp_path / "many", tmp_path / "first"
    for run in many, first:
        shutil.copytree(finished[0], run)
        shutil.rmtree(run / "replicas/1/checkpoints")
    with pytest.raises(jaxgan.UserError, match="run 1 has no good checkpoint, others have; restore its folder"):
        jaxgan.train(config(num_replicas=3, checkpoint_every=3), many)
    assert (many / "replicas/0/checkpoints/6").is_dir()
    for replica in 0, 2:  # as if the very first save had been cut short
        shutil.rmtree(first / f"replicas/{replica}/checkpoints/3")
    jaxgan.train(config(num_replicas=3, checkpoint_every=3), first)
    assert len(list((first / "replicas/0/checkpoints").glob("*later*"))) == 1


def test_a_note_of_failure_may_hold_any_bytes(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    (tmp_path / "run/replicas/0/failure.txt").write_bytes(b"\xff\xfe")
    jaxgan.train(config(num_replicas=3, checkpoint_every=3), tmp_path / "run")


def test_those_without_a_checkpoint_are_left_out_of_scores(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    shutil.rmtree(tmp_path / "run/replicas/0/checkpoints")
    done = call("--mode=evaluate", f"--workdir={tmp_path / 'run'}", "--num=16", "--trust")
    assert done.returncode == 0, done.stderr
    assert "replicas/0 holds no checkpoint yet" in done.stderr
    assert "replicas/1:" in done.stdout
    assert "replicas/0:" not in done.stdout


@pytest.mark.long
def test_a_stop_saves_all(tmp_path):
    timer = threading.Timer(0.0, lambda: os.kill(os.getpid(), signal.SIGTERM))
    many = config(num_replicas=2, num_steps=100_000, checkpoint_every=0, log_every=10)
    jaxgan.train(many, tmp_path, on_log=lambda row: timer.start() if row["step"] == 10 else None)
    saved = [[p.name for p in (tmp_path / f"replicas/{i}/checkpoints").iterdir()] for i in (0, 1)]
    assert saved[0] == saved[1] != []


@pytest.mark.long
def test_one_that_is_not_finite_ends_alone(tmp_path, capsys, monkeypatch):
    wide = Setting("learning_rate", 2e-4, "", 0, 1e38, swept=True)
    monkeypatch.setitem(config_lib.SETTINGS, "optim.d.learning_rate", wide)
    many = config(num_steps=20, log_every=1, checkpoint_every=1, sample_every=0)
    many.watch.action = "off"
    many.optim.d.name = "sgd"
    many.sweep.optim.d.learning_rate = (1e-3, 1e30)
    state = jaxgan.train(many, tmp_path)
    assert int(state.step) == 20
    assert rows(tmp_path)[-1]["collapsed"] == 0.5
    assert rows(tmp_path)[-1]["replicas"] == 1
    assert all(row["step"] < 20 for row in rows(tmp_path / "replicas/1"))
    assert "run 1 " in capsys.readouterr().err
    assert rows(tmp_path / "replicas/0")[-1]["step"] == 20
    # What its note advises can be done.
    advice = (tmp_path / "replicas/1/failure.txt").read_text()
    assert "lower config.optim.*.learning_rate and continue it alone by --workdir=" in advice
    assert advice.endswith(f"{tmp_path}/replicas/1.")
    shutil.copytree(tmp_path / "replicas/1", tmp_path / "alone")
    alone, _ = saved_config.load_config(tmp_path / "alone")
    alone.optim.d.learning_rate = 1e-3
    assert int(jaxgan.train(alone, tmp_path / "alone").step) == 20
    # Long after, the others go on from where they were, not from the last step that the failed one saved.
    many.train.num_steps = 24
    assert int(jaxgan.train(many, tmp_path).step) == 24
    assert "resumed at step 20 of 24" in capsys.readouterr().err
    assert [row["step"] for row in rows(tmp_path)] == list(range(1, 25))
    assert rows(tmp_path)[-1]["collapsed"] == 0.5
    assert all(row["step"] < 20 for row in rows(tmp_path / "replicas/1"))


def test_each_is_scored(tmp_path):
    cfg = config(num_replicas=3, num_steps=2)
    cfg.eval.update(every=2, num=16, metrics="swd")
    jaxgan.train(cfg, tmp_path)
    found = [json.loads((tmp_path / f"replicas/{i}/evaluation.json").read_text())[0] for i in range(3)]
    assert [entry["seed"] for entry in found] == [0, 1, 2]
    assert rows(tmp_path)[-1]["eval/swd"] == pytest.approx(np.mean([e["metrics"]["swd"] for e in found]))


def test_values_and_seeds(tmp_path):
    cfg = config(num_replicas=4)
    cfg.sweep.optim.g.learning_rate = (1e-3, 1e-4)
    found = [(one.seed, one.optim.g.learning_rate, one.train.num_replicas) for one in sweep.expand(cfg)]
    assert found == [(0, 1e-3, 1), (0, 1e-4, 1), (1, 1e-3, 1), (1, 1e-4, 1)]
    assert not any(sweep.is_many(one) for one in sweep.expand(cfg))


def test_an_interval_may_be_that_of_a_penalty_that_is_swept():
    cfg = config()
    cfg.penalty.interval, cfg.sweep.penalty.r1 = 4, (0.5, 1.0)
    assert [one.penalty.r1 for one in sweep.expand(cfg)] == [0.5, 1.0]


def test_all_stop_early_together(tmp_path, capsys):
    cfg = config(num_replicas=3, num_steps=1_000, log_every=1, sample_every=0, checkpoint_every=0)
    cfg.early_stop.metric, cfg.early_stop.patience = "g/lr", 3
    assert int(jaxgan.train(cfg, tmp_path).step) == 4  # the rate is constant: the first row is the best
    assert "stopped early at step 4: no better g/lr in 3 logged rows" in capsys.readouterr().err
    assert int(jaxgan.train(cfg, tmp_path).step) == 4
    assert capsys.readouterr().err == f"nothing to do: {tmp_path} stopped early at step 4\n"


class Alarm:
    """Health checks that find something in the run of seed 1 at step 5, at the first time."""

    found: ClassVar[list[int]] = []
    made: ClassVar[int] = 0

    def __init__(self, **_):
        Alarm.made += 1
        self.is_second = Alarm.made % 2 == 0

    def update(self, row):
        if row["step"] != 5 or Alarm.found or not self.is_second:
            return []
        Alarm.found.append(5)
        return [Finding(5, "alike", "error", "all samples are alike", {})]


@pytest.mark.long
def test_all_go_back_together_and_only_the_collapsed_one_gets_a_fresh_key(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(watch, "Watch", Alarm)
    cfg = config(num_replicas=2, num_steps=8, log_every=1, steps_per_call=1, sample_every=0)
    plain = jaxgan.train(cfg, tmp_path / "plain")
    Alarm.found.clear()
    cfg.watch.action = "rollback"
    back = jaxgan.train(cfg, tmp_path / "back")
    assert "run 1 rolled back from step 6 to step 3" in capsys.readouterr().err
    assert not (tmp_path / "back/replicas/0" / rollback.ROLLBACKS_FILE).exists()
    keys = [jax.random.key_data(state.key) for state in (plain, back)]
    np.testing.assert_array_equal(keys[0][0], keys[1][0])
    assert not np.array_equal(keys[0][1], keys[1][1])
    # The one that had not collapsed repeats its steps to the bit.
    assert rows(tmp_path / "back/replicas/0") == rows(tmp_path / "plain/replicas/0")
    assert [row["step"] for row in rows(tmp_path / "back")] == list(range(1, 9))


@pytest.mark.long
def test_all_that_are_not_finite_end_with_an_error_whose_advice_can_be_followed(tmp_path, monkeypatch, capsys):
    wide = Setting("learning_rate", 2e-4, "", 0, 1e38, swept=True)
    monkeypatch.setitem(config_lib.SETTINGS, "optim.d.learning_rate", wide)
    many = config(num_steps=6, num_replicas=2, log_every=1, checkpoint_every=1, sample_every=0)
    many.optim.d.name, many.optim.d.learning_rate = "sgd", 1e30
    with pytest.raises(NotFinite, match=r"all 2 runs failed.*lower config\.optim\.\*\.learning_rate"):
        jaxgan.train(many, tmp_path)
    assert "finished" not in capsys.readouterr().err
    many.optim.d.learning_rate = 1e-3
    assert int(jaxgan.train(many, tmp_path).step) == 6
    assert not list(tmp_path.glob("replicas/*/failure.txt"))
    assert rows(tmp_path)[-1]["replicas"] == 2


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sweep.optim.g.b1": (0.1, 0.2), "sweep.optim.d.b1": (0.1,)}, "unequal lengths"),
        ({"sweep.optim.g.b1": (0.1, 0.2), "train.num_replicas": 3}, "give a multiple"),
        ({"sweep.optim.g.learning_rate": (0.0, 0.2)}, "expected numbers above 0"),
        ({"sweep.optim.g.b1": (0.1, 1.5)}, "optim.g.b1"),
        ({"sweep.train.ema_decay": (0.1, 0.5), "train.ema_half_life": 10}, "has no effect"),
        ({"train.num_replicas": 2, "watch.action": "back"}, "rollback"),
        ({"train.num_replicas": 2, "early_stop.metric": "g/los"}, "early_stop"),
        ({"sweep.optim.g.b1": ("x",)}, "expected numbers"),
    ],
)
def test_what_cannot_be_is_one_sentence(changes, sentence, tmp_path):
    cfg = config()
    cfg.update_from_flattened_dict(changes)
    with pytest.raises(UserError, match=sentence):
        jaxgan.train(cfg, tmp_path)


@pytest.mark.long
def test_the_command_line(finished, tmp_path):
    done = call(
        TINY, f"--workdir={tmp_path}/w", "--sweep.optim.g.learning_rate=1e-3,2e-3", "--config.train.sample_every=0"
    )
    assert done.returncode == 0, done.stderr
    assert "run 1 (seed 0, optim.g.learning_rate 0.002)" in done.stderr
    again = call(f"--workdir={tmp_path}/w", "--trust")
    assert "nothing to do" in again.stderr
    for args, sentence in (
        ([f"--workdir={finished[0]}"], "holds runs 0 to 2; name one by --replica"),
        ([f"--workdir={finished[0]}", "--replica=3"], "replica=3, but"),
    ):
        done = call("--mode=sample", *args, "--trust", f"--out={tmp_path}/a.png")
        assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr
    done = call(
        "--mode=sample", f"--workdir={finished[0]}", "--replica=1", "--trust", "--num=4", f"--out={tmp_path}/a.npy"
    )
    assert done.returncode == 0, done.stderr
    images = np.load(tmp_path / "a.npy")
    z = jaxgan.sample(jaxgan.load(finished[0], replica=1, trust=True), jax.random.key(1), num=4)
    assert images.shape == z.shape
