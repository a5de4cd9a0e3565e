import numpy as np
import programs
import pytest
from PIL import Image

from jaxgan.views import curves

BLUE, RED = (31, 119, 180), (214, 39, 40)


def colours_of(path):
    with Image.open(path) as image:
        assert image.size == (900, 600)
        return {tuple(c[:3]) for c in np.unique(np.asarray(image).reshape(-1, 4), axis=0)}


@pytest.fixture(autouse=True)
def _drawn(monkeypatch):
    """Draw each time, where runs share charts (see `programs`)."""
    monkeypatch.setattr(curves, "save_losses", programs._save_losses)


def test_losses_are_drawn(tmp_path):
    rows = [{"step": s, "g/loss": s / 10, "d/loss": 0.5, "g/acc": 0.1, "d/acc": 0.9} for s in (10, 20)]
    path = tmp_path / "losses.png"
    curves.save_losses(path, rows)
    assert {BLUE, RED} <= colours_of(path)
    assert [p.name for p in tmp_path.iterdir()] == ["losses.png"]


def test_one_row_without_accuracies_is_drawn(tmp_path):
    curves.save_losses(tmp_path / "a.png", [{"step": 10, "g/loss": 0.7, "d/loss": 0.5}])
    assert {BLUE, RED} <= colours_of(tmp_path / "a.png")


NOISE = 0.69 + 0.002 * np.random.default_rng(0).standard_normal(500)


def test_noise_is_not_zoomed_into_a_trend():
    low, high = curves.loss_limits(NOISE)
    assert (low, high) == (0, pytest.approx(1.05))
    low, high = curves.loss_limits(NOISE - 5)
    assert high - low == pytest.approx(1, abs=0.05)
    assert (low + high) / 2 == pytest.approx(-4.31, abs=0.01)


def test_positive_losses_start_at_zero_and_all_of_a_trend_is_shown():
    losses = np.linspace(8, 2, 500)
    assert curves.loss_limits(losses) == (0, pytest.approx(8.4))


def test_negative_losses_are_all_shown():
    losses = np.linspace(-40, 3, 500)
    low, high = curves.loss_limits(losses)
    assert low < -40 < 3 < high < 10


def test_single_spikes_do_not_rule_the_axis():
    spiky = NOISE.copy()
    spiky[[7, 300]] = 900, np.inf
    assert curves.loss_limits(spiky)[1] < 2
    assert curves.loss_limits(-spiky)[0] > -3


def test_few_values_are_all_shown():
    assert curves.loss_limits(np.array([0.1, 5.0]))[1] > 5
    assert curves.loss_limits(np.array([np.nan])) == (0, 1)
