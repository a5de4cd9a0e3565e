"""Two CPU devices, and JAX's own checks turned up: a test must not pass by luck."""

import os
import tempfile

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
# Programs that run for a step or two need not be fast, but soon there.
os.environ["XLA_FLAGS"] += " --xla_backend_optimization_level=0"

import jax

if jax.__version_info__ < (0, 11):  # later ones end the process at flags that they do not know any more
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)

# Many tests compile the same programs.
_CACHE = tempfile.TemporaryDirectory(prefix="jaxgan-tests-")
jax.config.update("jax_compilation_cache_dir", _CACHE.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
