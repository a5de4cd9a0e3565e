"""The command line: `jaxgan`, `python -m jaxgan`, and `python run.py` in a checkout."""
