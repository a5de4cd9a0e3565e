"""Work that the processes of a job share out: each calls a function for some of the items, and all get all results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from flax.serialization import msgpack_restore, msgpack_serialize

from jaxgan.base.checks import UserError, brief
from jaxgan.training import parallel


def spread(function: Callable[[Any], tuple], items: Sequence[Any]) -> Iterator[list[np.ndarray | None]]:
    """Call a function for each item as `map` does; all processes must call it, with equal items, and use all results.

    Process p takes items p, p + P, and so on, and P results at a time are on the wire, so that memory stays bounded.

    Args:
      function: returns a tuple of arrays, and None in place of some.
      items: the same in all processes.

    Raises:
      UserError: the function failed in one of them, in all.
    """
    size, own = parallel.num_processes(), jax.process_index()
    for first in range(0, len(items), size):
        mine = items[first + own] if first + own < len(items) else None
        for number, said in enumerate(parallel.gather_bytes(b"" if mine is None else _outcome(function, mine))):
            if said:
                good, *values = msgpack_restore(said)
                if not good:
                    raise UserError(f"process {number}: {values[0]}")
                yield values


def _outcome(function: Callable[[Any], tuple], item: Any) -> bytes:
    """Return what a call makes, or the words of its error: the others wait to hear of either."""
    try:
        return msgpack_serialize([True, *(None if made is None else np.asarray(made) for made in function(item))])
    except Exception as error:
        return msgpack_serialize([False, brief(error)])
