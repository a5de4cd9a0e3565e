"""Folders of images, with what people keep in them."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxgan.base import terminal
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources.folder import Folder

CANVAS = Canvas(8, 3)


@pytest.fixture
def warnings():
    said = []
    with terminal.divert(said.append):
        yield said


def picture(value):
    return np.full((8, 8, 3), value, np.uint8)


def save(file, value):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(value)).save(file)


def truncate(file):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:3000])


def open_folder(path, workers=2):
    return Folder(str(path), CANVAS, Workers(workers))


@pytest.mark.parametrize("workers", [1, 3])
def test_images_in_order_without_labels(tmp_path, warnings, workers):
    for i in range(40):
        save(tmp_path / f"{i:02}.png", i)
    for other in ("notes.txt", ".DS_Store", "._00.png"):
        (tmp_path / other).write_bytes(b"no image")
    source = open_folder(tmp_path, workers)
    assert source.info.image_shape == (8, 8, 3)
    assert (source.info.num_images, source.info.num_classes) == (40, None)
    rows = np.random.default_rng(0).integers(0, 40, 100)
    images, labels = source.read(rows)
    np.testing.assert_array_equal(images, np.stack([picture(i) for i in rows]))
    assert labels.dtype == np.int32
    assert not labels.any()
    loaded = source.load()
    np.testing.assert_array_equal(loaded.images, np.stack([picture(i) for i in range(40)]))
    assert warnings == []


def test_subfolders_are_classes(tmp_path, warnings):
    save(tmp_path / "b" / "deep" / "1.png", 1)
    save(tmp_path / "a" / "2.png", 2)
    save(tmp_path / "c" / "3.PNG", 3)
    (tmp_path / "empty").mkdir()
    source = open_folder(tmp_path)
    images, labels = source.read(np.arange(3))
    assert images[:, 0, 0, 0].tolist() == [2, 1, 3]
    assert labels.tolist() == [0, 1, 2]
    assert source.info.num_classes == 3
    assert warnings == []


def test_a_mixture_has_no_labels_and_says_so(tmp_path, warnings):
    save(tmp_path / "a" / "1.png", 1)
    save(tmp_path / "2.png", 2)
    source = open_folder(tmp_path)
    assert (source.info.num_images, source.info.num_classes) == (2, None)
    assert len(warnings) == 1
    assert "no image gets a label" in warnings[0]


def test_folders_named_like_splits_get_a_hint(tmp_path, warnings):
    save(tmp_path / "train" / "1.png", 1)
    save(tmp_path / "test" / "2.png", 2)
    assert open_folder(tmp_path).info.num_classes == 2
    assert len(warnings) == 1
    assert "data.path" in warnings[0]


def test_bad_headers_are_left_out_and_named_once(tmp_path, warnings):
    for i in range(3):
        save(tmp_path / f"good{i}.png", i)
    for i in range(7):
        (tmp_path / f"bad{i}.jpg").write_text("no image")
    source = open_folder(tmp_path)
    assert source.info.num_images == 3
    assert warnings == []
    source.announce()
    assert len(warnings) == 1
    assert warnings[0].startswith(f"Left out of {tmp_path}: 7 unreadable (bad0.jpg,")
    assert "bad4.jpg, ..." in warnings[0]
    assert "bad5" not in warnings[0]


def test_the_next_good_image_stands_in_for_a_truncated_file_however_they_are_cached(tmp_path, warnings):
    for i in (0, 2, 4):
        save(tmp_path / "abc"[i // 2] / f"{i}.png", i)
    truncate(tmp_path / "a" / "1.png")
    truncate(tmp_path / "c" / "5.png")
    (tmp_path / "c" / "6.png").write_text("no image")
    source = open_folder(tmp_path)
    assert source.info.num_images == 5
    assert warnings == []
    images, labels = source.read(np.arange(5))
    assert images[:, 0, 0, 0].tolist() == [0, 2, 2, 4, 0]
    assert labels.tolist() == [0, 1, 1, 2, 0]
    again, _ = source.read(np.array([4, 1]))
    np.testing.assert_array_equal(again, images[[4, 1]])
    assert len(warnings) == 1
    assert warnings[0].startswith(f"a/1.png in {tmp_path} is damaged")
    source = open_folder(tmp_path)
    loaded = source.load()
    source.announce()
    assert loaded.info == source.info
    assert loaded.fingerprint == source.fingerprint
    np.testing.assert_array_equal(loaded.images, images)
    np.testing.assert_array_equal(loaded.labels, labels)
    assert len(warnings) == 2
    assert "1 unreadable (c/6.png). Damaged, so that the next good" in warnings[1]
    assert "2 (a/1.png, c/5.png)" in warnings[1]


def test_the_fingerprint_tells_folders_apart(tmp_path):
    for i in range(3):
        save(tmp_path / "here" / "a" / f"{i}.png", i)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    (tmp_path / "there" / "notes.txt").write_text("no image")
    one = open_folder(tmp_path / "here").fingerprint
    assert open_folder(tmp_path / "there").fingerprint == one
    assert len(one) == 32
    int(one, 16)
    seen = {one}
    save(tmp_path / "there" / "a" / "3.png", 3)  # grown
    seen.add(open_folder(tmp_path / "there").fingerprint)
    (tmp_path / "there" / "a" / "3.png").rename(tmp_path / "there" / "a" / "4.png")
    seen.add(open_folder(tmp_path / "there").fingerprint)
    Image.fromarray(picture(7)).convert("L").save(tmp_path / "there" / "a" / "4.png")  # another size in bytes
    seen.add(open_folder(tmp_path / "there").fingerprint)
    assert len(seen) == 4


def test_links_back_up_the_tree_are_followed_once(tmp_path, warnings):
    save(tmp_path / "a" / "1.png", 1)
    os.symlink(tmp_path, tmp_path / "a" / "loop")
    assert open_folder(tmp_path).info.num_images == 1


def test_missing_empty_and_hopeless_folders(tmp_path, warnings):
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_folder(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="no folder"):
        Folder("", CANVAS, Workers(1))
    with pytest.raises(ValueError, match="holds no images"):
        open_folder(tmp_path)
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(ValueError, match=r"No image in .* is of use: 1 unreadable"):
        open_folder(tmp_path)
    truncate(tmp_path / "a.png")
    with pytest.raises(ValueError, match="can be decoded any more"):
        open_folder(tmp_path).read(np.array([0]))
    with pytest.raises(ValueError, match=r"Every image in .* is damaged: a\.png"):
        open_folder(tmp_path).load()


def test_a_forbidden_subfolder_is_named(tmp_path, monkeypatch):
    (tmp_path / "closed").mkdir()  # its mode would not stop root
    scandir = os.scandir

    def refuse(path):
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ValueError, match=r"closed cannot be read .Permission denied"):
        open_folder(tmp_path)


def test_oblong_images_are_counted_by_their_headers(tmp_path, warnings):
    for i in range(3):
        save(tmp_path / f"{i}.png", i)
    for i, size in enumerate([(8, 4), (4, 8)]):
        Image.new("RGB", size).save(tmp_path / f"oblong{i}.png")
    source = open_folder(tmp_path)
    source.announce()
    assert len(warnings) == 1
    assert warnings[0].startswith(f"2 of 5 images in {tmp_path} are not square")


def test_a_file_that_vanished_is_one_more_damaged_file(tmp_path, warnings):
    for i in range(3):
        save(tmp_path / f"{i}.png", i)
    source = open_folder(tmp_path)
    (tmp_path / "1.png").unlink()
    os.mkfifo(tmp_path / "1.png")
    for _ in range(2):
        assert source.read(np.arange(3))[0][:, 0, 0, 0].tolist() == [0, 2, 2]
    assert len(warnings) == 1
