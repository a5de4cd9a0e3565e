"""Folders that a stranger filled: what is taken, what is left out, and that nothing hangs."""

import os
import socket

import numpy as np
import pytest
from PIL import Image

from jaxgan.base import terminal
from jaxgan.data.images import tree
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.images.tree import LeftOut, list_images
from jaxgan.data.sources.folder import open_folder


def save(file, value=0):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(file)


def listed(root, **options):
    left_out = LeftOut(root)
    found = list_images(root, left_out, **options)
    return [os.path.relpath(file, root) for file in found], str(left_out)


def said_of(root):
    lines = []
    with terminal.divert(lines.append):
        source = open_folder(str(root), Canvas(8, 3), Workers(2))
        images, _ = source.read(np.arange(source.info.num_images))
        source.announce()
    assert images.shape == (source.info.num_images, 8, 8, 3)
    return lines


def test_paths_are_sorted_by_their_parts_and_hidden_ones_passed_over(tmp_path):
    for name in ("b/1.png", "a-b/2.png", "a/c/3.JPG", "a/4.webp", ".git/5.png", "__MACOSX/6.png", "a/._7.png", "8.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert listed(tmp_path) == (["a/4.webp", "a/c/3.JPG", "a-b/2.png", "b/1.png"], "")


def test_what_is_no_regular_file_is_left_out_at_once(tmp_path):
    save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "fifo.png")
    os.symlink("fifo.png", tmp_path / "linked.png")
    os.symlink("nowhere.png", tmp_path / "broken.png")
    os.symlink("self.png", tmp_path / "self.png")
    door = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(tmp_path)  # the name of a socket must be short
    try:
        door.bind("socket.png")
    finally:
        os.chdir(here)
        door.close()
    assert listed(tmp_path)[0] == ["a.png"]
    assert said_of(tmp_path) == [
        f"Left out of {tmp_path}: 2 unreadable (broken.png, self.png), "
        "3 special, such as FIFOs and devices (fifo.png, linked.png, socket.png)."
    ]


def test_links_may_lead_about_in_the_folder_but_not_out_of_it(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "in-out"
    save(inside / "a" / "1.png", 1)
    save(outside / "2.png", 2)
    save(outside / "3.png", 3)
    os.symlink("a/1.png", inside / "again.png")
    os.symlink(inside / "a", inside / "b")  # a folder reached twice is listed once
    os.symlink(inside, inside / "a" / "loop")
    os.symlink(outside / "2.png", inside / "2.png")
    os.symlink(outside, inside / "c")
    os.symlink("/dev/zero", inside / "zero.png")
    os.symlink("/etc/hostname", inside / "notes.txt")
    found, left_out = listed(inside)
    assert found == ["a/1.png", "again.png"]
    assert left_out == "3 linked to the outside, which data.follow_links allows (2.png, c, zero.png)"
    found, left_out = listed(inside, follow_links=True)
    assert found == ["2.png", "a/1.png", "again.png", "c/2.png", "c/3.png"]
    assert left_out == "1 special, such as FIFOs and devices (zero.png)"
    assert said_of(inside)[1].startswith(f"Left out of {inside}: 3 linked to the outside")


def test_the_folder_itself_may_be_a_link(tmp_path):
    save(tmp_path / "there" / "1.png")
    os.symlink("there", tmp_path / "here")
    assert listed(tmp_path / "here") == (["1.png"], "")


def test_a_folder_of_nothing_but_links_out_says_what_to_do(tmp_path):
    save(tmp_path / "there" / "1.png")
    (tmp_path / "here").mkdir()
    os.symlink(tmp_path / "there" / "1.png", tmp_path / "here" / "1.png")
    with pytest.raises(ValueError, match=r"holds no images but .* 1 linked to the outside, which data.follow_links"):
        listed(tmp_path / "here")


@pytest.fixture
def nested(tmp_path):
    """1,500 folders in each other, deeper than Python's stack and longer than a path may be."""
    here = os.getcwd()
    os.chdir(tmp_path)
    for i in range(1500):
        os.mkdir("deep")
        os.chdir("deep")
        if i == tree.MAX_DEPTH - 1:
            Image.new("RGB", (8, 8)).save("last.png")
    os.chdir(here)
    yield
    os.chdir(tmp_path)
    for _ in range(1500):
        os.chdir("deep")
    for i in reversed(range(1500)):  # pytest removes folders by recursion
        os.chdir("..")
        if i == tree.MAX_DEPTH - 1:
            os.remove("deep/last.png")
        os.rmdir("deep")
    os.chdir(here)


def test_nested_folders_are_left_out_below_a_depth(tmp_path, nested):
    save(tmp_path / "a.png")
    save(tmp_path / "b.png")
    found, left_out = listed(tmp_path)
    assert [os.path.basename(file) for file in found] == ["a.png", "b.png", "last.png"]
    assert left_out.startswith("1 too deep in folders or too long in their paths (...")
    assert len(left_out) < 200


def test_paths_too_long_for_the_system_are_left_out(tmp_path):
    save(tmp_path / "a.png")
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(20):
            os.mkdir("n" * 250)
            os.chdir("n" * 250)
        open("x.png", "w").close()
    finally:
        os.chdir(here)
    assert listed(tmp_path)[0] == ["a.png"]


def test_names_cannot_forge_lines(tmp_path):
    save(tmp_path / "good.png")
    for name in (
        "a\nstep 9 of 9  d_loss 0.0.png",
        "b\r\x1b[2Jred.png",
        "c\u202egnp.png",
        b"\xff.png".decode(errors="surrogateescape"),
    ):
        (tmp_path / name).write_bytes(b"no image")
    (line,) = said_of(tmp_path)
    assert line.isprintable()
    assert r"a\nstep 9 of 9  d_loss 0.0.png" in line
    (tmp_path / "good.png").unlink()
    with pytest.raises(ValueError, match=r"a\\nstep 9 of 9") as caught:
        said_of(tmp_path)
    assert str(caught.value).isprintable()


def test_names_that_are_no_utf8_are_read_like_any(tmp_path):
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.png"), "wb") as file:
        Image.new("RGB", (8, 8)).save(file, "png")
    assert said_of(tmp_path) == []
