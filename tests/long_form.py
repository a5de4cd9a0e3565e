"""Tests that take too long for each run of the suite."""

import os

import pytest

LONG = pytest.mark.skipif(not os.environ.get("JAXGAN_LONG_TESTS"), reason="takes long; set JAXGAN_LONG_TESTS=1")
