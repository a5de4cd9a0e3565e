"""What a follower knows of the features that a run is scored with."""

import json

import jax
import numpy as np
import pytest
import tiny

from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.runs.evaluate import create_evaluator
from jaxgan.runs.processes import follower, team
from jaxgan.runs.setup import create_setup
from jaxgan.training.gan import generator_params


@pytest.fixture
def said(monkeypatch):
    """Two processes; what this one says, and the other answers with."""
    said, answers = [], []

    def say_all(text):
        said.append(text)
        text = text or json.dumps(["", [3, 1]])  # the leader's
        return [text, answers.pop(0)] if answers else [text, text]

    for module in team, follower:
        monkeypatch.setattr(module, "say_all", say_all)
    monkeypatch.setattr(team.parallel, "num_processes", lambda: 2)
    monkeypatch.setattr(team.peers, "watch", lambda: None)
    monkeypatch.setattr(team, "share", lambda state: state)
    return said, answers


def make_setup(tmp_path):
    (tmp_path / "own.py").write_text("def embed(images):\n    return images.mean((1, 2)) / 255\n")
    config = tiny.get_config()
    config.eval.update(every=2, num=20, features=f"{tmp_path}/own.py:embed")
    return create_setup(config, data.open_source(config.data), jax.devices()[:1])


def test_a_follower_without_the_features_leaves_them_to_the_leader(tmp_path, said, monkeypatch):
    monkeypatch.setattr(team, "exchange", lambda number: exchanged.append(number))
    exchanged, setup = [], make_setup(tmp_path)
    evaluator = create_evaluator(setup.config)
    crew, state = team.Team(), setup.new_state()
    crew.start(state, evaluator)
    digest = evaluator.reference.net.digest
    assert said[0] == [json.dumps([evaluator.data_digest, evaluator.class_counts]), digest]
    spread = crew.share(evaluator)
    monkeypatch.setattr(team, "spread", lambda function, items: "shared out")
    assert spread.look(len, ["a", "bc"]) == "shared out"
    said[1].extend(["", "none"])
    crew.start(state, evaluator)
    assert list(spread.look(len, ["a", "bc"])) == [1, 2]
    assert spread.make(len, ["a", "bc"]) == "shared out"
    assert exchanged == [0, team.FEATURES, 0, team.IMAGES]


def test_a_follower_says_which_features_it_has(tmp_path, said):
    setup = make_setup(tmp_path)
    follower.Helper(setup)
    assert len(said[0][1]) == 16
    (tmp_path / "own.py").write_text("import no_such_package")
    follower.Helper(setup)
    (tmp_path / "own.py").unlink()
    follower.Helper(setup)
    assert said[0][3::2] == ["none", "none"]


def test_a_follower_does_its_share_until_a_step_comes(tmp_path, said, monkeypatch):
    setup = make_setup(tmp_path)
    helper, state = follower.Helper(setup), setup.new_state()
    expected, _ = create_evaluator(setup.config).images(generator_params(setup.gan, state.ema))
    words, seen = [team.IMAGES, team.FEATURES, team.GO, team.IMAGES, team.END], []

    class Crew:
        def hear(self, stop):
            return words.pop(0)

    def spread(function, items):
        results = list(map(function, items))
        seen.append(results)
        return results

    monkeypatch.setattr(follower, "spread", spread)
    assert helper.help(Crew(), state, None)
    np.testing.assert_array_equal(seen[0][0][0], expected)
    np.testing.assert_allclose(seen[1][0][0], expected.mean((1, 2)) / 255, rtol=1e-6)

    def refuse(function, items):
        raise UserError("process 0: no memory")

    monkeypatch.setattr(follower, "spread", refuse)
    assert not helper.help(Crew(), state, None)
    assert words == []
