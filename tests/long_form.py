"""Parameters of tests that only the long part of the suite tries (`-m long`, `.ci/run`)."""

import pytest

LONG, HOURS = pytest.mark.long, pytest.mark.hours


def long(*values):
    """Return values of `parametrize`, each marked; a tuple is several values of one case."""
    return [pytest.param(*(value if isinstance(value, tuple) else (value,)), marks=LONG) for value in values]
