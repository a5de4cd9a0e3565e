"""Tests that take too long for each run of the suite; `.ci/run` runs them too."""

import pytest

LONG = pytest.mark.long
