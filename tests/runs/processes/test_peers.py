"""Signs of life, on a clock of the tests' own."""

import threading

from jaxgan.runs.processes import peers
from jaxgan.runs.processes.peers import PATIENCE, Pulse, Watch


def test_who_counts_is_alive_and_who_stops_is_lost():
    pulse = Pulse([1, 2], now=0)
    for second in range(0, 100, 2):
        pulse.hear({0: "7", 1: str(second), 2: str(min(second, 50))}, now=second)
        assert pulse.lost(second) == (None if second - 50 <= PATIENCE else "process 2")


def test_who_never_came_is_lost():
    pulse = Pulse([1], now=0)
    pulse.hear({}, now=PATIENCE)
    assert pulse.lost(PATIENCE) is None
    pulse.hear({}, now=PATIENCE + 1)
    assert pulse.lost(PATIENCE + 1) == "process 1"


def test_a_store_that_does_not_answer_is_process_0_lost():
    pulse = Pulse([0], now=0)
    pulse.hear({0: "1"}, now=5)
    assert pulse.lost(5 + PATIENCE) is None
    assert pulse.lost(6 + PATIENCE) == "process 0"


class Store:
    """What the processes share, as JAX's own; one process is on its own here."""

    def __init__(self):
        self.kept = {}

    def key_value_set(self, key, value, allow_overwrite):
        assert allow_overwrite
        self.kept[key] = value

    def key_value_dir_get(self, folder):
        return [(key, value) for key, value in self.kept.items() if key.startswith(folder)]


def test_the_end_comes_once_and_with_a_sentence(monkeypatch):
    monkeypatch.setattr(peers, "EVERY", 0.01)
    monkeypatch.setattr(peers, "PATIENCE", 0.05)
    store, said, told = Store(), [], threading.Event()

    def end(lost):
        said.append(str(lost))
        told.set()

    watch = Watch(store, 0, [1], end)
    assert told.wait(10)
    watch.stop()
    assert said == [
        "process 1 of this job ended or does not answer; start all of them again to go on from the last checkpoint."
    ]
    assert int(store.kept["jaxgan/alive/0"]) > 0


def test_a_store_that_fails_is_silence(monkeypatch):
    monkeypatch.setattr(peers, "EVERY", 0.01)
    monkeypatch.setattr(peers, "PATIENCE", 0.05)
    store, told = Store(), threading.Event()
    monkeypatch.setattr(store, "key_value_set", lambda *_, **__: 1 / 0)
    watch = Watch(store, 1, [0], lambda lost: told.set())
    assert told.wait(10)
    watch.stop()
