import asyncio
import logging
import subprocess
import sys
import types

import jax
import pytest
import tiny
from cli import ROOT

from jaxgan import data
from jaxgan.rundir import quiet
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.runs.setup import create_setup

READ = """
import sys
from pathlib import Path
from jaxgan.runs import checkpoint
for _ in range(8):
    try:
        checkpoint.read(Path(sys.argv[1]), None)
    except ValueError as error:
        print(error, file=sys.stderr)
"""


def test_a_damaged_checkpoint_is_said_and_nothing_else_is(tmp_path):
    config = tiny.get_config()
    setup = create_setup(config, data.open_source(config.data), jax.local_devices()[:1])
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(3, setup.new_state())
    manifest = tmp_path / "checkpoints" / "3" / "state" / "manifest.ocdbt"
    manifest.write_bytes(manifest.read_bytes()[:56])
    command = [sys.executable, "-c", READ, str(tmp_path / "checkpoints" / "3")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 8
    assert all("is damaged" in line for line in lines)


def test_reads_that_are_given_up_end_unseen_and_others_do_not():
    async def _read_array_index_and_device_put():
        await asyncio.sleep(0)

    async def of_a_user():
        await asyncio.sleep(0)

    told = []
    hook = quiet.without_late_reports(told.append)
    for function in _read_array_index_and_device_put, of_a_user:
        begun = function()
        report = types.SimpleNamespace(exc_value=Exception("Encountered error"), object=begun)
        hook(report)
        begun.close()
    assert [one.object.__name__ for one in told] == ["of_a_user"]


@pytest.mark.parametrize(
    ("sentence", "error", "is_told"),
    [
        ("Task exception was never retrieved", ValueError("DATA_LOSS: ... [tensorstore_spec=...]"), False),
        ("Task exception was never retrieved", ValueError("a user's own"), True),
        ("Executing took 2 seconds", None, True),
    ],
)
def test_reports_of_others_are_told(sentence, error, is_told):
    info = (type(error), error, None) if error else None
    record = logging.LogRecord("asyncio", logging.ERROR, "", 0, sentence, None, info)
    assert bool(logging.getLogger("asyncio").filter(record)) == is_told
