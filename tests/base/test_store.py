"""Files of arrays: whole, sound, and found again."""

import numpy as np
import pytest

from jaxgan.base import digests, store

ARRAYS = {"a/b": np.arange(6, dtype=np.float16).reshape(2, 3), "n": np.array(3), "empty": np.zeros((0, 2), np.int64)}


def test_what_is_saved_is_loaded(tmp_path):
    store.save(tmp_path / "new" / "x.npz", ARRAYS, {"accuracy": 0.5})
    arrays, facts = store.load(tmp_path / "new" / "x.npz")
    assert facts == {"accuracy": 0.5}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_equal_content_makes_equal_bytes(tmp_path):
    for name in ("x.npz", "y.npz"):
        store.save(tmp_path / name, ARRAYS, {"a": 1})
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


def test_damage_is_noticed(tmp_path):
    path = tmp_path / "x.npz"
    store.save(path, {"values": np.random.default_rng(0).random(100)}, {"a": 1})
    sound = path.read_bytes()
    for damaged in (b"", b"junk", sound[:-30], sound[: len(sound) // 2], sound[:200] + b"!" + sound[201:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"x.npz is damaged"):
            store.load(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    np.savez(tmp_path / "x.npz", values=np.zeros(3))
    with pytest.raises(ValueError, match="is damaged"):
        store.load(tmp_path / "x.npz")
    with pytest.raises(FileNotFoundError):
        store.load(tmp_path / "y.npz")


def test_values_changed_within_a_sound_zip_are_noticed(tmp_path):
    path = tmp_path / "x.npz"
    store.save(path, {"values": np.zeros(3)}, {})
    with np.load(path) as file:
        facts = file["facts"]
    np.savez(path, values=np.ones(3), facts=facts)
    with pytest.raises(ValueError, match="is damaged"):
        store.load(path)


def test_digests_tell_content_shape_and_type_apart():
    x = np.zeros((2, 3), np.uint8)
    parts = [(x,), (x.reshape(3, 2),), (x.view(np.int8),), (x + 1,), (x, "a"), ("a", x), ("a",), ("a", "b"), ("ab",)]
    assert len({digests.array_digest(*part) for part in parts}) == len(parts)
    assert digests.array_digest(x) == digests.array_digest(np.asfortranarray(x))


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.cache_folder() == tmp_path / "jaxgan"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store.cache_folder().parts[-2:] == (".cache", "jaxgan")
