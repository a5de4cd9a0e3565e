"""How many inputs the property tests try, and how long one may take."""

import os

from hypothesis import settings

# The long form: JAXGAN_FUZZ=100000 python -m pytest tests -k fuzz
FUZZ = settings(
    max_examples=int(os.environ.get("JAXGAN_FUZZ", "50")),
    deadline=5000,  # milliseconds: more is a hang
    database=None,
    derandomize=True,
)
