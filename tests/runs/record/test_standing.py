"""Sentences on how far a run has come."""

import pytest

from jaxgan.rundir.evaluations import IN_TRAINING
from jaxgan.runs.record.standing import standing

# A run of two processes: the second one began to count anew after step 200.
ROWS = [
    {"step": step, "seconds": seconds} for step, seconds in ((100, 60), (200, 120), (300, 60), (400, 180), (500, 240))
]


def entries(*scores, **more):
    return [
        {"step": 100 * i, "main": "kid_imagenet", "metrics": {"kid_imagenet": score, **more}, IN_TRAINING: True}
        for i, score in enumerate(scores, 1)
    ]


def test_nothing_is_said_without_scores_of_the_training():
    assert standing([], ROWS) == []
    assert standing([{**entries(1.0)[0], IN_TRAINING: False}], ROWS) == []


@pytest.mark.parametrize(
    ("scores", "sentences"),
    [
        ((2.0, 1.5), ["It still improves: 25% lower than the best before."]),
        ((2.0, 1.5, 1.6), ["The best was 1.5 at step 200. --step=best draws it."]),
        (
            (1.0, 1.1, 1.2, 1.3),
            ["The best was 1 at step 100. --step=best draws it.", "More training seldom helps now."],
        ),
    ],
)
def test_the_newest_score_is_compared_with_the_best(scores, sentences):
    assert standing(entries(*scores), ROWS)[1:] == sentences


def test_minutes_are_those_of_all_processes_and_errors_are_shown():
    first = standing(entries(3.0, 2.0, 1.0, 0.5, kid_imagenet_se=0.0123), ROWS)[0]
    assert first == "kid_imagenet is 0.5 ± 0.012 after 5 minutes (400 steps); lower is better."


@pytest.mark.parametrize(("share", "told"), [(0.04, "no"), (0.15, "no"), (0.16, "some"), (1.0, "most")])
def test_memorised_images_are_named(share, told):
    last = standing(entries(1.0, memorised=share), ROWS)[-1]
    assert last == f"Memorised: {told} ({share:.0%} of the images; new real images come to 5%)."


@pytest.mark.parametrize(("share", "told"), [(0.15, "no"), (0.5, "some"), (0.51, "most")])
def test_repeated_images_are_named(share, told):
    last = standing(entries(1.0, memorised=0.0, repeated=share), ROWS)[-1]
    assert last == f"Repeated: {told} ({share:.0%} of the images; new real images come to 5%)."


def test_scores_that_do_not_compare_are_left_out():
    other = {**entries(0.1)[0], "num": 7}
    assert len(standing([other, *entries(1.0)], ROWS)) == 1
