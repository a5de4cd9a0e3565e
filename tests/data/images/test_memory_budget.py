"""Room that threads share."""

import threading

import pytest

from jaxgan.data.images.memory_budget import Room
from jaxgan.data.images.threads import Workers


def test_room_is_shared_and_given_back():
    room, most, held, lock = Room(3 * 2**20), [0], [0], threading.Lock()

    def work(_):
        with room.take(2**20):
            with lock:
                held[0] += 1
                most[0] = max(most[0], held[0])
            threading.Event().wait(0.001)
            with lock:
                held[0] -= 1

    Workers(8).run(work, 8 * 32)
    assert most[0] <= 3
    with room.take(3 * 2**20), room.take(1):  # all is back, and little is free
        pass
    with pytest.raises(KeyError), room.take(3 * 2**20):
        raise KeyError
    with room.take(3 * 2**20):
        pass


def test_more_than_there_is_is_refused():
    room = Room(2**20)
    with pytest.raises(MemoryError), room.take(2**20 + 1):
        pass
    with room.take(2**20):
        pass
