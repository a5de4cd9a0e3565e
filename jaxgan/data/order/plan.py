"""Which images each training step takes, as a pure function of the seed and the step."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.data.order.feistel import shuffled

MAX_BATCH_SIZE = 2**20

SHUFFLES = ("samples", "batches", "index")


@dataclasses.dataclass(frozen=True)
class IndexPlan:
    """An endless stream of freshly shuffled epochs, cut into batches.

    Step t takes the positions [t B, (t + 1) B) of the stream. A batch that crosses an epoch's end is
    completed from the next epoch, so every batch has one shape and every image is seen once an epoch. With
    `drop_remainder` each epoch is cut to floor(N / B) B positions instead, and no batch crosses.

    With shuffle = 'batches' the data are cut into batches once, in their order: batch j holds the images
    [j B, (j + 1) B), and only the order of the batches changes, so images that share a batch once always do.
    Where B does not divide N, the last batch is completed from the front, by images that are then seen twice an
    epoch: an epoch has ceil(N / B) batches, or floor(N / B) with `drop_remainder`, which leaves out the rest.

    Attributes:
      seed: any integer.
      num_images: N.
      batch_size: B, at most N.
      drop_remainder: whether to cut each epoch to whole batches.
      shuffle: 'samples'; 'batches'; or 'index', samples for sets of which not even the order fits into memory.

    Raises:
      ValueError: if N or B is less than 1, or B exceeds N.
    """

    seed: int
    num_images: int
    batch_size: int
    drop_remainder: bool = False
    shuffle: str = "samples"

    def __post_init__(self) -> None:
        checks.one_of("data.shuffle", self.shuffle, SHUFFLES)
        if self.num_images < 1:
            raise UserError(f"The data set has {self.num_images} images; expected at least 1.")
        if self.batch_size < 1:
            raise UserError(f"data.batch_size is {self.batch_size}; expected at least 1.")
        if self.batch_size > self.num_images:
            raise UserError(
                f"data.batch_size is {self.batch_size}, but the data set has {self.num_images} images; "
                f"expected at most as many, so set data.batch_size to {self.num_images} or less."
            )

    @property
    def epoch_length(self) -> int:
        """Positions of the stream that one epoch takes."""
        if self.drop_remainder:
            return self.num_images // self.batch_size * self.batch_size
        if self.shuffle == "batches":
            return -(-self.num_images // self.batch_size) * self.batch_size
        return self.num_images

    @property
    def steps_per_epoch(self) -> float:
        """Steps in one epoch: N / B exactly; whole batches with `drop_remainder` or shuffle = 'batches'."""
        return self.epoch_length / self.batch_size

    def _images(self, epoch: int, start: int, stop: int) -> np.ndarray:
        """Return the images at some positions of an epoch, int64[stop - start]."""
        if self.shuffle == "samples":
            return permutation(int(self.seed), epoch, self.num_images)[start:stop]
        if self.shuffle == "index":
            return shuffled(np.arange(start, stop), self.num_images, int(self.seed), epoch)
        order = permutation(int(self.seed), epoch, self.epoch_length // self.batch_size)
        batch, place = np.divmod(np.arange(start, stop), self.batch_size)
        return (order[batch] * self.batch_size + place) % self.num_images

    def indices(self, start: int, count: int) -> np.ndarray:
        """Return the images of some steps.

        An epoch's order is drawn once and kept, at O(N) ('batches': O(N / B), 'index': nothing); a step within it costs
        O(B).

        Args:
          start: the first step, from 0.
          count: how many steps.

        Returns:
          int64[count, B], each in 0..N-1.

        Raises:
          ValueError: if `start` or `count` is negative.
        """
        if start < 0 or count < 0:
            raise UserError(f"Steps start at {start} and number {count}; expected neither to be negative.")
        begin, end = int(start) * self.batch_size, int(start + count) * self.batch_size
        out = np.empty(end - begin, np.int64)
        position = begin
        while position < end:
            epoch, offset = divmod(position, self.epoch_length)
            length = min(self.epoch_length - offset, end - position)
            out[position - begin : position - begin + length] = self._images(epoch, offset, offset + length)
            position += length
        return out.reshape(count, self.batch_size)


# A batch reaches into two epochs at most; a reader ahead of the training loop may be in a third.
@functools.lru_cache(maxsize=3)
def permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    """Return the order of one epoch's images or batches, int64[size], read-only.

    References:
      J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011 (Philox):
      its key is (seed, epoch), so any epoch's order is drawn without those before it.
    """
    key = np.array([seed % 2**64, epoch], np.uint64)
    order = np.random.Generator(np.random.Philox(key=key)).permutation(size)
    order.flags.writeable = False
    return order
