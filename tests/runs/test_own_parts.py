"""Losses, penalties, scores and sources of a user's, by name: whole runs."""

import shutil

import jax
import numpy as np
import pytest
from cli import call

import jaxgan
from jaxgan.data.sources import KINDS
from jaxgan.metrics import registry
from jaxgan.objectives import losses, penalties
from jaxgan.rundir import metrics_log, saved_config
from jaxgan.rundir.evaluations import read_evaluations
from jaxgan.runs import evaluate
from jaxgan.runs.health.health import saved_health
from jaxgan.runs.record import report

FILE = """
import jax.numpy as jnp
import numpy as np
import jaxgan

loss = jaxgan.AdversarialLoss(lambda r, f: jnp.exp(-r), lambda r, f: jnp.exp(f), lambda r, f: jnp.exp(-f))
drift = jaxgan.Penalty("drift", 0.5, lambda score, real, fake, key: score(real.images, real.labels) ** 2, ("real",))

def brightness(given):
    return {"brightness": float(given.images.mean())}

def noise(config_data):
    return jaxgan.InMemory(np.random.default_rng(0).integers(0, 256, (40, 6, 6, 1), np.uint8))
"""
SETTINGS = """
import jaxgan

def get_config():
    config = jaxgan.get_config("gan_mlp")
    config.model.update(latent_size=2, hidden=4)
    config.data.update(batch_size=8, image_size=6, skip=0)
    config.train.update(num_steps=4, log_every=1, sample_every=0, checkpoint_every=2, num_devices=1)
    config.eval.update(every=4, num=20, features="none")
    return config
"""


def named(prefix):
    return {
        "loss": f"{prefix}loss",
        "penalty.own": f"r1,{prefix}drift",
        "data.source": f"{prefix}noise",
        "eval.metrics": f"swd,{prefix}brightness",
    }


def flags(prefix):
    return [f"--config.{path}={value}" for path, value in named(prefix).items()]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run of two of four steps, whose own file is gone, and the file."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(FILE)
    (folder / "settings.py").write_text(SETTINGS)
    start = f"--config={folder}/settings.py", f"--workdir={folder}/run", "--config.train.num_steps=2"
    registry.measures()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_FOUND", dict(registry._FOUND))
        done = call(*start, *flags(f"{folder}/mine.py:"))
    assert done.returncode == 0, done.stderr
    (folder / "mine.py").unlink()
    return folder / "run"


@pytest.fixture(autouse=True)
def apart(monkeypatch):
    """Let measures of these tests be gone afterwards."""
    registry.measures()
    monkeypatch.setattr(registry, "_FOUND", dict(registry._FOUND))


@pytest.fixture
def registered(monkeypatch, apart):
    parts = {}
    exec(FILE, parts)
    for kept, name in (losses.LOSSES, "loss"), (penalties.PENALTIES, "drift"), (KINDS, "noise"):
        monkeypatch.setitem(kept, name, None)  # undone, it is gone
    jaxgan.register_loss("loss", parts["loss"])
    jaxgan.register_penalty(parts["drift"])
    jaxgan.register_source("noise", parts["noise"])
    registry.measure("brightness")(parts["brightness"])


def test_the_workdir_alone_resumes_exactly(stopped, tmp_path, registered):
    run = shutil.copytree(stopped, tmp_path / "run")
    refused = call(f"--workdir={run}", "--config.train.num_steps=4")
    assert refused.returncode == 1
    assert f"{run}/mine.py, a file that would be executed; look at it, then say --trust" in refused.stderr
    assert refused.stderr.count("\n") == 1
    done = call(f"--workdir={run}", "--config.train.num_steps=4", "--trust")
    assert done.returncode == 0, done.stderr
    assert "resumed at step 2 of 4" in done.stderr
    assert "changed since the last run: config.train.num_steps 2 -> 4\n" in done.stderr
    # Without a stop, with the same parts by registered names.
    settings = {}
    exec(SETTINGS, settings)
    config = settings["get_config"]()
    config.update_from_flattened_dict(named(""))
    jaxgan.train(config, tmp_path / "whole")
    for weights in "raw", "ema":
        ours, theirs = (jaxgan.load(folder, weights=weights) for folder in (run, tmp_path / "whole"))
        jax.tree.map(np.testing.assert_array_equal, ours.variables, theirs.variables)
    rows = [
        {row["step"]: {name: row[name] for name in ("d/loss", "g/loss", "d/drift", "d/r1")} for row in found}
        for found in map(metrics_log.read_metrics, (run, tmp_path / "whole"))
    ]
    assert rows[0] == rows[1]
    scores = [read_evaluations(folder)[-1]["metrics"] for folder in (run, tmp_path / "whole")]
    assert scores[0] == scores[1]
    assert scores[0].keys() == {"swd", "brightness"}


def test_a_run_is_judged_without_a_penalty_that_another_process_registered(tmp_path, registered, monkeypatch):
    settings = {}
    exec(SETTINGS, settings)
    config = settings["get_config"]()
    config.update_from_flattened_dict(named("") | {"loss": "hinge", "train.num_steps": 2, "eval.every": 0})
    jaxgan.train(config, tmp_path)
    monkeypatch.delitem(penalties.PENALTIES, "drift")
    (tmp_path / "report.html").unlink()
    report.report_again(tmp_path)
    assert (tmp_path / "report.html").is_file()
    assert saved_health(tmp_path, *saved_config.load_config(tmp_path)).report is not None  # the checks are on


def test_images_need_no_consent_and_scores_do(stopped):
    params = jaxgan.load(stopped)
    assert jaxgan.sample(params, jax.random.key(0), num=2).shape == (2, 6, 6, 1)
    with pytest.raises(jaxgan.UserError, match=r"config\.data\.source of .* is .*mine\.py, a file that would be"):
        evaluate.evaluate_run(stopped)
    own = jaxgan.InMemory(np.random.default_rng(0).integers(0, 256, (40, 6, 6, 1), np.uint8))
    (entry,), _ = evaluate.evaluate_run(stopped, source=own, metrics="swd", num=20, out=stopped.parent / "scores.json")
    (other,), _ = evaluate.evaluate_run(stopped, trust=True, out=stopped.parent / "scores.json")
    assert entry["metrics"]["swd"] == other["metrics"]["swd"]


def test_a_changed_copy_is_refused_and_a_changed_file_reported(stopped, tmp_path):
    run = shutil.copytree(stopped, tmp_path / "run")
    config, data = saved_config.load_config(run)
    (tmp_path / "mine.py").write_text(FILE)
    config.update_from_flattened_dict(named(f"{tmp_path}/mine.py:"))
    fingerprint = saved_config.load_saved(run).fingerprint
    assert saved_config.changes(run, config, data, fingerprint) == {}
    (tmp_path / "mine.py").write_text(f"{FILE}# more\n")
    assert list(saved_config.changes(run, config, data, fingerprint)) == ["mine (the file's content)"]
    (run / "mine.py").write_text(f"{FILE}# more\n")
    refused = call(f"--workdir={run}", "--config.train.num_steps=4", "--trust")
    assert "mine.py is not the file that the run was made with; restore it from a copy" in refused.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("loss=mine.py:loss", "config.loss is 'mine.py', but there is no such file"),
        ("loss={mine}:drift", "the loss 'drift' is Penalty; expected a jaxgan.AdversarialLoss"),
        ("loss=losss", "config.loss is 'losss'; expected one of non_saturating"),
        ("penalty.own={mine}:loss", "the penalty 'loss' is AdversarialLoss; expected a jaxgan.Penalty"),
        ("penalty.own=r1,drifts", "config.penalty.own is 'drifts'; expected one of r1"),
        ("penalty.own_weight=2", "config.penalty.own_weight is 2.0, but without config.penalty.own it has no effect"),
        ("data.source={mine}:nothing", "the source 'nothing' is called with (config_data), which it does not take"),
        ("data.source={mine}:brightness", "source= is dict; expected an object with info"),
        ("eval.metrics={mine}:nothing", "the measure 'nothing' is called with (given), which it does not take"),
        ("eval.features={mine}:nothing", "the feature function 'nothing' is called with (images), which"),
        ("loss={other}:loss", "mine.py, but a run keeps another file as mine.py; rename one of them"),
    ],
)
def test_mistakes_end_in_one_sentence(change, sentence, tmp_path):
    mine, other = tmp_path / "mine.py", tmp_path / "other" / "mine.py"
    other.parent.mkdir()
    mine.write_text(FILE.replace('"brightness": float(given.images.mean())', "") + "def nothing():\n    pass\n")
    other.write_text(FILE)
    (tmp_path / "settings.py").write_text(SETTINGS)
    source = [] if change.startswith("data") else [f"--config.data.source={mine}:noise"]
    flag = f"--config.{change.format(mine=mine, other=other)}"
    done = call(f"--config={tmp_path}/settings.py", f"--workdir={tmp_path}/run", *source, flag)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert sentence in done.stderr
    assert not list(tmp_path.glob("run/checkpoints/*"))


def test_the_weights_of_a_penalty_are_scaled():
    one = jaxgan.Penalty("mine", 0.5, lambda score, real, fake, key: key, ("real",))
    try:
        jaxgan.register_penalty(one)
        found = penalties.from_weights({"r2": 3.0, "own": "mine", "own_weight": 4.0})
        assert [(found.name, found.weight) for found in found] == [("r2", 3.0), ("mine", 2.0)]
    finally:
        penalties.PENALTIES.pop("mine", None)
    with pytest.raises(jaxgan.UserError, match=r"'r1' is to be a name for config\.penalty\.own"):
        jaxgan.register_penalty(jaxgan.Penalty("r1", 1.0, one.value, ("real",)))
