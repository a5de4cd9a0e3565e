#!/usr/bin/env bash
# The newest safetensors writes a transposed NumPy array with its numbers in the wrong places.
#
# Common guess: save_file of an array that is not contiguous copies it first, as np.save and earlier releases do, or
#   raises, as safetensors.torch does.
# Seen (safetensors 0.8.0, numpy 2.4.6): a kernel that is turned for PyTorch by transpose(3, 2, 0, 1), a Fortran array
#   or a slice is written as the bytes that lie in memory, under the shape of the view. No error and no warning; 0.7.0
#   writes the same arrays right. A whole network then loads elsewhere with every shape as expected, and draws noise.
# So: np.ascontiguousarray for each array before it is saved, or stay on 0.7.0, and compare what was read back.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6
"$work/venv/bin/pip" install -q --no-deps --target "$work/before" safetensors==0.7.0
cd "$work"
cat > look.py << 'PY'
import json

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

kernel = np.random.default_rng(0).normal(size=(4, 4, 3, 64)).astype(np.float32)
arrays = {
    "as it is": kernel,
    "transposed": kernel.transpose(3, 2, 0, 1),
    "Fortran": np.asfortranarray(kernel),
    "slice": kernel[..., :32],
    "made contiguous": np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)),
}
save_file(arrays, "kernel.safetensors")
read = load_file("kernel.safetensors")
assert all(read[name].shape == array.shape for name, array in arrays.items())
same = {name: bool(np.array_equal(read[name], array)) for name, array in arrays.items()}
print(json.dumps({"version": safetensors.__version__, "same": same}))
PY
venv/bin/python look.py | tee now.json
PYTHONPATH=before venv/bin/python look.py | tee before.json
venv/bin/python - << 'PY'
import json

now, before = (json.load(open(name)) for name in ("now.json", "before.json"))
assert (now["version"], before["version"]) == ("0.8.0", "0.7.0")
assert all(before["same"].values())
assert now["same"]["as it is"] and now["same"]["made contiguous"]
assert not any(now["same"][name] for name in ("transposed", "Fortran", "slice"))
PY
