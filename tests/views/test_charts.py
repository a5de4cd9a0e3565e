import math

import numpy as np
import pytest

from jaxgan.views import charts

LOSSES = {"g/loss": 1.0, "d/loss": 0.5, "d/loss_real": 0.2, "d/loss_fake": 0.3}


def rows(num, **columns):
    return [{"step": 10 * i, "seconds": i, "images_per_sec": 100.0} | columns for i in range(1, num + 1)]


def test_columns_that_measure_the_same_share_a_chart():
    one = LOSSES | {
        "d/acc": 0.9,
        "g/acc": 0.1,
        "d/grad_norm": 2.0,
        "g/grad_norm": 3.0,
        "sample/diversity": 0.9,
        "x": 1.0,
    }
    drawn = {chart["title"]: [line["name"] for line in chart["series"]] for chart in charts.of_rows(rows(2, **one))}
    assert drawn == {
        "Loss": ["generator", "discriminator", "discriminator, generated", "discriminator, real images"],
        "Accuracy": ["generator", "discriminator"],
        "Samples of fixed latents": ["diversity"],
        "Grad norm": ["generator", "discriminator"],
        "X": ["x"],
        "Speed": ["images a second"],
    }


@pytest.mark.parametrize(("of_real", "shown"), [(0.9, []), (0.8, ["Accuracy"])])
def test_accuracies_that_are_all_the_same_figure_are_one_curve(of_real, shown):
    """As of relative losses, of which D's accuracies on real and on generated images are that of pairs."""
    one = {"d/acc": 0.9, "d/acc_real": of_real, "d/acc_fake": 0.9, "g/acc": 0.1}
    drawn = {chart["title"]: [line["name"] for line in chart["series"]] for chart in charts.of_rows(rows(2, **one))}
    assert [title for title, lines in drawn.items() if len(lines) == 4] == shown
    assert len(drawn["Accuracy"]) in (1, 4)


def test_a_constant_learning_rate_is_no_chart_and_a_moving_one_is():
    assert [chart["title"] for chart in charts.of_rows(rows(3, **{"g/lr": 1e-4}))] == ["Speed"]
    moving = [row | {"g/lr": 1e-4 / i} for i, row in enumerate(rows(3), 1)]
    assert "Learning rate" in [chart["title"] for chart in charts.of_rows(moving)]


def test_thinning_keeps_every_spike_and_the_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(size=20_011)
    values[[777, 15_003]] = 50, -70
    line = charts.series("x", list(enumerate(values)))
    points = [point if len(point) == 4 else [*point, point[1], point[1]] for point in line["points"]]
    assert len(points) <= charts.BUCKETS
    assert (min(p[2] for p in points), max(p[3] for p in points)) == (-70, 50)
    for step, spike in (777, 50), (15_003, -70):
        assert any(spike in point[2:] and 0 <= point[0] - step <= 20_011 / charts.BUCKETS + 1 for point in points)
    width = math.ceil(len(values) / charts.BUCKETS)
    np.testing.assert_allclose(points[3][1], values[3 * width : 4 * width].mean(), rtol=1e-4)
    assert points[-1][0] == 20_010


def test_short_runs_are_not_thinned():
    line = charts.series("x", [(i, float(i)) for i in range(charts.BUCKETS)])
    assert line["points"] == [[i, i] for i in range(charts.BUCKETS)]


def test_numbers_that_are_not_finite_leave_a_gap_and_are_marked():
    line = charts.series("x", [(1, 2.0), (2, math.nan), (3, 4.0), (4, -math.inf)])
    assert line["points"] == [[1, 2], [2, None], [3, 4], [4, None]]
    assert line["bad"] == [2, 4]


def test_wide_losses_start_on_a_logarithmic_axis():
    loss = charts.of_rows([{"step": 1, "g/loss": 0.01}, {"step": 2, "g/loss": 3.0}])[0]
    assert loss["log"]
    assert loss["positive"]
    flat = charts.of_rows([{"step": 1, "g/loss": -1.0}, {"step": 2, "g/loss": 300.0}])[0]
    assert not flat["log"]
    assert not flat["positive"]


@pytest.mark.parametrize("odd", [None, "text", True, [1]])
def test_what_is_no_number_is_no_curve(odd):
    assert charts.of_rows([{"step": 1, "x": odd}]) == []


def test_scores_of_different_protocols_are_different_curves():
    evaluations = [
        {"step": 1, "num": 1_000, "split": "test", "metrics": {"fd": 9.0}, "floor": {"fd": 1.0}},
        {"step": 2, "num": 1_000, "split": "test", "metrics": {"fd": 8.0, "recall": 0.5}, "floor": {"fd": 1.0}},
        {"step": 2, "num": 9_000, "split": "test", "metrics": {"fd": 7.0}},
    ]
    fd, recall = charts.of_evaluations(evaluations, {"fd": "min", "recall": "max"})
    assert (fd["title"], fd["unit"], recall["unit"]) == ("fd", "lower is better", "higher is better")
    assert [(line["name"], line["points"], line["dashed"]) for line in fd["series"]] == [
        ("1,000 images, against test", [[1, 9], [2, 8]], False),
        ("9,000 images, against test", [[2, 7]], False),
        ("real against real", [[1, 1], [2, 1]], True),
    ]


def test_scores_of_other_statistics_are_curves_of_their_own_and_say_so():
    usual = {"step": 1, "num": 40, "split": "train", "metrics": {"swd": 0.3}}
    made = [
        usual | {"ema_stats": "average", "weights": "ema"},
        usual | {"ema_stats": "standing"},
        usual | {"weights": "raw"},
    ]
    (chart,) = charts.of_evaluations([usual, *made], {})
    names = [line["name"] for line in chart["series"] if not line.get("dashed")]
    plain = "40 images, against train"
    assert names == [plain, f"{plain}, BatchNorm recalibrated", f"{plain}, raw weights"]


def test_nothing_gives_no_charts():
    assert charts.of_rows([]) == charts.of_evaluations([], {}) == []
