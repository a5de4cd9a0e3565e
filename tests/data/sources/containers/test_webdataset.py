"""Shards as WebDataset's writer and tarfile make them."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from containers import PIXELS, PNGS, check, damaged, opened, or_sentence
from fuzz import FUZZ
from hypothesis import given

from jaxgan.base.checks import UserError
from jaxgan.data.sources.containers.webdataset import WebDataset

LABELS = [0, 1, 2, 2, 1, 0]


def pack(file, members, **options):
    with tarfile.open(file, "w", **options) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def samples(labels=LABELS, ending="cls", key="{:04d}"):
    for i, label in enumerate(labels):
        yield f"{key.format(i)}.png", PNGS[i]
        yield f"{key.format(i)}.{ending}", label if isinstance(label, bytes) else str(label).encode()


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_shard(tmp_path, form):
    key = "{:04d}" if form == tarfile.USTAR_FORMAT else "train/" + "long/" * 30 + "ä{:04d}"
    pack(tmp_path / "a.tar", samples(key=key), format=form)
    source, said = opened(tmp_path / "a.tar")
    check(source, labels=LABELS, classes=3)
    assert said == ["WebDataset shards: 6 images 8x8 RGB, 3 classes."]


def test_shards_of_its_own_writer(tmp_path):
    wds = pytest.importorskip("webdataset")
    for shard in range(2):
        with wds.TarWriter(str(tmp_path / f"train-{shard:06d}.tar")) as writer:
            for i in range(3):
                row = 3 * shard + i
                writer.write(
                    {"__key__": f"s{row}", "png": PIXELS[row], "cls": LABELS[row], "json": {"kind": f"k{row % 2}"}}
                )
    check(opened(tmp_path)[0], labels=LABELS, classes=3)
    check(opened(tmp_path, labels="kind")[0], labels=[0, 1] * 3, classes=2, names=["k0", "k1"])
    code = """
import sys, numpy, webdataset
found = webdataset.WebDataset(sys.argv[2:], shardshuffle=False).decode("pil").to_tuple("png")
numpy.save(sys.argv[1], numpy.stack([numpy.asarray(image) for image, in found]))
"""
    shards = sorted(map(str, tmp_path.glob("*.tar")))  # read in a process of its own, for it leaves files open
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "read.npy"), *shards], check=True)
    np.testing.assert_array_equal(opened(tmp_path)[0].read(np.arange(6))[0], np.load(tmp_path / "read.npy"))


@pytest.mark.parametrize(
    "labels",
    [[b"0\n", b"[1]", b"2.0", b" 2", b"1", b"False"], [b"0", b"True", b"2", b"2", b"1", b"0"]],
)
def test_what_a_cls_may_hold(tmp_path, labels):
    pack(tmp_path / "a.tar", samples(labels))
    check(opened(tmp_path / "a.tar")[0], labels=LABELS, classes=3)


def test_names_packed_labels_and_endings_in_capitals(tmp_path):
    members = []
    for i, name in enumerate([b"dog", b"cat"] * 3):
        members += [(f"{i}.PNG", PNGS[i]), (f"{i}.cls.gz", gzip.compress(name)), (f"{i}.txt", b"a caption")]
    pack(tmp_path / "a.tar", members)
    check(opened(tmp_path / "a.tar")[0], labels=[1, 0] * 3, classes=2, names=["cat", "dog"])


def test_keys_of_json(tmp_path):
    pack(tmp_path / "a.tar", samples([json.dumps({"label": n, "size": n / 2}) for n in LABELS], "json"))
    check(opened(tmp_path / "a.tar")[0], labels=LABELS, classes=3)
    assert opened(tmp_path / "a.tar", labels="size")[0].labels.tolist() == [[n / 2] for n in LABELS]


def test_a_sample_without_an_image_counts_for_nothing(tmp_path):
    pack(tmp_path / "a.tar", [("x.cls", b"7"), *samples(), ("y.txt", b"")])
    check(opened(tmp_path / "a.tar")[0], labels=LABELS, classes=3)


def test_dots_in_names_are_one_key(tmp_path):
    pack(tmp_path / "a.tar", [("img.png", PNGS[0]), ("img.jpg", PNGS[1])])
    with pytest.raises(UserError, match=r"img\.png and img\.jpg, two images of one key img"):
        opened(tmp_path / "a.tar")
    pack(tmp_path / "b.tar", [("img.0001.png", PNGS[0]), ("img.0002.png", PNGS[1])])
    with pytest.raises(UserError, match=r"holds no images; expected members such as 0001\.png"):
        opened(tmp_path / "b.tar")


def test_missing_labels(tmp_path):
    pack(tmp_path / "a.tar", [*samples(), ("z.png", PNGS[0])])
    source, said = opened(tmp_path / "a.tar")
    check(source, np.concatenate([PIXELS, PIXELS[:1]]))
    assert "The images get no labels: 'cls' of" in said[0]


def test_links_and_devices_are_passed_over(tmp_path):
    (tmp_path / "secret.png").write_bytes(PNGS[5])
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("a.png", tarfile.SYMTYPE), ("b.png", tarfile.LNKTYPE), ("c.png", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(tmp_path / "secret.png")
            archive.addfile(info)
        info = tarfile.TarInfo("../../d.png")
        info.size = len(PNGS[0])
        archive.addfile(info, io.BytesIO(PNGS[0]))
    check(opened(tmp_path / "a.tar")[0], PIXELS[:1])


def test_packed_and_damaged_shards(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w:gz"):
        pass
    (tmp_path / "set").mkdir()
    (tmp_path / "a.tar").rename(tmp_path / "set" / "a.tar")
    with pytest.raises(UserError, match=r"no sound tar archive .*unpack it by gunzip"):
        opened(tmp_path / "set")
    pack(tmp_path / "b.tar", samples())
    (tmp_path / "b.tar").write_bytes((tmp_path / "b.tar").read_bytes()[:700])
    with pytest.raises(UserError, match="is no sound tar archive"):
        opened(tmp_path / "b.tar")


def test_what_a_header_claims_is_not_read(tmp_path):
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**28
    (tmp_path / "a.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT))
    with open(tmp_path / "a.tar", "r+b") as stream:
        stream.truncate(2**29)
    tracemalloc.start()
    with pytest.raises(UserError, match="a header claims"):
        opened(tmp_path / "a.tar")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.tar"


def shard(tmp, form):
    pack(tmp, [*list(samples())[:4], ("ä" * 120 + ".png", PNGS[0])], format=form)
    return tmp.read_bytes()


with tempfile.TemporaryDirectory() as folder:
    SHARDS = [shard(Path(folder, "a.tar"), form) for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]


@FUZZ
@given(content=damaged(SHARDS, 10**6))
def test_fuzz_damaged_shards_are_images_or_a_sentence(file, content):
    file.write_bytes(content)
    source = type("C", (), {"path": str(file), "split": "train", "labels": ""})
    if found := or_sentence(lambda: WebDataset(source), "a.tar"):
        for row in range(len(found)):
            assert isinstance(found.raw(row), bytes)
