"""Which checkpoints there are, and which of them is meant."""

import pytest

from jaxgan.rundir import layout, steps


def test_what_no_run_writes_is_no_checkpoint(tmp_path):
    for name in "4", "12", "007", "8.damaged", "x":
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    (tmp_path / "checkpoints" / "9").write_text("")
    assert steps.saved_steps(tmp_path) == [4, 12]
    assert steps.find_step(tmp_path, "latest") == 12
    with pytest.raises(FileNotFoundError, match=r"step is '9', but .* holds steps 4, 12; give one, latest"):
        steps.find_step(tmp_path, "9")


def test_what_no_run_writes_is_no_replica(tmp_path):
    for name in "0", "1", "01", "\u0663", "x":
        (tmp_path / "replicas" / name).mkdir(parents=True)
    (tmp_path / "replicas" / "2").write_text("")
    assert layout.replicas(tmp_path) == [0, 1]
    assert layout.replicas(tmp_path / "replicas") == []


def test_the_newest_are_looked_up_each_time(tmp_path):
    for step in 1, 2, 3:
        (tmp_path / "checkpoints" / str(step)).mkdir(parents=True)
    seen = []
    for step in steps.newest_first(tmp_path):
        seen.append(step)
        if step == 3:  # a run goes on
            (tmp_path / "checkpoints" / "3").rmdir()
            (tmp_path / "checkpoints" / "4").mkdir()
    assert seen == [3, 4, 2, 1]
    with pytest.raises(FileNotFoundError, match="holds no checkpoint yet"):
        next(steps.newest_first(tmp_path / "checkpoints"))
