"""Open damaged data sets in containers: each gives images or an error message, in bounded time and memory.

python tests/reliability/damaged.py --inputs=100000

A parser's inputs are read by a process of its own, which is started again where a reader in C ended it.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import io
import json
import pickle
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.config import default
from jaxgan.data.sources import KINDS
from jaxgan.data.sources.containers.cifar import unpickle

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
MOST = 2**29  # bytes, more than before the first input
SECONDS = 5.0  # more is a hang


def png(pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


PNGS = [png(pixels) for pixels in PIXELS]


def zipped(packing: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        for i, content in enumerate(PNGS):
            archive.writestr(f"00000/img{i}.png", content)
        archive.writestr("dataset.json", json.dumps({"labels": [[f"00000/img{i}.png", i] for i in range(4)]}))
    return stream.getvalue()


def arrays(save: Callable) -> bytes:
    stream = io.BytesIO()
    save(stream, images=PIXELS, labels=np.arange(4))
    return stream.getvalue()


def shard(form: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for i, content in enumerate(PNGS):
            for name, part in ((f"{'long/' * 30}{i}.png", content), (f"{'long/' * 30}{i}.cls", str(i).encode())):
                info = tarfile.TarInfo(name)
                info.size = len(part)
                archive.addfile(info, io.BytesIO(part))
    return stream.getvalue()


def table(kind: str) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    made, stream = pa.table({"image": [{"bytes": p, "path": "x"} for p in PNGS], "label": [0, 1, 2, 3]}), io.BytesIO()
    if kind == "parquet":
        pq.write_table(made, stream)
    else:
        with pa.ipc.new_stream(stream, made.schema) as writer:
            writer.write_table(made)
    return stream.getvalue()


def matrix(packed: bool) -> bytes:
    import scipy.io

    stream = io.BytesIO()
    content = {"X": PIXELS.transpose(1, 2, 3, 0), "y": np.arange(1, 5, dtype=np.uint8)[:, None]}
    scipy.io.savemat(stream, content, do_compression=packed)
    return stream.getvalue()


def batch(protocol: int) -> bytes:
    return pickle.dumps({b"data": PIXELS.reshape(4, -1), b"labels": [0, 1, 2, 3]}, protocol)


IDX = bytes((0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 8)) + PIXELS[..., 0].tobytes()
CSV = b"file_name,kind,angle\n" + b"\n".join(f"{i}.png,k{i},{i / 2}".encode() for i in range(4))
JSON = "\n".join(json.dumps({"file_name": f"{i}.png", "kind": f"k{i}", "at": [i, 1]}) for i in range(4)).encode()

# Of each parser: the name of its file, what it takes, and its kind.
PARSERS: dict[str, tuple[str, Callable[[], list[bytes]], str]] = {
    "zip": ("a.zip", lambda: [zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_DEFLATED)], "zipped"),
    "npz": ("a.npz", lambda: [arrays(np.savez), arrays(np.savez_compressed)], "arrays"),
    "npy": ("a.npy", lambda: [arrays(lambda stream, images, labels: np.save(stream, images))], "arrays"),
    "tar": ("a.tar", lambda: [shard(tarfile.GNU_FORMAT), shard(tarfile.PAX_FORMAT)], "webdataset"),
    "idx": ("train-images-idx3-ubyte", lambda: [IDX, gzip.compress(IDX)], "idx"),
    "csv": ("metadata.csv", lambda: [CSV, CSV.replace(b",", b";")], "folder"),
    "jsonl": ("metadata.jsonl", lambda: [JSON], "folder"),
    "pickle": ("a batch", lambda: [batch(0), batch(2), batch(4)], ""),
    "parquet": ("a.parquet", lambda: [table("parquet")], "hugging_face"),
    "arrow": ("a.arrow", lambda: [table("arrow")], "hugging_face"),
    "mat": ("a.mat", lambda: [matrix(True), matrix(False)], "svhn"),  # tries each in another process
}


@dataclasses.dataclass
class Found:
    """What became of the inputs of a parser."""

    sets: int = 0
    messages: int = 0
    ended: int = 0  # the process, by a signal
    slowest: float = 0.0  # seconds
    mib: int = 0  # more than before


def damaged(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """Return a seed with up to 8 bytes changed, half of them near its end, and perhaps cut."""
    content = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(rng.integers(1, 9)):
        place = rng.integers(len(content)) if rng.random() < 0.5 else -1 - rng.integers(min(400, len(content)))
        content[place] = rng.integers(256)
    return bytes(content[: rng.integers(len(content)) if rng.random() < 0.1 else None])


def read(name: str, folder: Path, content: bytes) -> bool:
    """Open a file of this content and read all of it; return whether it is a data set."""
    file_name, _, kind = PARSERS[name]
    if not kind:
        return bool(unpickle(content, file_name)) or True
    (folder / file_name).write_bytes(content)
    config = default().data
    config.path = str(folder if kind in ("idx", "folder") else folder / file_name)
    config.labels = "kind" if kind == "folder" else ""
    records = KINDS[kind].records(config, None if kind != "folder" else WORKERS[0])
    for row in range(min(len(records), 16)):
        records.raw(row)
    return True


WORKERS: list = []


def work(name: str, first: int, inputs: int, folder: Path) -> None:
    """Read inputs, and print a line of JSON for each before it and after it."""
    from jaxgan.data.images.threads import Workers

    warnings.simplefilter("ignore")
    WORKERS.append(Workers(1))
    for i, content in enumerate(PNGS if name in ("csv", "jsonl") else ()):
        (folder / f"{i}.png").write_bytes(content)
    seeds, found = PARSERS[name][1](), Found()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with terminal.divert(lambda line: None):
        for number in range(first, inputs):
            content, start = damaged(seeds, np.random.default_rng([number, sum(name.encode())])), time.perf_counter()
            print(json.dumps([number, dataclasses.asdict(found)]), flush=True)
            try:
                read(name, folder, content)
                found.sets += 1
            except (UserError, FileNotFoundError):
                found.messages += 1
            found.slowest = max(found.slowest, time.perf_counter() - start)
            found.mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    print(json.dumps([inputs, dataclasses.asdict(found)]), flush=True)


def main(name: str, inputs: int) -> Found:
    """Read damaged inputs of one parser.

    Raises:
      RuntimeError: one ended in a traceback.
    """
    total, first = Found(), 0
    with tempfile.TemporaryDirectory() as folder:
        while first < inputs:
            command = [sys.executable, __file__, f"--parser={name}", f"--first={first}", f"--inputs={inputs}", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = done.stdout.splitlines()
            if done.returncode > 0 or not lines:
                raise RuntimeError(f"{name}, after {lines[-1:]}: {done.stderr[-2000:]}")
            last, found = json.loads(lines[-1])
            total.sets, total.messages = total.sets + found["sets"], total.messages + found["messages"]
            total.slowest, total.mib = max(total.slowest, found["slowest"]), max(total.mib, found["mib"])
            total.ended += done.returncode < 0
            first = last + 1 if done.returncode < 0 else inputs
    return total


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--parser", choices=PARSERS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("folder", nargs="?", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        work(given.parser, given.first, given.inputs, Path(given.folder))
    else:
        for one in [given.parser] if given.parser else PARSERS:
            found = main(one, given.inputs)
            print(one, found, flush=True)
            if found.slowest > SECONDS or found.mib * 2**20 > MOST:
                sys.exit(f"{one} took too long, or too much")
