#!/usr/bin/env bash
# After one score that is NaN, Orbax deletes the best checkpoint and keeps later, worse ones.
#
# Common guess: a CheckpointManager with best_fn keeps the best scores; a NaN counts as the worst, or is refused.
# Seen (orbax-checkpoint 0.12.8, jax 0.10.2): steps are sorted by their scores as they are, and a NaN breaks a sort. Of
#   the FIDs 30, 20, 10, NaN, 40, 35 with max_to_keep=2, those of 40 and 35 stay, best_step() is the one of 35, and the
#   10 is deleted, without a warning. Of 10, 20, 30, NaN the best step is the NaN. best_mode="max" fares no better.
# So: hand best_fn a number that is never NaN: infinity for the worst (minus infinity where more is better).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 orbax-checkpoint==0.12.8 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import logging
import math
import pathlib

import numpy as np
import orbax.checkpoint as ocp

logging.disable(logging.ERROR)
nan = math.nan


def run(name, scores, keep, best_fn=lambda metrics: metrics["fid"], mode="min"):
    """Save a step for each score and return the scores of the steps that are left and of the best one."""
    options = ocp.CheckpointManagerOptions(max_to_keep=keep, best_fn=best_fn, best_mode=mode)
    with ocp.CheckpointManager(pathlib.Path.cwd() / name, options=options) as manager:
        for step, score in enumerate(scores):
            manager.save(step, args=ocp.args.StandardSave({"w": np.ones(2)}), metrics={"fid": score})
            manager.wait_until_finished()
        left, best = [scores[step] for step in manager.all_steps()], scores[manager.best_step()]
    print(f"{mode} of {scores}, keep {keep}: left {left}, best {best}")
    return left, best


def finite(metrics):
    """Return the score, or infinity for a NaN."""
    return metrics["fid"] if math.isfinite(metrics["fid"]) else math.inf


assert run("control", [30, 20, 10, 99, 40, 35], 2) == ([20, 10], 10)
left, best = run("middle", [30, 20, 10, nan, 40, 35], 2)
assert 10 not in left and best == 35
left, best = run("end", [10, 20, 30, nan], None)
assert math.isnan(best)
left, best = run("collapse", [30, 20, 10, nan, nan, nan], 3)
assert all(map(math.isnan, left))
left, best = run("max", [0.3, 0.5, 0.7, nan, 0.4, 0.2], 2, mode="max")
assert 0.7 not in left and best == 0.4
assert run("finite", [30, 20, 10, nan, 40, 35], 2, finite) == ([20, 10], 10)
PY
