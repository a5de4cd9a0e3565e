"""Prepare the next batches in a background thread."""

from __future__ import annotations

import collections
import threading
import weakref
from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

import jax

T = TypeVar("T")

# Items that may be ahead of their consumer, the one being made among them, and their bytes; one is always made.
DEPTH, AHEAD_BYTES = 3, 2**28

# Seconds that closing waits for an item under way; past that the thread ends by itself once it is done.
PATIENCE = 5.0


class Prefetch(Generic[T]):
    """An iterator over another one, which runs ahead in a thread of its own.

    Closing it (by `close`, by leaving a `with` block, by dropping the last reference, or at the interpreter's
    exit) stops and joins the thread, and closes the inner iterator if that can be closed.
    """

    def __init__(self, iterable: Iterable[T]):
        # The thread knows the shelf but not this object, so that dropping this object ends the thread.
        self._shelf = _Shelf()
        thread = threading.Thread(target=_fill, args=(self._shelf, iter(iterable)), name="jaxgan-prefetch", daemon=True)
        self._finalizer = weakref.finalize(self, _stop, self._shelf, thread)
        thread.start()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        return self._shelf.take()

    def __enter__(self) -> Prefetch[T]:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the thread; further items are gone. Closing twice does nothing."""
        self._finalizer()


def prefetch(iterable: Iterable[T]) -> Prefetch[T]:
    """Run an iterable ahead of its consumer in one background thread.

    Up to DEPTH items, and AHEAD_BYTES of arrays, are made ahead; one item is made ahead whatever its size. The size of
    the item being made is taken to be that of the one before.

    Args:
      iterable: yields the items; it runs in the thread, so it must not be used elsewhere.

    Returns:
      An iterator over the same items, also a context manager. An exception of the iterable is raised in the
      consumer, after the items before it.
    """
    return Prefetch(iterable)


class _Shelf:
    """A bounded queue that both ends can close."""

    def __init__(self):
        self._items: collections.deque[Any] = collections.deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = False  # the iterable has no more items
        self._closed = False  # the consumer wants no more items

    def wait_for_room(self, item_bytes: int) -> bool:
        """Wait until one more item of this size may be made; returns False once the consumer has gone."""

        def has_room() -> bool:
            num = len(self._items) + 1
            return self._closed or num == 1 or (num <= DEPTH and num * item_bytes <= AHEAD_BYTES)

        with self._changed:
            self._changed.wait_for(has_room)
            return not self._closed

    def put(self, item: Any) -> None:
        with self._changed:
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()

    def end(self, error: BaseException | None) -> None:
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify_all()

    def take(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._ended or self._items)
            if self._closed or not self._items:
                error, self._error = self._error, None
                if error is not None and not self._closed:
                    raise error
                raise StopIteration
            self._changed.notify_all()
            return self._items.popleft()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


def _fill(shelf: _Shelf, iterator: Iterator[Any]) -> None:
    error: BaseException | None = None
    try:
        item_bytes = 0
        while shelf.wait_for_room(item_bytes):
            try:
                item = next(iterator)
            except StopIteration:
                break
            item_bytes = num_bytes(item)
            shelf.put(item)
            del item  # the consumer alone holds a batch while the next one is made
        if close := getattr(iterator, "close", None):
            close()
    except BaseException as caught:  # also KeyboardInterrupt: it belongs to the consumer
        error = caught
    shelf.end(error)


def num_bytes(item: Any) -> int:
    """Return how much memory the arrays of a pytree take."""
    return sum(getattr(leaf, "nbytes", 0) for leaf in jax.tree.leaves(item))


def _stop(shelf: _Shelf, thread: threading.Thread) -> None:
    shelf.close()
    # The garbage collector may call this from the thread itself.
    if thread is not threading.current_thread() and thread.is_alive():
        thread.join(PATIENCE)
