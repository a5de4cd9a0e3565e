#!/usr/bin/env bash
# Variables of a Flax network with spectral or weight norm do not survive flatten_dict(sep="/") and back.
#
# Common guess: with one sep, flatten_dict and unflatten_dict of Flax undo each other for the variables of any Flax
#   network, since names of layers hold no slash. Many weight files are written and read that way.
# Seen (flax 0.12.8, jax 0.10.2): Linen's own SpectralNorm and WeightNorm name variables 'dense/kernel/u' and
#   'dense/kernel/scale'. They come back as three nested dicts. Then apply asks for a PRNG or finds no parameter. Where
#   apply is given a key and batch_stats are mutable, as in training, spectral norm draws a new vector without a word.
# So: flatten without sep (tuples of names), or by jax.tree_util's key paths; a list of files by name needs care.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q flax==0.12.8 jax==0.10.2 jaxlib==0.10.2
cd "$work"
JAX_PLATFORMS=cpu venv/bin/python - << 'PY'
import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from flax.errors import InvalidRngError, ScopeParamNotFoundError
from flax.traverse_util import flatten_dict, unflatten_dict


class Net(nn.Module):
    norm: type

    @nn.compact
    def __call__(self, x, train=False):
        layer = self.norm(nn.Dense(2, name="dense"))
        return layer(x, update_stats=train) if self.norm is nn.SpectralNorm else layer(x)


x = jnp.ones((1, 3))
for norm, expected in (nn.SpectralNorm, InvalidRngError), (nn.WeightNorm, ScopeParamNotFoundError):
    net = Net(norm)
    variables = net.init(jax.random.key(0), x)
    back = unflatten_dict(flatten_dict(variables, sep="/"), sep="/")
    plain = unflatten_dict(flatten_dict(variables))
    assert jax.tree.structure(plain) == jax.tree.structure(variables) != jax.tree.structure(back)
    try:
        net.apply(back, x)
    except expected as error:
        print(norm.__name__, list(flatten_dict(variables, sep="/")), "->", type(error).__name__)
    else:
        raise AssertionError("the variables came back")

net = Net(nn.SpectralNorm)
variables = net.init(jax.random.key(0), x)
back = unflatten_dict(flatten_dict(variables, sep="/"), sep="/")
for _ in range(50):  # steps of power iteration, after which the estimate is exact
    variables = variables | net.apply(variables, x, train=True, mutable=["batch_stats"])[1]
back = unflatten_dict(flatten_dict(variables, sep="/"), sep="/")
right = net.apply(variables, x, train=True, mutable=["batch_stats"])[0]
wrong = net.apply(back, x, train=True, mutable=["batch_stats"], rngs={"params": jax.random.key(1)})[0]
print("trained", np.asarray(right), "read back", np.asarray(wrong))
assert not np.allclose(right, wrong, rtol=1e-3)
PY
