"""HDF5 files as StudioGAN, BigGAN and PatchCamelyon write them."""

import numpy as np
import pytest
from containers import PIXELS, PNGS, check, opened, or_sentence

from jaxgan.base.checks import UserError

h5py = pytest.importorskip("h5py")

LABELS = [2, 0, 1, 1, 0, 2]


def write(file, images=PIXELS, name="imgs", labels=LABELS, **options):
    with h5py.File(file, "w") as opened:
        opened.create_dataset(name, data=images, **options)
        if labels is not None:
            opened.create_dataset("labels", data=np.array(labels, np.int64))


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 8, 8, 3)}, {"chunks": (4, 8, 2, 1), "compression": "gzip"}])
def test_studiogan(tmp_path, options):
    write(tmp_path / "a.hdf5", **options)
    source, said = opened(tmp_path / "a.hdf5")
    check(source, labels=LABELS, classes=3)
    assert said == ["HDF5 file: 6 images 8x8 RGB, 3 classes."]
    check(opened(tmp_path)[0], labels=LABELS, classes=3)


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 3, 8, 8), "compression": "lzf"}])
def test_biggan(tmp_path, options):
    write(tmp_path / "ILSVRC8.hdf5", PIXELS.transpose(0, 3, 1, 2), **options)
    check(opened(tmp_path / "ILSVRC8.hdf5")[0], labels=LABELS, classes=3)


def test_patchcamelyon(tmp_path):
    write(tmp_path / "a.h5", name="x", labels=None)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["y"] = np.array(LABELS).reshape(6, 1, 1, 1)
    check(opened(tmp_path / "a.h5")[0], labels=LABELS, classes=3)


def test_encoded_images_of_several_lengths(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("images", 6, h5py.vlen_dtype(np.uint8))
        for i, png in enumerate(PNGS):
            data[i] = np.frombuffer(png, np.uint8)
        file["kind"] = ["b", "a"] * 3
    check(opened(tmp_path / "a.h5")[0])
    check(opened(tmp_path / "a.h5", labels="kind")[0], labels=[1, 0] * 3, classes=2, names=["a", "b"])


def test_grey_images(tmp_path):
    write(tmp_path / "a.h5", PIXELS[..., 0], labels=None)
    check(opened(tmp_path / "a.h5", channels=1)[0], PIXELS[..., :1])


def test_what_names_other_files_is_refused(tmp_path):
    write(tmp_path / "secret.h5", labels=None)
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["imgs"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "imgs")
    with pytest.raises(UserError, match="holds no sets; expected images"):
        opened(tmp_path / "link.h5")
    layout = h5py.VirtualLayout((6, 8, 8, 3), np.uint8)
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "imgs", (6, 8, 8, 3))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("imgs", layout)
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset("imgs", (6, 8, 8, 3), np.uint8, external=[(str(tmp_path / "secret.h5"), 0, 1152)])
    for name in ("virtual.h5", "external.h5"):
        with pytest.raises(UserError, match=r"'imgs' of .* lies in other files"):
            opened(tmp_path / name)


def test_huge_chunks_and_no_images(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("imgs", (1000, 512, 512, 3), np.uint8, chunks=(500, 512, 512, 3))
    with pytest.raises(UserError, match="has chunks of 393,216,000 bytes"):
        opened(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["weights"] = np.zeros((3, 3))
    with pytest.raises(UserError, match=r"holds weights float64\(3, 3\); expected images"):
        opened(tmp_path / "b.h5")


def test_damaged_files(tmp_path):
    write(tmp_path / "a.h5", chunks=(1, 8, 8, 3), compression="gzip")
    whole = (tmp_path / "a.h5").read_bytes()
    for cut in (600, len(whole) - 100):
        (tmp_path / "a.h5").write_bytes(whole[:cut])
        or_sentence(lambda: opened(tmp_path / "a.h5")[0].read(np.arange(6)), "a.h5")
    rng = np.random.default_rng(0)
    for _ in range(1):
        content = bytearray(whole)
        for place in rng.integers(0, len(whole), 20):
            content[place] = rng.integers(256)
        (tmp_path / "a.h5").write_bytes(content)
        or_sentence(lambda: opened(tmp_path / "a.h5")[0].read(np.arange(6)), "a.h5")


def encoded(file, **options):
    with h5py.File(file, "w") as opened:
        data = opened.create_dataset("images", 6, h5py.vlen_dtype(np.uint8), **options)
        for i, png in enumerate(PNGS):
            data[i] = np.frombuffer(png, np.uint8)


@pytest.mark.parametrize("options", [{}, {"chunks": (4,)}, {"chunks": (4,), "compression": "gzip", "shuffle": True}])
def test_values_longer_than_the_file_are_not_made_room_for(tmp_path, options):
    """The reader would take 4 GiB for the claim of four bytes."""
    encoded(tmp_path / "a.h5", **options)
    check(opened(tmp_path / "a.h5")[0])
    content = (tmp_path / "a.h5").read_bytes()
    if "compression" in options:
        return
    first = len(PNGS[0]).to_bytes(4, "little")
    assert content.count(first) >= 1
    (tmp_path / "a.h5").write_bytes(content.replace(first, b"\xff\xff\xff\x7f"))
    with pytest.raises(UserError, match=r"claims values longer than itself|takes more than 0\.5 GiB|no sound HDF5"):
        opened(tmp_path / "a.h5")[0].read(np.arange(6))


def test_packed_references_that_cannot_be_checked_are_refused(tmp_path):
    encoded(tmp_path / "a.h5", chunks=(4,), compression="lzf")
    with pytest.raises(UserError, match="packs values of several lengths; save it anew without compression"):
        opened(tmp_path / "a.h5")


def test_images_that_are_claimed_and_not_there_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("imgs", (10**6, 64, 64, 3), np.uint8, chunks=(1, 64, 64, 3))
    with pytest.raises(UserError, match="claims 12,288,000,000 bytes, more than the file can hold"):
        opened(tmp_path / "a.h5")


def test_labels_of_another_number(tmp_path):
    write(tmp_path / "a.h5", labels=LABELS[:5])
    with pytest.raises(UserError, match=r"has 5 labels for 6 images"):
        opened(tmp_path / "a.h5")
