"""Folders of images, with what people keep in them."""

import errno
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from jaxgan.base import files, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.digests import digest
from jaxgan.data.images import decode
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources import folder

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
    return folder.open_folder(str(path), CANVAS, Workers(workers))


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


def test_folders_below_the_classes_are_named(tmp_path, warnings):
    """Omniglot: alphabets hold characters, which hold the images."""
    for alphabet in ("Greek", "Latin"):
        for character in ("character01", "character02"):
            save(tmp_path / alphabet / character / "1.png", 1)
    assert open_folder(tmp_path).info.num_classes == 2
    assert warnings == [
        f"The classes of {tmp_path} are its 2 subfolders. The 4 folders below them, such as Greek/character01, are "
        "none; a metadata.csv of file_name and label makes classes of them."
    ]


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
        folder.open_folder("", CANVAS, Workers(1))
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


def test_a_file_that_vanished_stops_with_a_sentence_for_no_other_image_may_stand_in(tmp_path, warnings, monkeypatch):
    monkeypatch.setattr(decode, "PAUSES", (0.0,))
    for i in range(3):
        save(tmp_path / f"{i}.png", i)
    source = open_folder(tmp_path)
    (tmp_path / "1.png").unlink()
    for read in (lambda: source.read(np.arange(3)), source.load):
        with pytest.raises(UserError, match=r"1\.png cannot be read \(No such file or directory; tried 1 times\)"):
            read()
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(UserError, match=r"1\.png cannot be read \(it is no regular file; tried 1 times\)"):
        source.read(np.arange(3))
    assert warnings == []


class Failing:
    """`open_regular`, but for a file whose disk fails a number of times, with an error of that number."""

    def __init__(self, name, times, code=errno.EIO):
        self.name, self.left, self.code = name, times, code

    def __call__(self, path):
        if str(path).endswith(self.name) and self.left:
            self.left -= 1
            raise OSError(self.code, os.strerror(self.code), path)
        return files.open_regular(path)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT])
def test_a_disk_that_fails_for_a_while_changes_nothing(tmp_path, warnings, monkeypatch, code):
    monkeypatch.setattr(decode, "PAUSES", (0.0, 0.0))
    for i in range(3):
        save(tmp_path / f"{i}.png", i)
    whole = open_folder(tmp_path)
    monkeypatch.setattr(decode, "open_regular", Failing("1.png", 2, code))
    source = open_folder(tmp_path)
    assert (source.info, source.fingerprint) == (whole.info, whole.fingerprint)
    monkeypatch.setattr(decode, "open_regular", Failing("1.png", 2, code))
    assert source.read(np.arange(3))[0][:, 0, 0, 0].tolist() == [0, 1, 2]
    assert warnings == []


def test_a_disk_that_goes_on_failing_stops_with_a_sentence_and_no_image_is_replaced(tmp_path, warnings, monkeypatch):
    monkeypatch.setattr(decode, "PAUSES", (0.0, 0.0))
    for i in range(3):
        save(tmp_path / f"{i}.png", i)
    source = open_folder(tmp_path)
    monkeypatch.setattr(decode, "open_regular", Failing("1.png", 10**6))
    for read in (lambda: open_folder(tmp_path), lambda: source.read(np.arange(3)), source.load):
        with pytest.raises(UserError, match=r"1\.png cannot be read \(Input/output error; tried 3 times\)"):
            read()
    monkeypatch.setattr(decode, "open_regular", files.open_regular)
    assert source.read(np.arange(3))[0][:, 0, 0, 0].tolist() == [0, 1, 2]


def test_a_file_that_may_not_be_read_is_left_out_by_the_scan(tmp_path, warnings, monkeypatch):
    save(tmp_path / "0.png", 0)
    save(tmp_path / "1.png", 1)
    monkeypatch.setattr(decode, "open_regular", Failing("1.png", 10**6, errno.EACCES))
    assert open_folder(tmp_path).info.num_images == 1


def test_a_class_keeps_its_number_where_none_of_its_images_can_be_read(tmp_path, warnings):
    for name, value in (("a", 1), ("c", 3)):
        save(tmp_path / name / "1.png", value)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.png").write_text("no image")
    source = open_folder(tmp_path)
    assert source.info.num_classes == 3
    assert source.read(np.arange(2))[1].tolist() == [0, 2]
    assert warnings == [f"warning: no image of b in {tmp_path} can be read; the class has none."]


def test_folders_of_storage_systems_are_no_classes(tmp_path, warnings):
    for name in ("a", "b"):
        save(tmp_path / name / "1.png", 1)
    alone = open_folder(tmp_path).fingerprint
    for name in ("@eaDir", "a/@eaDir", "lost+found", "#recycle", "$RECYCLE.BIN", "System Volume Information"):
        save(tmp_path / name / "thumb.jpg", 9)
    source = open_folder(tmp_path)
    assert (source.info.num_images, source.info.num_classes, source.fingerprint) == (2, 2, alone)


def test_folders_named_by_numbers_are_classes_in_the_order_of_numbers(tmp_path, warnings):
    for i in range(12):
        save(tmp_path / "many" / str(i) / "1.png", i)
        save(tmp_path / "padded" / f"{i:02}" / "1.png", i)
    source = open_folder(tmp_path / "many")
    images, labels = source.read(np.arange(12))
    assert images[:, 0, 0, 0].tolist() == labels.tolist()
    assert len(warnings) == 1
    assert "its classes 0..11 are in their order, from 0 to 11" in warnings[0]
    padded = open_folder(tmp_path / "padded")
    assert padded.read(np.arange(12))[1].tolist() == list(range(12))
    assert len(warnings) == 1


def test_the_order_of_numbers_is_a_part_of_the_fingerprint(tmp_path, warnings):
    """Runs that took the names as texts have other labels, so they must not be resumed."""
    for name in ("2", "10"):
        save(tmp_path / name / "1.png", 1)
    source = open_folder(tmp_path)
    facts = "".join(f"{os.path.relpath(file, tmp_path)}\0{os.path.getsize(file)}\0" for file in source.records.files)
    assert source.fingerprint != digest("folder", facts.encode())
    (tmp_path / "10").rename(tmp_path / "3")
    source = open_folder(tmp_path)
    facts = "".join(f"{os.path.relpath(file, tmp_path)}\0{os.path.getsize(file)}\0" for file in source.records.files)
    assert source.fingerprint == digest("folder", facts.encode())


def test_one_subfolder_is_one_class_and_says_so(tmp_path, warnings):
    save(tmp_path / "only" / "1.png", 1)
    assert open_folder(tmp_path).info.num_classes == 1
    assert warnings == [f"{tmp_path} has one subfolder, only, so that all images are of one class, 0."]


def test_files_of_other_kinds_are_counted(tmp_path, warnings):
    save(tmp_path / "1.png", 1)
    for name in (
        "a.heic",
        "b.HEIC",
        "c.jxl",
        "d.npy",
        "table.csv",
        "notes.txt",
        "Thumbs.db",
        "LICENSE",
        ".hidden.raw",
    ):
        (tmp_path / name).write_bytes(b"no image")
    open_folder(tmp_path).announce()
    (line,) = warnings
    assert line.startswith(f"warning: Left out of {tmp_path}: 5 of other kinds (2 .heic, ")
    assert "1 .csv" in line
    assert "once they are converted" in line
    for i in range(2, 6):
        save(tmp_path / f"{i}.png", i)
    open_folder(tmp_path).announce()
    assert warnings[1].startswith(f"Left out of {tmp_path}: 5 of other kinds")


def test_a_folder_of_other_kinds_alone_says_which(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"holds no images but what is left out: 1 of other kinds \(1 \.heic\)"):
        open_folder(tmp_path)


def test_a_folder_whose_name_is_not_utf8_is_read_like_any(tmp_path, warnings):
    strange = os.path.join(tmp_path, os.fsdecode(b"\xff"))
    os.mkdir(strange)
    with pytest.raises(UserError, match="holds no images") as caught:
        open_folder(strange)
    str(caught.value).encode()
    for name in ("a", os.fsdecode(b"b\xfe")):
        os.mkdir(os.path.join(strange, name))
        with open(os.path.join(strange, name, "1.png"), "wb") as file:
            Image.fromarray(picture(3)).save(file, "png")
    with open(os.path.join(strange, "a", "0.png"), "wb") as file:
        file.write(b"no image")
    source = open_folder(strange)
    source.announce()
    assert source.read(np.arange(2))[1].tolist() == [0, 1]
    assert len(warnings) == 1
    "".join(warnings).encode()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_animations_are_counted(tmp_path, warnings, kind):
    """Of (3, H, W), which imageio writes as an animated PNG, one frame was taken, and nothing was said."""
    frames = [Image.fromarray(picture(value)) for value in (0, 100, 200)]
    frames[0].save(tmp_path / f"a.{kind.lower()}", kind, save_all=True, append_images=frames[1:])
    save(tmp_path / "b.png", 7)
    open_folder(tmp_path).announce()
    assert warnings == [f"1 of 2 images in {tmp_path} are animations, whose first frame is taken."]


@pytest.mark.parametrize(("most", "said"), [(4095, True), (4096, False)])
def test_12_bits_in_16_are_dark_and_said_to_be(tmp_path, warnings, most, said):
    for i in range(3):
        Image.fromarray(np.full((8, 8), most - i, np.uint16)).save(tmp_path / f"{i}.png")
    open_folder(tmp_path).announce()
    assert bool(warnings) == said
    assert not said or "have values up to 4095, and 0 to 65535 is black to white" in warnings[0]
    warnings.clear()
    folder.open_folder(str(tmp_path), Canvas(8, 3, levels=(0, 4095)), Workers(1)).announce()
    assert warnings == []
