#!/usr/bin/env bash
# JAX's broadcast between processes changes numbers that it should only copy.
#
# Common guess: `multihost_utils.broadcast_one_to_all` hands all processes the bits that process 0 has.
# Seen (jax 0.10.2, two processes on CPUs): -0.0 arrives as 0.0 and a denormal as 0.0, also in process 0 itself: the
#   value is added to zeros of the other processes. `process_allgather` copies the bits of both.
# So: send bytes (uint8) where states must be equal to the bit.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cd "$work"
cat > job.py << 'PY'
import sys

import jax
import numpy as np
from jax.experimental import multihost_utils

number = int(sys.argv[1])
jax.distributed.initialize(f"127.0.0.1:{sys.argv[2]}", 2, number, coordinator_bind_address=f"127.0.0.1:{sys.argv[2]}")
sent = np.array([-0.0, 1e-45, -1.5], np.float32)
got = np.asarray(multihost_utils.broadcast_one_to_all(sent))
gathered = np.asarray(multihost_utils.process_allgather(sent))
print(f"process {number}: broadcast", got, "bits", [hex(x) for x in got.view(np.uint32)], flush=True)
assert (got.view(np.uint32) == np.array([0, 0, -1.5], np.float32).view(np.uint32)).all()
assert (gathered.view(np.uint32) == sent.view(np.uint32)).all()
jax.distributed.shutdown()
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export JAX_PLATFORMS=cpu JAX_CPU_COLLECTIVES_IMPLEMENTATION=gloo
venv/bin/python job.py 1 "$port" &
other=$!
venv/bin/python job.py 0 "$port"
wait "$other"
