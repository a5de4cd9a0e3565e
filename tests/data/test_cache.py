"""open_source: the cache decision, skipping, and errors in the config."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxgan.base.types import DataInfo
from jaxgan.config import default
from jaxgan.data import InMemory, fingerprint, in_memory, memory as data_memory, open_source, resolve_cache, validation
from jaxgan.data.limits import host_memory
from jaxgan.data.memory import DEVICE_BYTES
from jaxgan.data.sources.synthetic import Synthetic

GIB = 2**30


def config(**changes):
    """The data section of the default configuration, with small images from the nearest source."""
    fields = default().data
    with fields.unlocked():
        fields.update({"source": "synthetic", "image_size": 8, "channels": 3, "batch_size": 4, "workers": 1} | changes)
    return fields


def info(num_bytes):
    return DataInfo((1, 1, num_bytes), 1)


@pytest.mark.parametrize(
    ("size", "memory", "expected"),
    [
        (DEVICE_BYTES, 16 * GIB, "device"),
        (DEVICE_BYTES + 1, 16 * GIB, "host"),
        (4 * GIB, 16 * GIB, "host"),
        (4 * GIB + 1, 16 * GIB, "none"),
    ],
)
def test_auto(size, memory, expected, monkeypatch):
    monkeypatch.setattr(data_memory, "host_memory", lambda: memory)
    assert resolve_cache(config(), info(size)) == expected


def test_the_given_cache_is_kept_if_it_is_possible(monkeypatch):
    monkeypatch.setattr(data_memory, "host_memory", lambda: 2 * GIB)
    for cache in ("device", "host", "none"):
        assert resolve_cache(config(cache=cache), info(GIB)) == cache
    with pytest.raises(ValueError, match=r"3.0 GiB and this machine has 2.0 GiB"):
        resolve_cache(config(cache="host"), info(3 * GIB))
    assert resolve_cache(config(cache="none"), info(3 * GIB)) == "none"


def test_a_batch_must_fit_into_memory(monkeypatch):
    monkeypatch.setattr(validation, "host_memory", lambda: 10 * GIB)
    validation.check_batch(100, info(2**20))
    with pytest.raises(ValueError, match=r"batch_size is 2000, .* 2.0 GiB, .* set data.batch_size to 1024 or less"):
        validation.check_batch(2000, info(2**20))


def test_the_memory_of_this_machine_is_plausible():
    assert 2**28 < host_memory() < 2**50


@pytest.mark.parametrize("cache", ["auto", "device", "host", "none"])
@pytest.mark.parametrize("skip", [0, 10])
def test_cache_and_skip_give_the_same_images(cache, skip):
    source = open_source(config(cache=cache, skip=skip))
    assert isinstance(source, InMemory) == (cache != "none")
    assert source.info == DataInfo((8, 8, 3), 4096 - skip, 4)
    images, labels = source.read(np.array([5, 0, 4095 - skip]))
    expected, expected_labels = Synthetic(8, 3).read(np.array([5 + skip, skip, 4095]))
    np.testing.assert_array_equal(images, expected)
    np.testing.assert_array_equal(labels, expected_labels)


def test_skipping_does_not_wrap_around():
    source = open_source(config(cache="none", skip=4000))
    for wrong in (-1, 96):
        with pytest.raises(IndexError, match=r"0..95"):
            source.read(np.array([wrong]))


def test_mnist_is_passed_through_or_converted():
    native = open_source(config(source="mnist", split="test", image_size=28, channels=1))
    assert isinstance(native, InMemory)
    assert in_memory(native) is native
    images, labels = native.read(np.arange(3))
    assert labels.tolist() == [7, 2, 1]
    large = open_source(config(source="mnist", split="test", image_size=32, cache="none"))
    got, same = large.read(np.arange(3))
    assert got.shape == (3, 32, 32, 3)
    assert same.tolist() == [7, 2, 1]
    reference = Image.fromarray(images[0, ..., 0]).resize((32, 32), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(got[0, ..., 1], np.asarray(reference))


def test_a_folder_is_loaded_or_read(tmp_path):
    for i in range(5):
        Image.fromarray(np.full((8, 8, 3), i, np.uint8)).save(tmp_path / f"{i}.png")
    for cache in ("host", "none"):
        source = open_source(config(source="folder", path=str(tmp_path), cache=cache, skip=2))
        assert source.info.num_images == 3
        assert source.read(np.array([2, 0]))[0][:, 0, 0, 0].tolist() == [4, 2]


@pytest.mark.long
@pytest.mark.parametrize("cache", ["device", "host", "none"])
@pytest.mark.parametrize("source", ["synthetic", "mnist", "folder"])
def test_every_source_can_be_mirrored_in_every_cache(tmp_path, source, cache):
    for i in range(5):
        noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    path = str(tmp_path) if source == "folder" else ""
    split = "test" if source == "mnist" else "train"
    fields = {"source": source, "path": path, "split": split, "cache": cache, "skip": 2}
    plain, twice = open_source(config(**fields)), open_source(config(mirror=True, **fields))
    num = plain.info.num_images
    assert twice.info == dataclasses.replace(plain.info, num_images=2 * num)
    images, labels = plain.read(np.array([0, 2, num - 1]))
    got, numbers = twice.read(np.array([0, num + 2, 2, 2 * num - 1, num - 1, num]))
    np.testing.assert_array_equal(got[[0, 2, 4]], images)
    np.testing.assert_array_equal(got[[5, 1, 3]], images[:, :, ::-1])
    np.testing.assert_array_equal(numbers, labels[[0, 1, 1, 2, 2, 0]])
    assert fingerprint(twice) != fingerprint(plain)
    with pytest.raises(IndexError):
        twice.read(np.array([2 * num]))


def test_mirroring_takes_no_memory():
    source = open_source(config(mirror=True))
    assert isinstance(source.source, InMemory)
    assert len(source.source.images) == 4096


def test_damaged_files_are_the_same_in_every_cache(tmp_path, capfd):
    for i in range(4):
        noise = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{i}.png")
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "9.png").write_bytes(b"no image")
    seen = []
    for cache in ("device", "host", "none"):
        source = open_source(config(source="folder", path=str(tmp_path), cache=cache))
        seen.append((source.info, fingerprint(source), source.read(np.arange(4))[0].tobytes()))
        said = capfd.readouterr().err
        assert "9.png" in said
        assert "2.png" in said
        assert said.count("\n") == (2 if cache == "none" else 1)
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][0].num_images == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"source": "mnits"}, 'Did you mean "mnist"'),
        ({"cache": "gpu"}, "data.cache"),
        ({"workers": -1}, "data.workers"),
        ({"workers": 10**12}, "data.workers is 1000000000000; expected a value from 0 to 1024"),
        ({"image_size": 10**30}, "data.image_size is 10{30}; expected a value from 1 to 4096"),
        ({"source": "mnist", "image_size": 10**30, "split": "test"}, "data.image_size is 10{30}; expected"),
        ({"batch_size": 0}, "data.batch_size is 0; expected a value from 1 to"),
        ({"batch_size": 10**9}, "data.batch_size is 1000000000; expected a value from 1 to"),
        ({"skip": -1}, "data.skip"),
        ({"skip": 4096}, "so that none of 4096 images is left; set it to less"),
        ({"channels": 65}, "data.channels"),
        ({"image_size": 0}, "data.image_size"),
        ({"fit": "cover"}, "data.fit"),
        ({"background": "nocolour"}, "data.background"),
    ],
)
def test_wrong_fields_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        open_source(config(**changes))


def test_importing_the_package_does_not_import_tfds():
    code = "import sys, jaxgan.data; print('tensorflow_datasets' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n", done.stderr
