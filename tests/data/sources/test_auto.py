"""A path alone: what is found, what is said, and what a run keeps of it."""

import json
import zipfile

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny
from containers import PIXELS, PNGS, config, opened

import jaxgan
from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.data.sources.auto import found_at
from jaxgan.rundir import saved_config


@pytest.mark.parametrize("source", ["auto", "mnist"])
def test_a_path_alone_is_enough(tmp_path, source):
    (tmp_path / "a.png").write_bytes(PNGS[0])
    found, said = opened(tmp_path, source=source)
    assert found.info.num_images == 1
    assert said == ["folder: 1 images 8x8 RGB, no labels."]


def test_a_source_that_is_named_says_nothing(tmp_path):
    (tmp_path / "a.png").write_bytes(PNGS[0])
    assert opened(tmp_path, source="folder")[1] == []


def test_without_a_path_auto_finds_nothing():
    with pytest.raises(FileNotFoundError, match=r"data\.path is '', where nothing is; expected a folder of images"):
        data.open_source(config("", source="auto"))


@pytest.mark.parametrize("content", [b"", b"no images", b"GIF89a", bytes(1000)])
def test_what_is_not_known_is_refused_with_what_is(tmp_path, content):
    (tmp_path / "a.xyz").write_bytes(content)
    for path in (tmp_path / "a.xyz", tmp_path):
        with pytest.raises(UserError, match=r"no data set of a known kind.*parquet files.*Convert others to a folder"):
            opened(path)


def test_every_kind_that_reads_a_path_but_tfds_can_be_found():
    with_path = {name for name, kind in data.sources.KINDS.items() if kind.path == "needed"}
    assert with_path == {name for name, kind in data.sources.KINDS.items() if kind.finds}
    assert all(kind.about for kind in data.sources.KINDS.values() if kind.finds)
    assert [*data.sources.KINDS][-1] == "folder"


def test_files_of_tables_beside_images_are_a_folder(tmp_path):
    """Not the arrays or archives that lie among many images."""
    (tmp_path / "a.png").write_bytes(PNGS[0])
    np.save(tmp_path / "features.npy", np.zeros((3, 3)))
    for name in ("metadata.parquet", "backup.tar", "features.h5"):
        (tmp_path / name).write_bytes(b"")
    assert found_at(str(tmp_path), data.sources.KINDS) == "folder"


def write_npz(folder):
    np.savez(folder / "a.npz", images=PIXELS)
    return folder / "a.npz"


def write_zip(folder):
    """StyleGAN's, with vectors for labels."""
    names = [f"00000/img{i:08d}.png" for i in range(6)]
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name, content in zip(names, PNGS, strict=True):
            archive.writestr(name, content)
        archive.writestr("dataset.json", json.dumps({"labels": [[name, [0.5, 1]] for name in names]}))
    return folder / "a.zip"


def write_parquet(folder):
    pq.write_table(
        pa.table({"image": [{"bytes": content} for content in PNGS], "label": range(6)}), folder / "a.parquet"
    )
    return folder / "a.parquet"


@pytest.mark.long
@pytest.mark.parametrize(
    ("write", "found"), [(write_npz, "arrays"), (write_zip, "zipped"), (write_parquet, "hugging_face")]
)
def test_a_run_keeps_what_it_found_and_resumes_to_the_bit(tmp_path, write, found):
    config = tiny.get_config()
    config.data.source, config.data.path, config.data.batch_size = "auto", str(write(tmp_path)), 4

    def trained(steps, folder, source="auto"):
        config.data.source, config.train.num_steps = source, steps
        state = jaxgan.train(config, tmp_path / folder)
        return jax.tree.leaves(jax.device_get((state.g.params, state.d.params)))

    trained(3, "halves")
    assert saved_config.load_config(tmp_path / "halves")[0].data.source == found
    for one, other in zip(trained(6, "halves", found), trained(6, "whole"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert config.data.source == "auto"  # the user's own is left alone
    with pytest.raises((FileNotFoundError, UserError)):
        trained(7, "halves", "folder")


@pytest.mark.parametrize("kind", ["folder", "zipped", "synthetic"])
def test_a_split_of_what_has_none_is_refused(tmp_path, kind):
    (tmp_path / "a.png").write_bytes(PNGS[0])
    path = {"folder": tmp_path, "zipped": tmp_path / "a.zip", "synthetic": ""}[kind]
    if kind == "zipped":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "a.png", "a.png")
    message = rf"data\.split is 'test', but data\.source={kind} reads no splits; let data\.path name the images"
    with pytest.raises(UserError, match=message):
        data.open_source(config(path, source=kind, split="test"))
