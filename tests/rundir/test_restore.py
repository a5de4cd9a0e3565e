import shutil
import subprocess
import sys

import jax
import pytest
import tiny
from cli import ROOT

from jaxgan import data
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.runs.setup import create_setup

READ = """
import sys
from pathlib import Path
from jaxgan.rundir import restore
for _ in range(8):
    try:
        restore.read_all(Path(sys.argv[1]))
    except ValueError as error:
        print(error, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def setup():
    config = tiny.get_config()
    return create_setup(config, data.open_source(config.data), jax.local_devices()[:1])


@pytest.fixture(scope="module")
def state(setup):
    return setup.new_state()


@pytest.mark.parametrize("damage", ["manifest", "a file that is gone"])
def test_a_damaged_checkpoint_is_reported_and_nothing_else_is(damage, tmp_path, state):
    """Each process that fails to read an array may print no more than the error message."""
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, state)
    folder = tmp_path / "checkpoints" / "3" / "state"
    if damage == "manifest":
        manifest = folder / "manifest.ocdbt"
        manifest.write_bytes(manifest.read_bytes()[:56])
    else:
        shutil.rmtree(folder / "ocdbt.process_0" / "d")
    command = [sys.executable, "-c", READ, str(folder.parent)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 8
    assert all("is damaged" in line for line in lines)


def test_reading_does_not_import_orbax():
    code = "import sys, jaxgan.generators.load; print('orbax.checkpoint' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert done.stdout == "False\n", done.stderr
