"""How good images are: one measure a file, on arrays of images or of their features."""

from jaxgan.metrics.features.digits import load_digits
from jaxgan.metrics.reference import create_reference
from jaxgan.metrics.registry import Given, measure
from jaxgan.metrics.suite import floor, score

__all__ = ["Given", "create_reference", "floor", "load_digits", "measure", "score"]
