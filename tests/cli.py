"""The command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import jax

ROOT = Path(__file__).parent.parent


def run(*args, cwd=ROOT, timeout=300):
    """Run run.py with two CPU devices and the compiled programs of the tests at hand."""
    env = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "PYTHONWARNINGS": "error::UserWarning",
        # Programs that run for a step or two need not be fast, but soon there.
        "XLA_FLAGS": os.environ["XLA_FLAGS"] + " --xla_backend_optimization_level=0",
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
    }
    command = [sys.executable, str(ROOT / "run.py"), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=timeout, check=False)
