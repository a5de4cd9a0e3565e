#!/usr/bin/env bash
# On a CPU, jax.device_put does not copy a loader's buffer, and jnp.asarray does.
#
# Common guess: JAX arrays never change, so device_put takes a copy, and surely so with may_alias=False, whose
#   docstring says "If False, `x` will be copied". Of the two, asarray is the one that may share.
# Seen (jax 0.10.2 on a CPU, numpy 2.4.6): an array that starts at a multiple of 64 bytes is shared, also with
#   may_alias=False. Tensors of PyTorch and shared memory of worker processes start so, a plain NumPy array only by
#   chance, so small tests miss it. Three batches read ahead from one reused buffer are all the last one. jnp.asarray
#   and jnp.array copy.
# So: jnp.array, or device_put(batch.copy()), wherever a buffer is filled again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import functools
from multiprocessing.shared_memory import SharedMemory

import jax
import jax.numpy as jnp
import numpy as np

memory = SharedMemory(create=True, size=4 * 16 * 28 * 28)


def batches():
    """Yield batches of ones, twos and threes from one buffer, as a loader with workers does."""
    buffer = np.ndarray((16, 28, 28), np.float32, memory.buf)
    for value in (1, 2, 3):
        buffer[:] = value
        yield buffer


ways = {
    "device_put": jax.device_put,
    "device_put may_alias=False": functools.partial(jax.device_put, may_alias=False),
    "asarray": jnp.asarray,
    "array": jnp.array,
}
found = {}
for name, way in ways.items():
    ahead = [jax.block_until_ready(way(batch)) for batch in batches()]
    found[name] = [float(batch[0, 0, 0]) for batch in ahead]
    print(name, found[name])
    del ahead
memory.unlink()
for name in "device_put", "device_put may_alias=False":
    assert found.pop(name) == [3, 3, 3]
assert all(values == [1, 2, 3] for values in found.values())
PY
