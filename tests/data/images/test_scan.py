"""Large folders are looked through once, and again when they have changed."""

import os
import time

import numpy as np
import pytest
from PIL import Image

from jaxgan.base import store
from jaxgan.data.images import scan as scan_module
from jaxgan.data.images.scan import scan
from jaxgan.data.images.threads import Workers


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two classes, a damaged file among them, that counts as large and last changed an hour ago."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(scan_module, "LARGE", 1)
    root = tmp_path / "images"
    for name, size in (("a/1.png", (4, 5)), ("b/x\xe9/2.png", (6, 6)), ("b/3.png", (7, 2))):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(root / name)
    (root / os.fsdecode(b"b/\xff.png")).write_bytes(b"nothing")
    age(root)
    return root


def age(root):
    then = time.time() - 3600
    for path, _, _ in os.walk(root):
        os.utime(path, (then, then))


def look_at(root, **options):
    found = scan(root, Workers(1), **options)
    return found.files, found.headers.tolist(), str(found.left_out)


def kept():
    return sorted((store.cache_folder() / "folders").glob("*.npz"))


def test_it_is_not_looked_through_again(folder, monkeypatch):
    first = look_at(folder)
    assert [row[1:3] for row in first[1]] == [[4, 5], [7, 2], [6, 6]]
    assert "1 unreadable" in first[2]

    def fail(*args, **options):
        raise AssertionError

    monkeypatch.setattr(scan_module, "list_images", fail)
    monkeypatch.setattr(scan_module, "look", fail)
    assert look_at(folder) == first


@pytest.mark.parametrize("change", ["new", "gone", "renamed", "new folder", "folder gone"])
def test_what_changed_is_seen(folder, change):
    before = look_at(folder)
    assert kept()
    if change == "new":
        Image.new("L", (3, 3)).save(folder / "b" / "4.png")
    elif change == "gone":
        (folder / "b" / "3.png").unlink()
    elif change == "renamed":
        (folder / "b" / "3.png").rename(folder / "a" / "3.png")
    elif change == "new folder":
        (folder / "c").mkdir()
        Image.new("L", (3, 3)).save(folder / "c" / "4.png")
    else:
        (folder / "a" / "1.png").unlink()
        (folder / "a").rmdir()
    changed = look_at(folder)
    assert changed != before
    for path in kept():
        path.unlink()
    assert look_at(folder) == changed


def test_what_changed_just_now_is_not_trusted(folder):
    os.utime(folder / "b")
    look_at(folder)
    assert not kept()


def test_small_folders_are_not_remembered(folder, monkeypatch):
    monkeypatch.setattr(scan_module, "LARGE", 5)
    look_at(folder)
    assert not kept()


def test_a_damaged_memory_is_done_without(folder):
    first = look_at(folder)
    (file,) = kept()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert look_at(folder) == first
    file.write_bytes(b"")
    assert look_at(folder) == first


def test_links_count_by_what_is_allowed(folder, tmp_path):
    (tmp_path / "other").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "other" / "9.png")
    (folder / "a" / "link").symlink_to(tmp_path / "other")
    age(folder)
    age(tmp_path / "other")
    assert len(look_at(folder)[0]) == 3
    assert len(look_at(folder, follow_links=True)[0]) == 4
    assert len(kept()) == 2
    Image.new("L", (9, 9)).save(tmp_path / "other" / "8.png")  # which lies outside
    assert len(look_at(folder, follow_links=True)[0]) == 5


def test_a_place_that_cannot_be_written_is_done_without(folder, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(look_at(folder)[0]) == 3
    np.testing.assert_array_equal(scan(folder, Workers(1)).headers[0, 1:3], [4, 5])
