"""An order of images in which all classes come alike, as a pure function of the seed and the step."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from jaxgan.data.order.feistel import shuffled
from jaxgan.data.order.plan import IndexPlan, permutation

_ROUNDS = 0x9E3779B97F4A7C15  # sets the orders of classes apart from those of images


@dataclasses.dataclass(frozen=True, eq=False)
class BalancedPlan(IndexPlan):
    """A stream of rounds, each of which has one image of every class, in a new order of the classes.

    Round r takes, of a class with n images, the image at place r mod n of the class's own shuffled epoch r // n. So
    within a class all images are drawn equally often. An epoch has as many positions as the data have images.

    Attributes:
      labels: int[N], the class of each image; classes without images are left out.
    """

    labels: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))

    @functools.cached_property
    def members(self) -> list[np.ndarray]:
        """The images of each class that has some."""
        order = np.argsort(self.labels, kind="stable")
        cuts = np.flatnonzero(np.diff(self.labels[order])) + 1
        return np.split(order, cuts)

    def _images(self, epoch: int, start: int, stop: int) -> np.ndarray:
        """Return the images at some positions of an epoch, int64[stop - start]."""
        positions = epoch * self.epoch_length + np.arange(start, stop)
        rounds, places = np.divmod(positions, len(self.members))
        drawn = np.empty(len(positions), np.int64)
        for number in range(int(rounds[0]), int(rounds[-1]) + 1):
            here = rounds == number
            drawn[here] = permutation(int(self.seed) ^ _ROUNDS, number, len(self.members))[places[here]]
        images = np.empty(len(positions), np.int64)
        for one in np.unique(drawn):
            here, members = drawn == one, self.members[one]
            epochs, rows = np.divmod(rounds[here], len(members))
            own = (int(self.seed) * 0x2545F4914F6CDD1D + int(one) + 1) % 2**64  # a seed of the class's own
            chosen = np.empty(len(rows), np.int64)
            for each in np.unique(epochs):
                chosen[epochs == each] = shuffled(rows[epochs == each], len(members), own, int(each))
            images[here] = members[chosen]
        return images
