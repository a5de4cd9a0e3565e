"""Databases as LSUN, BasicSR and rosinality's StyleGAN2 write them."""

import pytest
from containers import PIXELS, PNGS, check, opened, or_sentence

from jaxgan.base.checks import UserError

lmdb = pytest.importorskip("lmdb")


def write(path, items, **options):
    env = lmdb.open(str(path), map_size=2**24, **options)
    with env.begin(write=True) as transaction:
        for key, value in items.items():
            transaction.put(key, value)
    env.close()


def test_lsun(tmp_path):
    keys = [f"{i:040x}".encode() for i in range(6)]
    write(tmp_path / "a", dict(zip(keys, PNGS, strict=True)))
    source, said = opened(tmp_path / "a")
    check(source)
    assert said == ["LMDB: 6 images 8x8 RGB, no labels."]
    check(opened(tmp_path / "a" / "data.mdb")[0])


def test_numbered_images_come_in_the_order_of_numbers_and_in_one_size(tmp_path):
    items = {f"8-{i:05d}".encode(): png for i, png in zip([0, 1, 2, 10_001, 10_002, 100_000], PNGS, strict=True)}
    small = {key.replace(b"8-", b"4-"): PNGS[0] for key in items}
    write(tmp_path / "a", items | small | {b"length": b"6"})
    check(opened(tmp_path / "a")[0])


def test_a_file_without_a_folder(tmp_path):
    write(tmp_path / "a.lmdb", {f"{i}".encode(): png for i, png in enumerate(PNGS)}, subdir=False)
    check(opened(tmp_path / "a.lmdb")[0])


def test_what_is_no_image_is_replaced(tmp_path):
    write(tmp_path / "a", {b"a": PNGS[0], b"b": b"no image", b"c": PNGS[2]})
    check(opened(tmp_path / "a")[0], PIXELS[[0, 2, 2]])


def test_an_empty_database(tmp_path):
    write(tmp_path / "a", {b"length": b"0"})
    with pytest.raises(UserError, match="holds no images"):
        opened(tmp_path / "a")


@pytest.mark.parametrize("place", [4096 * 2 + 10, 4096 * 2 + 30, 4096 * 3 + 40])
def test_a_damaged_database_ends_in_a_sentence_not_in_the_process(tmp_path, place):
    write(tmp_path / "a", {f"{i}".encode(): png for i, png in enumerate(PNGS)})
    with open(tmp_path / "a" / "data.mdb", "r+b") as stream:
        stream.seek(place)
        stream.write(b"\xff" * 64)
    or_sentence(lambda: opened(tmp_path / "a")[0].read(range(2)), "a")
    with open(tmp_path / "a" / "data.mdb", "r+b") as stream:
        stream.truncate(4096 * 2)
    with pytest.raises(UserError, match=r"is damaged: its reader was ended by signal|is no LMDB|holds no images"):
        opened(tmp_path / "a")


def test_errors_of_the_reader_while_images_are_read_are_sentences(tmp_path):
    """The keys of a damaged database may be of no length, which its reader refuses in its own words."""
    write(tmp_path / "a", {b"a": PNGS[0]})
    source, _ = opened(tmp_path / "a")
    source.records._keys = [b""]
    with pytest.raises(UserError, match=r"a is damaged \(BadValsizeError"):
        source.records.raw(0)
