"""The command line, in this process, where it starts sooner, or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import jax
from absl import flags, logging

from jaxgan.cli import flags as cli_flags, main as command

ROOT = Path(__file__).parent.parent
FLAGS = flags.FLAGS


OWN_FLAGS = set(FLAGS)


def call(*args):
    """Run run.py in this process; return its exit status, and what it wrote to standard output and error."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    filters, unraisable = list(logging.get_absl_logger().filters), sys.unraisablehook
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            command.main(cli_flags.parse(["run.py", *map(str, args)]))
        except SystemExit as end:
            status = end.code
        finally:
            for name in set(FLAGS) - OWN_FLAGS:
                delattr(FLAGS, name)
            FLAGS.unparse_flags()
            for name in FLAGS:
                FLAGS[name].unparse()
            cli_flags.base_config.cache_clear()
            logging.get_absl_logger().filters[:] = filters
            sys.unraisablehook = unraisable
    return subprocess.CompletedProcess(args, status, out.getvalue(), err.getvalue())


def start(*args, cwd=ROOT, path=ROOT):
    """Start run.py with the tests' devices and compiled programs, and modules from `path` first."""
    env = {
        **os.environ,
        "PYTHONPATH": f"{path}:{ROOT}:{ROOT / 'tests'}",
        "PYTHONWARNINGS": "error::UserWarning",
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
    }
    command = [sys.executable, str(ROOT / "run.py"), *map(str, args)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=env, start_new_session=True
    )


def run(*args, cwd=ROOT, timeout=300):
    """Run run.py to its end."""
    with start(*args, cwd=cwd) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
