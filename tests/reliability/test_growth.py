"""The short form of `growth.py`."""

import growth
import pytest

SMALL = (
    "--config.model.hidden=8",
    "--config.data.source=synthetic",
    "--config.data.skip=0",
    "--config.train.checkpoint_every=300",
    "--config.train.sample_every=300",
)


@pytest.mark.long
def test_a_run_is_looked_at(tmp_path):
    looks = growth.main(3_000, tmp_path, *SMALL)
    assert looks
    assert abs(growth.growth(looks)) < 0.2


@pytest.mark.long
def test_growth_is_that_of_the_ends():
    rising = [growth.Look(i, 1000 + i, 5, 5) for i in range(100)]
    assert growth.growth(rising) == pytest.approx(80 / 1009.5, rel=1e-3)
