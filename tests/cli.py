"""The command line, in this process, where it starts sooner, or in one of its own."""

import contextlib
import importlib.util
import io
import os
import subprocess
import sys
from pathlib import Path

import jax
from absl import flags, logging

ROOT = Path(__file__).parent.parent
FLAGS = flags.FLAGS


def load_script():
    """Return run.py as a module."""
    spec = importlib.util.spec_from_file_location("run_script", ROOT / "run.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


SCRIPT = load_script()
OWN_FLAGS = set(FLAGS)


def call(*args):
    """Run run.py in this process; return its exit status, and what it wrote to standard output and error."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    filters = list(logging.get_absl_logger().filters)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            SCRIPT.main(SCRIPT.parse(["run.py", *map(str, args)]))
        except SystemExit as end:
            status = end.code
        finally:
            for name in set(FLAGS) - OWN_FLAGS:
                delattr(FLAGS, name)
            FLAGS.unparse_flags()
            for name in FLAGS:
                FLAGS[name].unparse()
            SCRIPT.base_config.cache_clear()
            logging.get_absl_logger().filters[:] = filters
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
