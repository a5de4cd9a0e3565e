import math

import pytest

from jaxgan.runs.health import detectors


def see(sign, name, values, every=100):
    """Show values of one column, a row every so many steps, and return (step, severity) of what is found."""
    found = [sign.update({"step": every * i, name: value}) for i, value in enumerate(values, 1)]
    return [(finding.step, finding.severity) for finding in found if finding]


def test_a_sign_needs_several_windows_in_a_row():
    low, high = 0.05, 0.5
    assert see(detectors.alike(), detectors.DIVERSITY, [low, low, high, low, low, high]) == []
    assert see(detectors.alike(), detectors.DIVERSITY, [high, low, low, low]) == [(400, "warning")]


def test_a_warning_that_stays_becomes_an_error():
    found = see(detectors.duplicates(), detectors.NEAREST, [0.05] * detectors.LOST)
    assert found[0] == (300, "warning")
    assert found[-1] == (100 * detectors.LOST, "error")
    assert [severity for _, severity in found].count("error") == 1


@pytest.mark.parametrize("every", [1, 7, 20, 50])
def test_windows_are_means_so_that_single_batches_do_not_count(every):
    values = [0.12 if i % 2 else 0.0 for i in range(1000 // every)]  # every other one is above the threshold
    found = see(detectors.alike(), detectors.DIVERSITY, values, every)
    assert found
    assert 300 <= found[0][0] <= 330


def test_rows_far_apart_are_windows_of_their_own():
    assert see(detectors.alike(), detectors.DIVERSITY, [0.05] * 3, every=5_000) == [(15_000, "warning")]


def test_numbers_that_are_missing_or_not_finite_are_passed_over():
    values = [0.05, None, math.nan, 0.05, "text", 0.05]
    assert see(detectors.alike(), detectors.DIVERSITY, values) == [(600, "warning")]


def test_collapsed_looks_back():
    rising = [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]
    assert see(detectors.collapsed("x"), "x", [*rising, 0.35, 0.35, 0.35, 0.35]) == []
    assert see(detectors.collapsed("x"), "x", [*rising, 0.3, 0.3, 0.3]) == [(900, "error")]
    assert see(detectors.collapsed("x"), "x", [0.9, 0.3, 0.3, 0.3, 0.3]) == []  # 0.9 did not last
    assert see(detectors.collapsed("x"), "x", [0.05] * 20) == []  # was never higher


def test_exploded_is_measured_by_what_was_usual():
    assert see(detectors.exploded("g/loss"), "g/loss", [3.0] * 5 + [60.0] * 3) == [(800, "error")]
    assert see(detectors.exploded("g/loss"), "g/loss", [3.0] * 5 + [30.0] * 3) == []
    assert see(detectors.exploded("g/loss"), "g/loss", [-0.1] * 5 + [-5.0] * 5) == []  # small losses are no measure
    drift = [0.1 * i for i in range(300)]  # a Wasserstein loss
    assert see(detectors.exploded("d/loss"), "d/loss", drift) == []


def fooled(weight=0.0, **row):
    sign = detectors.fooled(2 * math.log(2), weight)
    found = [sign.update({"step": step, **row}) for step in (100, 200, 300)]
    return found[-1]


def test_fooled_needs_belief_and_a_loss_no_better_than_a_guess():
    # Numbers of a frozen D, of a weak D of a healthy run, and of a D in balance.
    frozen = fooled(**{"g/acc": 1.0, "d/loss_real": 0.70, "d/loss_fake": 0.80})
    assert frozen is not None
    assert "100.0%" in frozen.sentence
    assert "from step 0 to 300" in frozen.sentence
    assert fooled(**{"g/acc": 1.0, "d/loss_real": 0.4, "d/loss_fake": 0.87}) is None
    assert fooled(**{"g/acc": 0.5, "d/loss_real": 0.70, "d/loss_fake": 0.70}) is None


def test_fooled_leaves_class_losses_out():
    row = {"g/acc": 1.0, "d/loss_real": 2.3, "d/loss_fake": 2.9, "d/class_real": 2.0, "d/class_fake": 2.1}
    assert fooled(weight=1.0, **row) is None
    assert fooled(weight=0.5, **row) is not None


def test_certain_needs_both():
    for loss, right, speaks in ((20.0, 1.0, True), (5.6, 1.0, False), (20.0, 0.9, False)):
        sign = detectors.certain()
        found = [sign.update({"step": 500 * i, "g/loss": loss, "d/acc": right}) for i in range(1, 5)]
        assert any(found) == speaks


def test_columns_that_are_watched_for_themselves():
    assert [detectors.of_column(name) is not None for name in ("g/loss", "d/loss", "eval/class_entropy")] == [True] * 3
    assert detectors.of_column("d/acc") is None


@pytest.mark.parametrize("name", ["eval/memorised", "eval/repeated"])
def test_memorised_and_repeated_stay_warnings(name):
    sign = detectors.of_column(name)
    assert see(sign, name, [0.1, 0.14] * 5, every=1_000) == []
    found = see(sign, name, [0.4] * 30, every=1_000)
    assert found
    assert {severity for _, severity in found} == {"warning"}


def test_trend():
    def found(values):
        trend = detectors.Trend("fd")
        return [finding.step for i, v in enumerate(values, 1) if (finding := trend.update({"step": i, "fd": v}))]

    # StudioGAN's DCGAN on CIFAR-10 went from 49 to 137.
    assert found([90, 60, 49, 70, 80, 100, 120, 137])[0] == 7
    assert found([90, 60, 49, 60, 70, 60, 73, 80, 70]) == []
    assert found([50, 49, 48, 47]) == []


def test_trend_without_a_metric_is_silent():
    assert detectors.Trend("").update({"step": 1, "": 2.0}) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_finite(bad):
    finding = detectors.not_finite({"step": 7, "g/loss": bad, "d/loss": 1.0, "name": "nan"})
    assert finding is not None
    assert (finding.step, finding.severity) == (7, "error")
    assert list(finding.evidence) == ["g/loss"]
    assert detectors.not_finite({"step": 7, "g/loss": 1.0, "epoch": 3}) is None
