"""Processes that decode images, for threads of one process wait for each other where images are small."""

from __future__ import annotations

import contextlib
import math
import mmap
import multiprocessing
import multiprocessing.connection
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np

from jaxgan.base import terminal
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import Encoded, decode
from jaxgan.data.images.memory_budget import FILES, MAX_BYTES, MAX_PIXELS, PIXELS

# A helper takes a second of a core to start; so many small images take threads about two.
WORTH = 8192

# Seconds that a helper has to end by itself.
PATIENCE = 5.0

# Two parts of the shared memory, each for so many images or bytes: one is filled while the other is read.
SLOTS, SLOT, SLOT_BYTES = 2, 32, 2**23

# A helper has so small a part of the room that threads share.
PART = 16

_COMMAND = "import sys; from jaxgan.data.images.processes import serve; serve(*map(int, sys.argv[1:]))"


class Helpers:
    """Some processes that decode images for threads of this one, started once there is enough to do.

    Until a helper is ready, and where one has ended, its thread is to decode by itself: pixels are the same. Helpers
    end with this object, and with this process however that ends.

    Args:
      canvas: what each image is turned into.
      number: of processes; with less than two there are none.
    """

    def __init__(self, canvas: Canvas, number: int):
        self._canvas, self._number = canvas, number if number > 1 else 0
        self._lock, self._decoded = threading.Lock(), 0
        self._idle: list[Helper] | None = None

    def decode(self, pictures: Sequence[Encoded], images: np.ndarray) -> np.ndarray:
        """Decode images as `Helper.decode` does; none where this thread is to decode them all."""
        with self.borrow(len(pictures)) as helper:
            return helper.decode(pictures, images) if helper else np.zeros(len(pictures), np.bool_)

    @contextlib.contextmanager
    def borrow(self, num_images: int) -> Iterator[Helper | None]:
        """Yield a helper for so many images, or None where this thread is to decode them."""
        helper = self._take(num_images)
        try:
            yield helper
        finally:
            if helper is not None and self._idle is not None:
                with self._lock:
                    self._idle.append(helper)

    def _take(self, num_images: int) -> Helper | None:
        with self._lock:
            self._decoded += num_images
            if self._idle is None:
                if not self._number or self._decoded < WORTH:
                    return None
                try:
                    self._idle = [Helper(self._canvas) for _ in range(self._number)]
                except OSError as error:
                    self._number = 0
                    terminal.say(f"warning: no processes could be started to decode images ({error}); threads do it")
                    return None
            ready = next((i for i, helper in enumerate(self._idle) if helper.is_ready()), None)
            return None if ready is None else self._idle.pop(ready)


class Helper:
    """One process that decodes into memory that both share."""

    def __init__(self, canvas: Canvas):
        shape = (SLOTS, max(1, min(SLOT, SLOT_BYTES // math.prod(canvas.shape))), *canvas.shape)
        file = _shared_file(math.prod(shape))
        self._slots = _mapped(file, shape)
        self._connection, theirs = multiprocessing.Pipe()
        self._ready = self._ended = False
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        with theirs, file:
            fds = theirs.fileno(), file.fileno()
            command = [sys.executable, "-c", _COMMAND, *map(str, fds)]
            process = subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL, env=environment)
        self._finalizer = weakref.finalize(self, _end, self._connection, process)
        self._connection.send((canvas, shape))

    def is_ready(self) -> bool:
        """Return whether it waits for images; at once."""
        if self._ended or self._ready:
            return self._ready
        try:
            self._ready = self._connection.poll() and self._connection.recv()
        except (EOFError, OSError):
            self._lost()
        return self._ready

    def decode(self, pictures: Sequence[Encoded], images: np.ndarray) -> np.ndarray:
        """Decode images into images uint8[n, H, W, C].

        Returns:
          Which of them it has decoded, bool[n]; others are damaged, or take so much memory that they are left to the
          threads, which share it. None at all where the process has ended.
        """
        good = np.zeros(len(pictures), np.bool_)
        size = self._slots.shape[1]
        parts = [slice(start, start + size) for start in range(0, len(pictures), size)]
        try:
            for number in range(len(parts) + 1):
                if number < len(parts):  # it decodes the next ones while these are copied
                    self._connection.send((number % SLOTS, pictures[parts[number]]))
                if number:
                    part = parts[number - 1]
                    good[part] = np.frombuffer(self._connection.recv_bytes(size), np.bool_)
                    images[part] = self._slots[(number - 1) % SLOTS, : len(images[part])]
        except (EOFError, OSError):
            self._lost()
            good[:] = False
        return good

    def _lost(self) -> None:
        self._ready, self._ended = False, True
        terminal.say("warning: a process that decodes images has ended; threads go on without it")


def _shared_file(num_bytes: int) -> BinaryIO:
    """Return a file without a name, in memory where the system has such."""
    file = os.fdopen(os.memfd_create("jaxgan"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()  # noqa: SIM115
    file.truncate(num_bytes)
    return file


def _mapped(file: BinaryIO | int, shape: tuple[int, ...]) -> np.ndarray:
    """Return the content of a file as uint8 of that shape; whoever writes to it writes to the file."""
    fd = file if isinstance(file, int) else file.fileno()
    return np.frombuffer(mmap.mmap(fd, math.prod(shape)), np.uint8).reshape(shape)


def _end(connection: multiprocessing.connection.Connection, process: subprocess.Popen) -> None:
    connection.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def serve(connection_fd: int, memory_fd: int) -> None:
    """Decode what comes through a connection, until the other side is closed; the main function of a helper."""
    # Schedulers and terminals send these to all processes, and the run decides what they mean.
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, signal.SIG_IGN)
    FILES.lower(MAX_BYTES // PART)
    PIXELS.lower(MAX_PIXELS // PART)
    connection = multiprocessing.connection.Connection(connection_fd)
    with contextlib.suppress(EOFError, OSError), connection:
        canvas, shape = connection.recv()
        slots = _mapped(memory_fd, shape)
        connection.send(True)
        while True:
            slot, pictures = connection.recv()
            good = bytearray(len(pictures))
            for i, picture in enumerate(pictures):
                if (pixels := decode(picture, canvas)) is not None:
                    slots[slot, i], good[i] = pixels, True
            connection.send_bytes(good)
