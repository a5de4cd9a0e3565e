"""Each example runs as it stands."""

import os
import subprocess
import sys

import pytest
from cli import ROOT


@pytest.mark.long
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_example(path):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning"}
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, env=env, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "(4, 28, 28, 1)" in done.stdout.splitlines()[-1]
    assert len(done.stdout.splitlines()) == 4
