"""Evaluation of whole runs; the figures themselves are tested in tests/metrics."""

import errno
import json
import os
import shutil
import signal

import jax
import numpy as np
import pytest
import systems
import tiny
from cli import call
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.base import files
from jaxgan.rundir import checkpoint, metrics_log, steps
from jaxgan.rundir.evaluations import read_evaluations
from jaxgan.runs import evaluate
from jaxgan.runs.record import score_table


def config(**train):
    cfg = tiny.get_config()
    cfg.train.num_devices = 1
    cfg.train.num_steps = 6
    cfg.train.keep_checkpoints = 1
    cfg.train.log_every = 1
    cfg.eval.every, cfg.eval.num, cfg.eval.metrics = 2, 40, "swd"
    cfg.train.update(train)
    return cfg


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("evaluated") / "run"
    jaxgan.train(config(), run)
    return run


def test_training_scores_where_it_is_due_and_at_the_end(finished):
    entries = read_evaluations(finished)
    assert [entry["step"] for entry in entries] == [2, 4, 6]
    assert {"num", "split", "protocol", "seed", "floor", "features", "main", "seconds"} <= entries[0].keys()
    assert entries[0]["num"] == 40
    rows = {row["step"]: row for row in metrics_log.read_metrics(finished)}
    assert rows[4]["eval/swd"] == entries[1]["metrics"]["swd"]
    assert "eval/swd" not in rows[3]


def test_the_best_checkpoint_is_kept_beside_the_newest(finished):
    entries = read_evaluations(finished)
    best = min(entries, key=lambda entry: entry["metrics"]["swd"])["step"]
    assert {int(p.name) for p in (finished / "checkpoints").iterdir()} == {best, 6}
    one, two = (jaxgan.load(finished, step=step, trust=True) for step in ("best", best))
    jax.tree.map(np.testing.assert_array_equal, one, two)


def test_the_best_by_scores_of_before_is_kept_too(tmp_path):
    cfg = config(num_steps=4)
    jaxgan.train(cfg, tmp_path)
    before = steps.find_step(tmp_path, "best")
    cfg.eval.num, cfg.train.num_steps = 47, 8
    jaxgan.train(cfg, tmp_path)
    assert set(steps.saved_steps(tmp_path)) == {before, steps.find_step(tmp_path, "best"), 8}


def test_figures_do_not_depend_on_when_they_are_computed(finished):
    (again,), _ = evaluate.evaluate_run(finished, 6, trust=True)
    trained = read_evaluations(finished)[-1]["metrics"]
    assert again["metrics"]["swd"] == trained["swd"]
    assert {name: again["metrics"][name] for name in trained} == trained


def test_a_resumed_run_has_the_evaluations_of_an_unbroken_one(finished, tmp_path):
    jaxgan.train(config(num_steps=3), tmp_path)
    jaxgan.train(config(), tmp_path)

    def untimed(entries):
        return [{k: v for k, v in entry.items() if k != "seconds"} for entry in entries if entry["step"] in (2, 4, 6)]

    assert untimed(read_evaluations(tmp_path)) == untimed(read_evaluations(finished))


def test_command_prints_a_table_and_adds_to_the_file(finished):
    done = call("--mode=evaluate", f"--workdir={finished}", "--num=20", "--step=all", "--trust")
    assert done.returncode == 0, done.stderr
    assert "floor" in done.stdout.splitlines()[0]
    assert any(line.startswith("swd ") for line in done.stdout.splitlines())
    entries = json.loads((finished / "evaluation.json").read_text())
    assert {entry["num"] for entry in entries} == {20, 40}
    assert "report.html" in done.stdout


def test_own_code_in_a_run_needs_consent(finished):
    with pytest.raises(ValueError, match="--trust"):
        evaluate.evaluate_run(finished, 6, num=20)


def test_features_may_be_named_afterwards(finished, tmp_path):
    (tmp_path / "mine.py").write_text("def embed(images):\n    return images.mean((1, 2)) / 255\n")
    features = f"--config.eval.features={tmp_path / 'mine.py'}:embed"
    done = call("--mode=evaluate", f"--workdir={finished}", "--num=20", "--trust", features, "--config.eval.metrics=fd")
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("fd_embed ") for line in done.stdout.splitlines())
    assert not any(line.startswith("nearest") for line in done.stdout.splitlines())
    done = call("--mode=evaluate", f"--workdir={finished}", "--trust", "--config.eval.num=20")
    assert "--config.eval.num means nothing to --mode=evaluate" in done.stderr


@pytest.mark.long
def test_measures_that_need_classes_are_refused_at_the_start(tmp_path):
    cfg = config()
    cfg.data.update(source="mnist", image_size=28, channels=1, skip=59_800)
    cfg.eval.every, cfg.eval.num, cfg.eval.metrics = 2, 40, "class_accuracy"
    with pytest.raises(ValueError, match="'class_accuracy' needs the classes that were asked for"):
        jaxgan.train(cfg, tmp_path / "run")
    assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_a_resumed_run_executes_nothing_without_consent(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "mine.py").write_text("def embed(images):\n    raise SystemExit('executed')\n")
    content = json.loads((tmp_path / "run" / "config.json").read_text())
    content["config"] |= {"gan": "gan_mlp", "model": {"latent_size": 2, "latent_law": "normal", "hidden": 2}}
    content["config"]["eval"] |= {"features": f"{tmp_path}/mine.py:embed", "every": 1}
    (tmp_path / "run" / "config.json").write_text(json.dumps(content))
    done = call(f"--workdir={tmp_path}/run", "--config.train.num_steps=9")
    assert done.returncode == 1
    assert "a file that would be executed" in done.stderr


def test_a_resumed_run_sees_each_evaluation_once(tmp_path):
    jaxgan.train(config(num_steps=4), tmp_path)
    logged = []
    jaxgan.train(config(), tmp_path, on_log=lambda row: logged.append(row["step"]))
    assert logged == [5, 6, 6]  # once more with its scores


def test_what_steps_are_compared_by_is_always_measured():
    cfg = config()
    cfg.eval.metrics = "nearest"
    assert evaluate.create_evaluator(cfg, num=20).floor.scores.keys() == {"nearest", "swd"}


def test_a_stop_does_not_wait_for_scores_and_a_resumed_run_has_them(finished, tmp_path, monkeypatch):
    order = []
    save, score = checkpoint.Checkpoints.save, evaluate.Evaluator.evaluate

    def saved(self, step, *args):
        order.append(("save", step))
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return save(self, step, *args)

    monkeypatch.setattr(checkpoint.Checkpoints, "save", saved)
    monkeypatch.setattr(
        evaluate.Evaluator, "evaluate", lambda self, p, step: order.append(("score", step)) or score(self, p, step)
    )
    state = jaxgan.train(config(), tmp_path)
    assert int(state.step) == 4
    assert order == [("save", 2), ("score", 2), ("save", 3), ("save", 4)]
    monkeypatch.undo()
    jaxgan.train(config(), tmp_path)
    rows = [
        {row["step"]: {k: v for k, v in row.items() if k.startswith("eval/")} for row in metrics_log.read_metrics(run)}
        for run in (tmp_path, finished)
    ]
    assert rows[0] == rows[1]


def test_one_evaluation_of_another_kind_leaves_the_best_alone(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    best = steps.find_step(tmp_path / "run", "best")
    evaluate.evaluate_run(tmp_path / "run", "latest", num=20, trust=True)
    evaluate.evaluate_run(tmp_path / "run", "latest", weights="raw", num=40, trust=True)
    assert steps.find_step(tmp_path / "run", "best") == best


def test_damaged_steps_are_left_out(finished, tmp_path, capfd):
    shutil.copytree(finished, tmp_path / "run")
    *_, newest = steps.saved_steps(tmp_path / "run")
    shutil.copytree(tmp_path / "run" / "checkpoints" / str(newest), tmp_path / "run" / "checkpoints" / "99")
    (done,), _ = evaluate.evaluate_run(tmp_path / "run", "latest", num=20, trust=True)
    assert done["step"] == newest
    done, _ = evaluate.evaluate_run(tmp_path / "run", "all", num=20, trust=True)
    assert [entry["step"] for entry in done] == steps.saved_steps(finished)
    assert capfd.readouterr().err.count("it is left out") == 2
    with pytest.raises(ValueError, match="a copy of step"):
        evaluate.evaluate_run(tmp_path / "run", 99, num=20, trust=True)


def test_scores_of_a_run_that_cannot_be_written_are_printed(finished, monkeypatch):
    def refuse(path, content):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files, "write", refuse)
    done = call("--mode=evaluate", f"--workdir={finished}", "--num=20", "--trust")
    assert done.returncode == 0, done.stderr
    assert any(line.startswith("swd ") for line in done.stdout.splitlines())
    assert "wrote" not in done.stdout
    assert "the scores of step 6 could not be written" in done.stderr
    assert "--out=FILE.json writes them elsewhere" in done.stderr


@pytest.mark.parametrize("place", ["evaluation.json", "report.html", "out.json"])
def test_what_could_not_be_written_is_not_named(finished, tmp_path, place):
    shutil.copytree(finished, tmp_path / "run")
    out = [f"--out={tmp_path / 'run' / place}"] if place == "out.json" else []
    (tmp_path / "run" / place).unlink(missing_ok=True)
    (tmp_path / "run" / place).mkdir()
    done = call("--mode=evaluate", f"--workdir={tmp_path / 'run'}", "--num=20", "--trust", *out)
    assert done.returncode == (1 if out else 0), done.stderr  # what was asked for is not there
    assert any(line.startswith("swd ") for line in done.stdout.splitlines())
    assert place in done.stderr or "report" in done.stderr
    assert place not in done.stdout


def test_scores_go_where_they_are_asked_to(finished, tmp_path):
    before = (finished / "evaluation.json").read_bytes()
    (done,), _ = evaluate.evaluate_run(finished, num=30, out=tmp_path / "new" / "scores.json", trust=True)
    assert json.loads((tmp_path / "new" / "scores.json").read_text()) == [done]
    assert (finished / "evaluation.json").read_bytes() == before
    with pytest.raises(ValueError, match=r"scores\.csv has no ending that scores are written to; use \.json"):
        evaluate.evaluate_run(finished, out="scores.csv", trust=True)


@pytest.mark.parametrize(
    ("num", "metrics", "features", "least"), [(1, "", "none", 2), (11, "", "embed", 12), (1, "swd", "none", 2)]
)
def test_few_images_end_in_a_sentence(num, metrics, features, least, tmp_path):
    class Few:
        info = jaxgan.DataInfo((8, 8, 1), num, None)

        def read(self, indices):
            return np.random.default_rng(0).integers(0, 256, (len(indices), 8, 8, 1), np.uint8), indices

    (tmp_path / "own.py").write_text("def embed(images):\n    return images.mean((1, 2)) / 255\n")
    cfg = config()
    cfg.eval.metrics, cfg.eval.features = metrics, features.replace("embed", f"{tmp_path}/own.py:embed")
    with pytest.raises(ValueError, match=rf"the data have {num} images to .* takes {least} or more; .*eval\.every=0"):
        evaluate.create_evaluator(cfg, Few())
    Few.info = jaxgan.DataInfo((8, 8, 1), least, None)
    assert evaluate.create_evaluator(cfg, Few()).floor.scores


def test_the_page_keeps_what_samples_resemble_most(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    page = tmp_path / "run" / "report.html"
    before = page.read_text().count("<img")
    assert call("--mode=evaluate", f"--workdir={tmp_path}/run", "--num=20", "--trust").returncode == 0
    assert page.read_text().count("<img") == before > 10


def test_what_cannot_be_is_refused(finished):
    with pytest.raises(ValueError, match="--seed is -1"):
        evaluate.evaluate_run(finished, seed=-1, trust=True)
    with pytest.raises(ValueError, match=r"config\.eval\.fid is 'other'"):
        evaluate.evaluate_run(finished, fid="other", trust=True)


def test_features_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text("def embed(images):\n    return images.mean((1, 2)) / 255\n")
    cfg = config()
    cfg.eval.features, cfg.eval.metrics = f"{tmp_path}/mine.py:embed", "fd"
    evaluator = evaluate.create_evaluator(cfg, num=50)
    assert evaluator.main == "fd_embed"
    features = evaluator.reference.images.mean((1, 2)) / 255
    assert 0 <= evaluator.floor.scores["fd_embed"] < features.var(0).sum()  # parts of one set lie within its spread


def test_classes_are_asked_for_as_often_as_the_data_have_them():
    class Unbalanced:
        info = jaxgan.DataInfo((8, 8, 1), 100, 2)

        def read(self, indices):
            labels = np.int32(indices >= 90)
            return np.uint8(255 * labels[:, None, None, None] * np.ones((1, 8, 8, 1))), labels

    cfg = jaxgan.get_config("mnist_classes")
    cfg.model.update(g_widths=(4, 4), d_widths=(4, 4))
    cfg.data.update(source="synthetic", image_size=8)
    source = Unbalanced()
    gan = jaxgan.build(cfg, source.info)
    params = jaxgan.generator_params(gan, systems.initialise(gan).ema)
    _, labels = evaluate.create_evaluator(cfg, source, num=40).images(params)
    assert np.bincount(labels).tolist() == [36, 4]


class Ones:
    """Images of one's own; `config.data` names others."""

    info = jaxgan.DataInfo((8, 8, 3), 100, None)

    def read(self, indices):
        return np.full((len(indices), 8, 8, 3), 255, np.uint8), np.zeros(len(indices), np.int32)


@pytest.mark.long
def test_images_that_a_run_was_not_trained_on_are_refused(tmp_path):
    cfg = config(num_steps=2)
    jaxgan.train(cfg, tmp_path, source=Ones())
    with pytest.raises(ValueError, match=r"where the run has 100 .*in Python, if source= gave them"):
        evaluate.evaluate_run(tmp_path, trust=True)


def test_a_run_of_images_from_python_is_scored_against_them(tmp_path):
    rng = np.random.default_rng(0)
    mine = jaxgan.InMemory(rng.integers(0, 256, (60, 8, 8, 1), np.uint8))
    jaxgan.train(config(num_steps=2), tmp_path, source=mine)
    in_training = read_evaluations(tmp_path)[-1]["metrics"]
    (scores,), _ = jaxgan.evaluate_run(tmp_path, source=mine, trust=True)
    assert scores["metrics"]["swd"] == in_training["swd"]
    other = jaxgan.InMemory(rng.integers(0, 256, (60, 8, 8, 1), np.uint8))
    with pytest.raises(jaxgan.UserError, match="but other ones than the run has"):
        jaxgan.evaluate_run(tmp_path, source=other, trust=True)


@pytest.mark.long
@pytest.mark.parametrize("source", ["auto", "mnist", "idx"])
def test_images_of_ones_own_are_scored_whatever_the_preset_reads(tmp_path, source):
    """Presets of data.source=auto ended in a traceback, for they looked for a path."""
    cfg = config(num_steps=2)
    cfg.data.source = source
    jaxgan.train(cfg, tmp_path, source=Ones())
    assert [entry["step"] for entry in read_evaluations(tmp_path)] == [2]
    assert evaluate.create_evaluator(cfg, Ones()).evaluate(jaxgan.load(tmp_path, trust=True), 2)["metrics"]["swd"] >= 0
    with pytest.raises((jaxgan.UserError, FileNotFoundError), match=r"source= gave them|data\.path is ''"):
        evaluate.evaluate_run(tmp_path, trust=True)


def test_images_of_ones_own_have_no_test_split():
    cfg = jaxgan.get_config("gan_mlp")
    assert evaluate.held_out(cfg, Ones()) is None
    assert evaluate.held_out(cfg, data.open_source(cfg.data)) is not None


def test_presets_for_own_images_take_them_from_python_too():
    cfg = jaxgan.get_config("images64")
    cfg.eval.features = cfg.eval.metrics = ""
    assert evaluate.create_evaluator(cfg, Ones(), num=40).num == 40
    with pytest.raises(FileNotFoundError, match=r"data.path is ''"):
        data.open_source(cfg.data)


@pytest.mark.long
def test_scores_that_are_made_otherwise_begin_anew(tmp_path):
    cfg = config(num_steps=4)
    cfg.early_stop.metric, cfg.early_stop.patience = "eval/swd", 2
    cfg.optim.g.learning_rate = cfg.train.ema_decay = 0.0
    jaxgan.train(cfg, tmp_path)
    cfg.eval.num += 7
    cfg.train.num_steps = 100
    after = jaxgan.train(cfg, tmp_path)
    assert 10 <= int(after.step) < 100  # the first of its kind at step 6, and two that are no better


def test_early_stopping_by_a_score(tmp_path, capfd):
    cfg = config(num_steps=100)
    cfg.early_stop.metric, cfg.early_stop.patience = "eval/swd", 1
    cfg.optim.g.learning_rate = 0.0
    cfg.train.ema_decay = 0.0
    state = jaxgan.train(cfg, tmp_path)
    assert 4 <= int(state.step) <= 6
    assert "no better eval/swd" in capfd.readouterr().err
    cfg.early_stop.metric = "eval/swdd"
    with pytest.raises(ValueError, match='Did you mean "eval/swd"'):
        jaxgan.train(cfg, tmp_path / "new")


def test_images_without_labels_have_no_features_to_learn(tmp_path):
    for number in range(3):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(tmp_path / f"{number}.png")
    cfg = config()
    cfg.data.update(source="folder", path=str(tmp_path), image_size=8)
    with pytest.raises(ValueError, match="have no labels to learn features from"):
        evaluate.train_features(cfg)


def test_the_table_says_which_way_is_better():
    table = score_table.table(
        [{"step": 5, "metrics": {"fd": 1.5, "recall": 1}, "floor": {"fd": 0.5}, "protocol": "p", "features": None}]
    )
    assert [line.split() for line in table[:2]] == [["step", "5", "floor", "better"], ["fd", "1.5", "0.5", "lower"]]
    assert table[2].split() == ["recall", "1", "higher"]


def test_the_spread_over_runs_is_that_of_numpy():
    values = np.random.default_rng(0).normal(900, 10, (3, 2))
    lines = score_table.over_runs([{"metrics": {"fd": first, "recall": second}} for first, second in values])
    assert lines[0].split() == ["3", "runs", "mean", "std", "better"]
    for line, name, of, way in zip(lines[1:], ("fd", "recall"), values.T, ("lower", "higher"), strict=True):
        assert line.split() == [name, f"{of.mean():.4g}", f"{of.std(ddof=1):.4g}", way]


def test_report_is_written_and_holds_the_scores(finished):
    page = (finished / "report.html").read_text()
    assert "swd" in page
    assert "<script" in page
