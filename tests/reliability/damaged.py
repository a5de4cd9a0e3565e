"""Open damaged data sets in containers: each gives images or an error message, in bounded time and memory.

python tests/reliability/damaged.py --inputs=100000

A parser's inputs are read by a process of its own, which is started again where a reader in C ended it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import faulthandler
import functools
import gzip
import io
import json
import os
import pickle
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.config import default
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import Header, decode, look
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources import KINDS, folder as images
from jaxgan.data.sources.containers import hdf5, lmdb, svhn
from jaxgan.data.sources.containers.cifar import unpickle
from jaxgan.data.sources.containers.probe import BOUNDED, MEMORY

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
MOST = 2**29  # bytes, more than before the first input
SECONDS = 5.0  # of processor time; more is a hang


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


def batch(protocol: int, size: int = 192) -> bytes:
    return pickle.dumps({b"data": np.zeros((4, size), np.uint8), b"labels": [0, 1, 2, 3]}, protocol)


def database() -> bytes:
    import lmdb

    with tempfile.TemporaryDirectory() as folder:
        with lmdb.open(f"{folder}/a", map_size=2**20, subdir=False) as env, env.begin(write=True) as transaction:
            for i, content in enumerate(PNGS):
                transaction.put(f"8-{i:05d}".encode(), content)
        return Path(folder, "a").read_bytes()


def hdf5_file(**options) -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("imgs", data=PIXELS, **options)
        file["labels"] = np.arange(4)
    return stream.getvalue()


def hdf5_files() -> list[bytes]:
    return [hdf5_file(), hdf5_file(chunks=(1, 8, 8, 3), compression="gzip"), encoded_hdf5()]


def encoded_hdf5() -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        data = file.create_dataset("images", 4, h5py.vlen_dtype(np.uint8))
        for i, content in enumerate(PNGS):
            data[i] = np.frombuffer(content, np.uint8)
        file["kind"] = ["b", "a"] * 2
    return stream.getvalue()


def archive(**files: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def tiffs() -> list[bytes]:
    import tifffile

    streams = [io.BytesIO() for _ in range(4)]
    tifffile.imwrite(streams[0], PIXELS[0].repeat(2, 2)[..., :5])
    tifffile.imwrite(streams[1], np.moveaxis(PIXELS[0].repeat(2, 2)[..., :5], 2, 0), planarconfig="separate")
    tifffile.imwrite(streams[2], PIXELS[0].repeat(2, 2)[..., :5], photometric="minisblack", compression="zlib")
    tifffile.imwrite(streams[3], PIXELS[0].repeat(2, 2)[..., :5], photometric="minisblack", planarconfig="contig")
    return [stream.getvalue() for stream in streams]


IDX = bytes((0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 8)) + PIXELS[..., 0].tobytes()
IDX_LABELS = bytes((0, 0, 12, 2, 0, 0, 0, 4, 0, 0, 0, 2)) + np.arange(8, dtype=">i4").tobytes()
CSV = b"file_name,kind,angle\n" + b"\n".join(f"{i}.png,k{i},{i / 2}".encode() for i in range(4))
JSON = "\n".join(json.dumps({"file_name": f"{i}.png", "kind": f"k{i}", "at": [i, 1]}) for i in range(4)).encode()
LABELS = [{f"{i}.png": value for i, value in enumerate(values)} for values in ([1, 0, 2, 1], [[0.5, 1]] * 4)]
DATASET_JSON = [json.dumps({"labels": [[*pair] for pair in one.items()], "kind": None}).encode() for one in LABELS]
STATE = json.dumps({"_data_files": [{"filename": "a.arrow"}], "_indices_data_files": None}).encode()
CIFAR = np.concatenate([np.arange(3, dtype=np.uint8)[:, None], np.zeros((3, 3072), np.uint8)], 1).tobytes()
STL10 = bytes(2 * 3 * 96 * 96)
IMAGES = {f"{i}.png": content for i, content in enumerate(PNGS)}


@dataclasses.dataclass
class Parser:
    """What reads a file.

    Attributes:
      file: its name.
      seeds: returns sound ones.
      kind: of data set; '' for a pickle alone.
      beside: what else lies in its folder, which is then what is opened.
      labels: data.labels.
    """

    file: str
    seeds: Callable[[], list[bytes]]
    kind: str
    beside: Callable[[], dict[str, bytes]] | None = None
    labels: str = ""


WORKERS, CONFIG, CANVAS = Workers(1), default().data, Canvas(8, 5)

PARSERS = {
    "zip": Parser("a.zip", lambda: [zipped(zipfile.ZIP_STORED), zipped(zipfile.ZIP_DEFLATED)], "zipped"),
    "npz": Parser("a.npz", lambda: [arrays(np.savez), arrays(np.savez_compressed)], "arrays"),
    "npy": Parser("a.npy", lambda: [arrays(lambda stream, images, labels: np.save(stream, images))], "arrays"),
    "tar": Parser("a.tar", lambda: [shard(tarfile.GNU_FORMAT), shard(tarfile.PAX_FORMAT)], "webdataset"),
    "idx": Parser("train-images-idx3-ubyte", lambda: [IDX, gzip.compress(IDX)], "idx", dict),
    "idx labels": Parser(
        "train-labels-idx2-int", lambda: [IDX_LABELS], "idx", lambda: {"train-images-idx3-ubyte": IDX}
    ),
    "csv": Parser("metadata.csv", lambda: [CSV, CSV.replace(b",", b";")], "folder", lambda: IMAGES, "kind"),
    "csv chosen": Parser("labels.csv", lambda: [CSV], "folder", lambda: IMAGES),
    "jsonl": Parser("metadata.jsonl", lambda: [JSON], "folder", lambda: IMAGES, "kind"),
    "jsonl vectors": Parser("metadata.jsonl", lambda: [JSON], "folder", lambda: IMAGES, "at,kind"),
    "dataset.json": Parser("dataset.json", lambda: DATASET_JSON, "folder", lambda: IMAGES),
    "pickle": Parser("a batch", lambda: [batch(0), batch(2), batch(4)], ""),
    "cifar binary": Parser("data_batch_1.bin", lambda: [CIFAR], "cifar", dict),
    "cifar archive": Parser("cifar.tar.gz", lambda: [archive(data_batch_1=batch(2, 3072), test_batch=b"")], "cifar"),
    "stl10": Parser("train_X.bin", lambda: [STL10], "stl10", lambda: {"train_y.bin": b"\1\2"}),
    "stl10 labels": Parser("train_y.bin", lambda: [b"\1\2"], "stl10", lambda: {"train_X.bin": STL10}),
    "state.json": Parser("state.json", lambda: [STATE], "hugging_face", lambda: {"a.arrow": table("arrow")}),
    "parquet": Parser("a.parquet", lambda: [table("parquet")], "hugging_face"),
    "arrow": Parser("a.arrow", lambda: [table("arrow")], "hugging_face"),
    "mat": Parser("a.mat", lambda: [matrix(True), matrix(False)], "svhn"),
    "tiff": Parser("a.tif", tiffs, "image"),
    "hdf5": Parser("a.h5", hdf5_files, "hdf5"),
    "lmdb": Parser("a.lmdb", lambda: [database()], "lmdb"),
}


@dataclasses.dataclass
class Found:
    """What became of the inputs of a parser."""

    sets: int = 0
    messages: int = 0
    probed: int = 0  # ended what the reader tries in another process, so that it is a message
    ended: int = 0  # the process, by a signal
    slowest: float = 0.0  # seconds
    mib: int = 0  # more than before


# What parsers mind.
TOKENS = [b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\0", b"\n", b"9" * 20, b"[" * 3000]
TOKENS += [b"null", b"-1", b"1e999", b"NaN", b"[", b"{", b'"', b","]


def damaged(seeds: list[bytes], rng: np.random.Generator) -> bytes:
    """Return a seed with some bytes changed, half of them near its end; perhaps with another part, or cut."""
    content = bytearray(seeds[rng.integers(len(seeds))])
    for _ in range(int(rng.exponential(3))):
        place = rng.integers(len(content)) if rng.random() < 0.5 else -1 - rng.integers(min(400, len(content)))
        content[place] = rng.integers(256)
    if rng.random() < 0.3:
        start, count, to = rng.integers(len(content)), rng.integers(64), rng.integers(len(content))
        part = content[start : start + count] if rng.random() < 0.5 else TOKENS[rng.integers(len(TOKENS))]
        content[to : to + rng.integers(2) * len(part)] = part
    return bytes(content[: rng.integers(len(content)) if rng.random() < 0.1 else None])


def read(name: str, folder: Path, content: bytes) -> bool:
    """Open a file of this content and read all of it; return whether it is a data set."""
    parser = PARSERS[name]
    if not parser.kind:
        return bool(unpickle(content, parser.file)) or True
    (folder / parser.file).write_bytes(content)
    if parser.kind == "image":
        return (
            isinstance(look(str(folder / parser.file), 5), Header)
            and decode(str(folder / parser.file), CANVAS) is not None
        )
    CONFIG.path, CONFIG.labels = str(folder if parser.beside else folder / parser.file), parser.labels
    records = KINDS[parser.kind].open(CONFIG, CANVAS, WORKERS).records
    for row in range(min(len(records), 16)):
        records.raw(row)
    return True


class Progress:
    """What a process has done, in a file that outlives it: the number of an input, its stage, and what was found."""

    def __init__(self, file: Path, first: int):
        self.file, self.stage, self.number, self.found = os.open(file, os.O_RDWR | os.O_CREAT), "", first, Found()

    def at(self, stage: str) -> None:
        """Note the stage."""
        self.stage = stage
        os.pwrite(self.file, json.dumps([self.number, stage, dataclasses.asdict(self.found)]).ljust(400).encode(), 0)

    def ended(self) -> None:
        """Take over from a process that was ended by a signal, and pass its input over."""
        self.number, stage, found = json.loads(os.pread(self.file, 400, 0))
        self.found = Found(**found)
        self.found.probed += stage == "probe"
        self.found.ended += stage != "probe"
        self.number += 1
        self.at("next")

    def probe(self, code: str, args: list[str], place: str, memory: int = MEMORY) -> None:
        """Do here what the sources try in another process first, which takes 0.3 s; this one may end, too."""
        self.at("probe")
        limits = resource.getrlimit(resource.RLIMIT_DATA)
        held = 1024 * int(Path("/proc/self/status").read_text().partition("VmData:")[2].split()[0])
        try:
            with mock.patch.object(sys, "argv", ["", *args]):
                exec(BOUNDED + code, {"MEMORY": memory + held})
        except MemoryError:
            raise UserError("more memory than expected") from None
        except Exception:
            pass
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, limits)
        self.at("read")


def work(name: str, progress: Progress, inputs: int, folder: Path) -> None:
    """Read inputs from the progress's number on."""
    seeds, found = PARSERS[name].seeds(), progress.found
    read(name, folder, seeds[0])  # so that it imports all that it needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(progress.number, inputs):
        content, start = damaged(seeds, np.random.default_rng([number, sum(name.encode())])), time.process_time()
        progress.number = number
        progress.at("read")
        faulthandler.dump_traceback_later(12 * SECONDS, exit=True)
        try:
            is_set = read(name, folder, content)
            found.sets, found.messages = found.sets + is_set, found.messages + (not is_set)
        except (UserError, FileNotFoundError):
            found.messages += 1
        lmdb._environment.cache_clear()
        found.slowest = max(found.slowest, time.process_time() - start)
        found.mib = max(found.mib, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    progress.number = inputs
    progress.at("end")


def guarded(name: str, inputs: int, folder: Path) -> Found:
    """Let children read inputs, a new one after each that was ended by a signal.

    Raises:
      RuntimeError: one ended in a traceback, or took too long.
    """
    (folder / "set").mkdir()
    for other, content in (PARSERS[name].beside or dict)().items():
        (folder / "set" / other).write_bytes(content)
    progress = Progress(folder / "progress", 0)
    changed: list[Any] = [mock.patch.object(module, "survives", progress.probe) for module in (lmdb, hdf5, svhn)]
    changed.append(mock.patch.object(images, "scan", functools.cache(images.scan)))  # of images that stay as they are
    while progress.number < inputs:
        if not (child := os.fork()):
            with contextlib.ExitStack() as stack, terminal.divert(lambda line: None):
                for one in changed:
                    stack.enter_context(one)
                work(name, progress, inputs, folder / "set")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            raise RuntimeError(f"{name}, {os.pread(progress.file, 400, 0).decode().strip()}")
        progress.ended() if os.WIFSIGNALED(status) else setattr(progress, "number", inputs)
    return Found(**json.loads(os.pread(progress.file, 400, 0))[2])


def main(name: str, inputs: int) -> Found:
    """Read damaged inputs of one parser, in another process.

    Raises:
      RuntimeError: one ended in a traceback, or took too long.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-W", "ignore", __file__, f"--parser={name}", f"--inputs={inputs}", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-3000:]}")
    return Found(**json.loads(done.stdout))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--parser", choices=PARSERS)
    parser.add_argument("folder", nargs="?", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(dataclasses.asdict(guarded(given.parser, given.inputs, Path(given.folder)))))
    else:
        for one in [given.parser] if given.parser else PARSERS:
            start = time.perf_counter()
            found = main(one, given.inputs)
            print(f"{one}: {given.inputs:,} in {time.perf_counter() - start:.0f} s, {found}", flush=True)
            if found.slowest > SECONDS or found.mib * 2**20 > MOST:
                sys.exit(f"{one} took too long, or too much")
