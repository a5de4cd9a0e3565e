#!/usr/bin/env bash
# A checkpoint that Orbax saves below a folder with brackets in its name cannot be read again.
#
# Common guess: a save that returns, and leaves a folder with the checkpoint's name, can be restored.
# Seen (orbax-checkpoint 0.12.8, jax 0.10.2): below `lr=[1,2]` the save returns without an error or a warning, and the
#   restore of the same path finds no arrays. Without brackets the same code works. The parts that each process writes
#   are merged by a glob in which the path is not escaped.
# So: read back what was saved, or keep folders named after lists of settings away from Orbax.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 flax==0.12.8 orbax-checkpoint==0.12.8 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import logging
import pathlib

import numpy as np
import orbax.checkpoint as ocp

logging.disable(logging.ERROR)
tree, found = {"kernel": np.arange(4.0)}, {}
for name in "lr=1", "lr=[1,2]":
    path = pathlib.Path.cwd() / name / "0"
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path, tree)
        checkpointer.wait_until_finished()
        assert path.is_dir()
        try:
            restored = checkpointer.restore(path, tree)
            found[name] = np.array_equal(restored["kernel"], tree["kernel"])
        except Exception as error:
            found[name] = type(error).__name__
    print(f"{name}: restored", found[name], "manifest" if (path / "manifest.ocdbt").exists() else "no manifest")
assert found["lr=1"] is True
assert found["lr=[1,2]"] is not True
PY
