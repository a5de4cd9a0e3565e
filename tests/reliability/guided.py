"""Fuzz readers of strangers' files with inputs that reach ever more of their code; needs `pip install '.[fuzz]'`.

python tests/reliability/guided.py idx -runs=100000

The readers are idx, image, metrics and configuration; flags after the name are libFuzzer's.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gzip
import importlib
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["jaxgan.data", "jaxgan.runs", "jaxgan.config", "PIL"]):
    from processes import ROOT  # imports jaxgan too

    from jaxgan.base import terminal
    from jaxgan.base.checks import UserError
    from jaxgan.base.types import DataInfo
    from jaxgan.data.images import decode
    from jaxgan.data.images.canvas import Canvas
    from jaxgan.data.sources import idx
    from jaxgan.rundir import layout, metrics_log, saved_config

FOLDER = Path(tempfile.mkdtemp())
SECONDS = "-timeout=5"  # longer is a hang
MIB = "-rss_limit_mb=4096"


def written(name: str, content: bytes) -> Path:
    path = FOLDER / name
    path.write_bytes(content)
    return path


def read_idx(content: bytes) -> None:
    with contextlib.suppress(UserError):
        idx.load(written("train-images-idx3-ubyte", content), 3)


def read_image(content: bytes) -> None:
    path = str(written("image.png", content))
    decode.look(path)
    decode.decode(path, Canvas(8, 3))


def read_metrics(content: bytes) -> None:
    written(layout.METRICS_FILE, content)
    metrics_log.read_metrics(FOLDER)


def read_configuration(content: bytes) -> None:
    written(layout.CONFIG_FILE, content)
    with contextlib.suppress(UserError):
        saved_config.load_saved(FOLDER)


def examples(name: str) -> list[bytes]:
    """Return what a reader takes, to start from."""
    if name == "image":
        return [path.read_bytes() for path in (ROOT / "docs").glob("*.png")]
    if name == "idx":
        plain = bytes((0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2)) + bytes(8)
        return [plain, gzip.compress(plain)]
    if name == "metrics":
        return [b'{"step": 1, "d/loss": 0.5, "g/lr": 1e-3}\n']
    config = importlib.import_module("configs.gan_mlp").get_config()
    saved_config.save_config(FOLDER, config, DataInfo((28, 28, 1), 60_000, 10), None)
    return [(FOLDER / layout.CONFIG_FILE).read_bytes()]


READERS = {"idx": read_idx, "image": read_image, "metrics": read_metrics, "configuration": read_configuration}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("reader", choices=READERS)
    chosen, rest = parser.parse_known_args()
    name = chosen.reader
    atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
    seeds = FOLDER / "seeds"
    seeds.mkdir()
    for i, seed in enumerate(examples(name)):
        (seeds / str(i)).write_bytes(seed)
    atheris.Setup([sys.argv[0], SECONDS, MIB, *rest, str(seeds)], READERS[name])
    with terminal.divert(lambda line: None):
        atheris.Fuzz()
