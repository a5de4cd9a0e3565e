"""Which class each image of a grid shows, or of a set that stands for the data."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.sampling.generator import GeneratorParams

NAMED = 20  # names in a message


def spread_labels(num: int, num_classes: int) -> Array:
    """Spread the classes over images as evenly as can be, class by class.

    label[i] = floor(i K / max(N, K))

    Args:
      num: number of images N, at least 1.
      num_classes: K, at least 1.

    Returns:
      int32[N], ascending: every class where N >= K, each as often where K divides N; else the first N classes.

    Raises:
      ValueError: no image or no class.
    """
    checks.in_range("num", num, 1)
    checks.in_range("num_classes", num_classes, 1)
    # On the host, where the product has 64 bits.
    return jnp.asarray(np.arange(num, dtype=np.int64) * num_classes // max(num, num_classes), jnp.int32)


def draw_labels(params: GeneratorParams, key: Array, num: int) -> Array:
    """Draw labels for a generator; works under `jit`.

    Returns:
      int32[num], classes drawn evenly, zeros for an unconditional generator; or float32[num, L], vectors of the data.
    """
    if not params.label_size:
        return jax.random.randint(key, (num,), 0, params.num_classes or 1, jnp.int32)
    table = jnp.asarray(known_vectors(params))
    return table[jax.random.randint(key, (num,), 0, len(table))]


def known_vectors(params: GeneratorParams) -> np.ndarray:
    """Return the label vectors of the data that the generator keeps, float32[n, L]; UserError where it keeps none."""
    if not params.label_table:
        raise UserError("this generator takes label vectors and knows none of the data's; give labels.")
    return np.asarray(params.label_table, np.float32)


def shown_vectors(params: GeneratorParams, num: int) -> Array:
    """Return label vectors of the data, float32[num, L], evenly spaced in `params.label_table`."""
    table = known_vectors(params)
    rows = np.arange(num) % len(table)
    if num <= len(table):
        rows = np.linspace(0, len(table) - 1, num).round().astype(np.int64)
    return jnp.asarray(table[rows])


def shown_labels(params: GeneratorParams, num: int) -> Array | None:
    """Return labels for a set of images that is looked at: `spread_labels`, or vectors of the data, spread likewise.

    None for an unconditional generator.
    """
    if params.label_size:
        return shown_vectors(params, num)
    return None if params.num_classes is None else spread_labels(num, params.num_classes)


def parse_label(params: GeneratorParams, text: str, num: int) -> Array:
    """Return the label that a text asks for, for `num` images.

    Args:
      params: of a conditional generator.
      text: a class, by number or name. Of a vector all numbers, such as '0.5,1,0'; or some by name, as in
        'angle=0.5,glasses=1', when the others are those of vectors of the data. A name such as 'hair=red' alone sets
        that number to 1 and those of the other names that begin with 'hair=' to 0.
      num: images.

    Returns:
      int32[num], or float32[num, L].

    Raises:
      ValueError: there is no such class, or no such number.
    """
    names = params.label_names
    if params.label_size:
        return jnp.asarray(_vectors(params, text, num))
    classes = params.num_classes or 0
    if text in names:
        return jnp.full((num,), names.index(text), jnp.int32)
    if not (text.isdecimal() and int(text) < classes):
        known = f", or a name: {', '.join(names[:NAMED])}{', ...' * (len(names) > NAMED)}" if names else ""
        hint = checks.suggest(text, names)
        raise UserError(f"label {text!r} is no class of this GAN; give one from 0 to {classes - 1}{known}.{hint}")
    return jnp.full((num,), int(text), jnp.int32)


def _vectors(params: GeneratorParams, text: str, num: int) -> np.ndarray:
    """Return float32[num, L] for `parse_label`."""
    names = params.label_names or tuple(map(str, range(params.label_size)))
    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = (word for word in words if word not in names and word.rpartition("=")[0] not in names)
    wrong = UserError(
        f"label {text!r} is no label of this GAN; give {params.label_size} numbers, or NAME=NUMBER (NAME alone is 1), "
        f"joined by commas, with names of {', '.join(names[:NAMED])}{', ...' * (len(names) > NAMED)}."
        + checks.suggest(next(unknown, ""), names)
    )
    try:
        if len(words) == params.label_size and not any("=" in word or word in params.label_names for word in words):
            rows, words = np.tile(np.array([float(word) for word in words], np.float32), (num, 1)), []
        else:
            rows = np.array(shown_labels(params, num), np.float32)
        for word in words:
            name, mark, value = word.rpartition("=")
            if word in names:
                group = f"{name}="
                rows[:, [i for i, one in enumerate(names) if mark and one.startswith(group)]] = 0
                name, value = word, "1"
            rows[:, names.index(name)] = float(value)
    except ValueError:
        raise wrong from None
    if not np.isfinite(rows).all():
        raise wrong
    return rows


def vectors_of(num: int, vectors: np.ndarray, seed: int) -> np.ndarray:
    """Return float32[num, L], label vectors of the data float32[N, L] at random; none twice where there are enough."""
    rng = np.random.default_rng(seed)
    rounds = [rng.permutation(len(vectors)) for _ in range(-(-num // len(vectors)))]
    return vectors[np.concatenate(rounds)[:num]]


def labels_in_shares(num: int, counts: Sequence[int], seed: int) -> np.ndarray:
    """Return classes in the shares that they have in the data, mixed.

    Args:
      num: number of images N, at least 1.
      counts: of each class 0..K-1 in the data, not all 0.
      seed: of the order.

    Returns:
      int32[N]: of each class N times its share, rounded up or down.
    """
    ends = np.cumsum(np.asarray(counts, np.int64))
    ordered = np.searchsorted(ends, np.arange(num, dtype=np.int64) * ends[-1] // num, side="right")
    return np.random.default_rng(seed).permutation(ordered).astype(np.int32)
