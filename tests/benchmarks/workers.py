"""One process a framework and variant, so that thread pools and memory are each one's own; one computes at a time.

A worker is a class that lives in a process of its own; `Remote` calls its methods from here. This file imports
neither JAX nor PyTorch itself: a process holds only what its worker needs, and the parent holds nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# What a run may compute in, and `config.matmul` for it.
PRECISIONS = {"float32": "float32", "tf32": "tensorfloat32", "bfloat16": "default"}
ROOT = Path(__file__).resolve().parents[2]


class Remote:
    """A worker in a fresh process; attribute access gives its methods."""

    def __init__(self, worker: type, *args: Any, **kwargs: Any):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, worker, args, kwargs), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self._connection.send((name, args))
            return self._answer()

        return call

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(10)
        self._process.kill()

    def _answer(self) -> Any:
        try:
            result, error = self._connection.recv()
        except EOFError:
            self._process.join(10)
            raise RuntimeError(f"the process died (exit code {self._process.exitcode})") from None
        if error is not None:
            raise RuntimeError(error)
        return result


def _serve(connection: Connection, worker: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    served = None
    while True:
        try:
            if served is None:
                served, result = worker(*args, **kwargs), None
            else:
                order = connection.recv()
                if order is None:
                    return
                result = getattr(served, order[0])(*order[1])
            connection.send((result, None))
        except EOFError:
            return
        except Exception as error:
            traceback.print_exc()
            lines = f"{type(error).__name__}: {error}".strip().splitlines()
            connection.send((None, lines[0]))


def num_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def least_time(call: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of eight calls, after one that compiles."""
    call()
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def peak_host_memory() -> int:
    """Return the most memory that this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class JaxWorker:
    """jaxgan's compiled training call on its own data stream, as `jaxgan.train` makes it."""

    def __init__(self, system: str, batch_size: int, device: str, precision: str, overrides: dict[str, Any]):
        # Before JAX is imported: its device, and no claim on memory that the other framework needs.
        os.environ["JAX_PLATFORMS"] = device
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
        sys.path[:0] = [str(ROOT), str(ROOT / "configs")]
        import jax

        from jaxgan import data
        from jaxgan.base import machine
        from jaxgan.runs.setup import create_setup
        from jaxgan.training import parallel

        machine.keep_memory()
        config = make_config(system, batch_size, overrides)
        config.matmul = PRECISIONS[precision]
        config.precision = "bfloat16" if precision == "bfloat16" else "float32"
        jax.config.update("jax_default_matmul_precision", config.matmul)
        devices = parallel.choose_devices(config.train.num_devices, config.data.batch_size)
        self.jax, self.device, self.dtype = jax, devices[0], config.precision
        self.setup = create_setup(config, data.open_source(config.data), devices)
        self.state = parallel.replicate(self.setup.new_state(), devices)

    def describe(self) -> dict[str, Any]:
        """Return what the twins and the table must know."""
        import jax
        import jaxlib

        info = self.setup.source.info
        return {
            "config": self.setup.config.to_dict(),
            "num_classes": info.num_classes or 1,
            "steps_per_call": self.setup.steps_per_call,
            "versions": f"jax {jax.__version__}, jaxlib {jaxlib.__version__}",
            "device": self.device.device_kind,
        }

    def save_data(self, path: str) -> None:
        """Write the data set as .npz for the twins."""
        import numpy as np

        images, labels = self.setup.source.read(np.arange(self.setup.source.info.num_images))
        np.savez(path, images=images, labels=labels)

    def compile(self) -> float:
        """Make the first call and return its seconds."""
        from jaxgan import data
        from jaxgan.runs.batches import batches, resident_dataset
        from jaxgan.training import parallel
        from jaxgan.training.many_seeds import make_step_of_all

        self.call = parallel.CompiledSteps(
            make_step_of_all(self.setup.gan, None, None, {}),
            self.setup.devices,
            self.setup.steps_per_call,
            resident_dataset(self.setup),
        )
        self.stream = data.prefetch(batches([self.setup], 0, 10**9, on_device=self.call.dataset is not None))
        return self.run(self.setup.steps_per_call)

    def run(self, steps: int) -> float:
        """Make so many training steps, a multiple of the steps in a call, and return their seconds."""
        start, kept = time.perf_counter(), []
        for _ in range(steps // self.setup.steps_per_call):
            (_, num), batch = next(self.stream)
            self.state, metrics = self.call(self.state, batch, num)
            kept.append(metrics)
        self.jax.device_get(kept)
        self.jax.block_until_ready(self.state)
        return time.perf_counter() - start

    def sample(self, num: int, calls: int) -> float:
        """Sample `num` images so many times and return the seconds; the first call of a size also compiles."""
        import jaxgan

        params = jaxgan.generator_params(self.setup.gan, self.state.ema)
        jaxgan.sample(params, self.jax.random.key(0), num=num).block_until_ready()
        keys = list(self.jax.random.split(self.jax.random.key(1), calls))
        start = time.perf_counter()
        for key in keys:
            jaxgan.sample(params, key, num=num).block_until_ready()
        return time.perf_counter() - start

    def save_scorer(self, path: str) -> bool:
        """Write what scores are computed with as .npz, if the data are MNIST digits; return whether they are."""
        import numpy as np

        from jaxgan.metrics import prdc
        from jaxgan.metrics.features import trained
        from jaxgan.runs.evaluate import create_evaluator

        if self.setup.config.data.source != "mnist":
            return False
        self.evaluator = create_evaluator(self.setup.config, self.setup.source)
        self.evaluator = dataclasses.replace(self.evaluator, names=("fd", "prdc"))
        real = self.evaluator.reference
        assert real.features is not None
        assert real.moments is not None
        params, _ = trained.read(ROOT / "jaxgan" / "metrics" / "weights" / "digits.npz")
        arrays = {f"{layer}/{name}": x for layer, own in params.items() for name, x in own.items()}
        kept = real.features[: prdc.NUM_IMAGES]
        np.savez(path, real=kept, mean=real.moments.mean, cov=real.moments.cov, **arrays)
        return True

    def score(self) -> float:
        """Draw 10,000 images and score them by `fd` and `prdc`; return the seconds."""
        import jaxgan

        params = jaxgan.generator_params(self.setup.gan, self.state.ema)
        start = time.perf_counter()
        self.evaluator.evaluate(params, 0)
        return time.perf_counter() - start

    def memory(self) -> int:
        """Return the peak so far in bytes: of the device, or of this process on CPU."""
        if self.device.platform == "cpu":
            return peak_host_memory()
        return self.device.memory_stats()["peak_bytes_in_use"]

    def product_rate(self) -> float:
        """Return the machine's rate of matrix products in FLOP/s, float32 or bfloat16, the best of several."""
        from jaxgan.base import machine

        jnp, n = self.jax.numpy, 2048 if self.device.platform == "cpu" else 8192
        a = jnp.full((n, n), 1e-3, self.dtype)
        product = self.jax.jit(lambda a: a @ a, compiler_options=machine.compiler_options())
        return 2 * n**3 / least_time(lambda: product(a).block_until_ready())


def make_config(system: str, batch_size: int, overrides: dict[str, Any]) -> Any:
    """Return the system's configuration for an endless run that stops for nothing."""
    import importlib

    config = importlib.import_module(system).get_config()
    config.train.num_steps = 10**9
    config.train.sample_every = config.train.checkpoint_every = 0
    config.train.num_devices = 1
    if config.data.source == "auto":
        config.data.source = "synthetic"
    config.data.cache = "device"
    config.augment_p, config.augment_by_size = 0.0, False  # twins do not augment
    config.projected.weight = 0.0  # nor see features of ImageNet
    config.data.instance_features = 0
    if batch_size:
        config.data.batch_size = batch_size
    config.update_from_flattened_dict(overrides)
    return config


class TorchWorker:
    """A PyTorch twin on its own data stream."""

    def __init__(self, system: str, info: dict[str, Any], data: str, device: str, precision: str, variant: str):
        import numpy as np
        import torch
        from twin import Options
        from twins import TWINS

        torch.set_num_threads(num_cores())
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision != "float32"
        torch.backends.cudnn.benchmark = True
        channels_last, compiled = "channels_last" in variant, "compile" in variant
        if compiled:
            import torch._functorch.config

            # gan_mlp goes through one graph twice, which buffers given away would not survive.
            torch._functorch.config.donated_buffer = False
        self.torch, self.channels_last = torch, channels_last
        self.make_twin = lambda compile: TWINS[system](
            info["config"], info["num_classes"], Options(device, channels_last, compile)
        )
        self.twin = self.make_twin(compiled)
        with np.load(data) as arrays:
            images, labels = torch.from_numpy(arrays["images"]), torch.from_numpy(arrays["labels"]).long()
        # Stored as the networks want it, so that a gathered batch needs no copy.
        self.images = (images if channels_last else images.permute(0, 3, 1, 2).contiguous()).to(device)
        self.labels = labels.to(device)
        self.autocast = torch.autocast(device, torch.bfloat16, precision == "bfloat16", cache_enabled=False)
        self.device, self.batch, self.order = device, info["config"]["data"]["batch_size"], labels.new_empty(0)
        self.step, self.recorded = self._step, "graph" in variant

    def versions(self) -> str:
        """Return PyTorch's version."""
        return f"torch {self.torch.__version__}"

    def compile(self) -> float:
        """Make the first step and return its seconds."""
        start = time.perf_counter()
        if self.recorded:
            self.step = self._record()
        self.run(1)
        return time.perf_counter() - start

    def run(self, steps: int) -> float:
        """Make so many training steps and return their seconds."""
        start = time.perf_counter()
        kept = [self.step(*self._next_batch()) for _ in range(steps)]
        self.torch.stack(kept).cpu()
        self._wait()
        return time.perf_counter() - start

    def sample(self, num: int, calls: int) -> float:
        """Sample `num` images so many times and return the seconds; one call before them is not counted."""
        self.twin.sample(num)
        self._wait()
        start = time.perf_counter()
        for _ in range(calls):
            self.twin.sample(num)
            self._wait()
        return time.perf_counter() - start

    def read_scorer(self, path: str) -> None:
        """Read what scores are computed with."""
        import numpy as np
        from torch_scores import Scorer

        with np.load(path) as file:
            arrays = dict(file)
        facts = {name: arrays.pop(name) for name in ("real", "mean", "cov")}
        params: dict[str, dict[str, Any]] = {}
        for name, array in arrays.items():
            layer, _, own = name.partition("/")
            params.setdefault(layer, {})[own] = array
        self.scorer = Scorer(params, **facts, device=self.device)

    def score(self) -> float:
        """Draw 10,000 images and score them by `fd` and `prdc`; return the seconds."""
        start, torch = time.perf_counter(), self.torch
        parts = [self.twin.sample(250) for _ in range(40)]
        images = torch.cat([part.add(1).mul_(127.5).round_().to(torch.uint8) for part in parts])
        self.scorer.score(images, torch.randperm(len(images), device=self.device)[: len(self.scorer.real)])
        return time.perf_counter() - start

    def memory(self) -> int:
        """Return the peak so far in bytes: of the device, or of this process on CPU."""
        return peak_host_memory() if self.device == "cpu" else self.torch.cuda.max_memory_allocated()

    def flops(self) -> int:
        """Count the products of one step, forward and backward, on an uncompiled twin."""
        from torch.utils.flop_counter import FlopCounterMode

        twin = self.make_twin(False)
        twin.steps = 1  # the counter does not follow gradients of gradients, which come at step 0
        with FlopCounterMode(display=False) as counter:
            twin.step(*self._next_batch())
        return counter.get_total_flops()

    def _step(self, images, labels):
        with self.autocast:
            return self.torch.stack(list(self.twin.step(images, labels).values()))

    def _record(self):
        """Return the whole step as one CUDA graph; the average's decay stays that of the recorded step."""
        cuda, batch = self.torch.cuda, self._next_batch()
        side = cuda.Stream()
        side.wait_stream(cuda.current_stream())
        with cuda.stream(side):
            for _ in range(3):  # compiles, and chooses kernels
                self._step(*batch)
        self._wait()
        graph = cuda.CUDAGraph()
        with cuda.graph(graph):
            metrics = self._step(*batch)

        def step(images, labels):
            batch[0].copy_(images)
            batch[1].copy_(labels)
            graph.replay()
            return metrics.clone()

        return step

    def _next_batch(self):
        if len(self.order) < self.batch:
            self.order = self.torch.randperm(len(self.images), device=self.device)
        rows, self.order = self.order[: self.batch], self.order[self.batch :]
        images = self.images[rows]
        return images.permute(0, 3, 1, 2) if self.channels_last else images, self.labels[rows]

    def _wait(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()


class TfWorker:
    """A TensorFlow twin on its own data stream, its steps compiled by `tf.function`."""

    def __init__(self, system: str, info: dict[str, Any], data: str, device: str, precision: str, variant: str):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
        import numpy as np
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(precision != "float32")
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        else:
            for gpu in tf.config.list_physical_devices("GPU"):  # no claim on memory that the others need
                tf.config.experimental.set_memory_growth(gpu, True)
        import keras
        from tf_twins import TWINS

        if precision == "bfloat16":
            keras.config.set_dtype_policy("mixed_bfloat16")
        self.tf, self.twin, self.device = tf, TWINS[system](info["config"], info["num_classes"]), device
        with np.load(data) as arrays:
            self.images, self.labels = tf.constant(arrays["images"]), tf.constant(arrays["labels"])
        self.batch, self.calls = info["config"]["data"]["batch_size"], info["steps_per_call"]
        self.order = np.zeros(0, np.int64)
        self.call = tf.function(self._steps, jit_compile="xla" in variant)
        self.samplers: dict[int, Callable] = {}
        self.rng = np.random.default_rng(0)

    def versions(self) -> str:
        """Return TensorFlow's version."""
        import keras

        return f"tensorflow {self.tf.__version__}, keras {keras.__version__}"

    def compile(self) -> float:
        """Make the first call and return its seconds."""
        return self.run(self.calls)

    def run(self, steps: int) -> float:
        """Make so many training steps, a multiple of the steps in a call, and return their seconds."""
        start = time.perf_counter()
        kept = [self.call(self._next_rows()) for _ in range(steps // self.calls)]
        self.tf.stack(kept).numpy()
        return time.perf_counter() - start

    def sample(self, num: int, calls: int) -> float:
        """Sample `num` images so many times and return the seconds; one call before them is not counted."""
        if num not in self.samplers:
            self.samplers[num] = self.tf.function(lambda: self.twin.sample(num))
        self.samplers[num]().numpy()
        start = time.perf_counter()
        for _ in range(calls):
            self.samplers[num]().numpy()
        return time.perf_counter() - start

    def memory(self) -> int:
        """Return the peak so far in bytes: of the device, or of this process on CPU."""
        if self.device == "cpu":
            return peak_host_memory()
        return self.tf.config.experimental.get_memory_info("GPU:0")["peak"]

    def _steps(self, rows):
        """Make a step for each row of rows [n, B]; several in one call where jaxgan makes several."""
        if self.calls == 1:
            return self._step(rows[0])
        metrics = self._step(rows[0])
        for i in self.tf.range(1, self.calls):
            metrics += self._step(rows[i])
        return metrics

    def _step(self, rows):
        metrics = self.twin.step(self.tf.gather(self.images, rows), self.tf.gather(self.labels, rows))
        return self.tf.stack([self.tf.cast(value, "float32") for value in metrics.values()])

    def _next_rows(self):
        need = self.calls * self.batch
        import numpy as np

        while len(self.order) < need:
            self.order = np.concatenate([self.order, self.rng.permutation(len(self.images))])
        rows, self.order = self.order[:need], self.order[need:]
        return self.tf.constant(rows.reshape(self.calls, self.batch), self.tf.int32)
