"""Runs of data sets in files: 20 steps, resumed, sampled, scored and exported, from a path alone."""

import json
import zipfile

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny
from containers import png

import jaxgan
from jaxgan.generators import export, gallery
from jaxgan.generators.load import Which, load_with_config
from jaxgan.rundir import saved_config
from jaxgan.runs import evaluate

RNG = np.random.default_rng(0)
NUM = 24


def images(*shape, dtype=np.uint8):
    return RNG.integers(0, np.iinfo(dtype).max, (NUM, *shape), dtype, endpoint=True)


def oblong_rgba(folder):
    (folder / "set").mkdir()
    for i, pixels in enumerate(images(6, 10, 4)):
        (folder / "set" / f"{i}.png").write_bytes(png(pixels))
    return folder / "set", {"channels": 4, "fit": "as_is"}, (6, 10, 4)


def grey_of_16_bits(folder):
    for i, pixels in enumerate(images(8, 8, dtype=np.uint16) // 16 + 100):
        (folder / "set" / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        (folder / "set" / "ab"[i % 2] / f"{i}.png").write_bytes(png(pixels))
    return folder / "set", {"channels": 1, "levels": "auto"}, (8, 8, 1)


def stylegan_zip(folder):
    names = [f"{i // 10:05d}/img{i:08d}.png" for i in range(NUM)]
    labels = [[name, [i % 2, i / 10]] for i, name in enumerate(names)]
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for name, pixels in zip(names, images(8, 8, 3), strict=True):
            archive.writestr(name, png(pixels))
        archive.writestr("dataset.json", json.dumps({"labels": labels}))
    return folder / "set.zip", {"channels": 3}, (8, 8, 3)


def parquet(folder):
    column = [{"bytes": png(pixels), "path": None} for pixels in images(8, 8, 3)]
    pq.write_table(pa.table({"image": column, "label": [i % 3 for i in range(NUM)]}), folder / "set.parquet")
    return folder / "set.parquet", {"channels": 3}, (8, 8, 3)


def trained(config, workdir, steps):
    config.train.num_steps = steps
    state = jaxgan.train(config, workdir)
    return jax.tree.leaves(jax.device_get((state.g, state.d)))


@pytest.mark.long
@pytest.mark.parametrize("write", [oblong_rgba, grey_of_16_bits, stylegan_zip, parquet])
def test_a_data_set_is_trained_resumed_sampled_scored_and_exported(tmp_path, write):
    path, settings, shape = write(tmp_path)
    config = tiny.get_config()
    config.data.source, config.data.path = "auto", str(path)
    config.data.update(settings)
    config.model.conditional = write is not oblong_rgba
    config.train.checkpoint_every = config.train.sample_every = 10
    config.sample.update({"num": 4, "columns": 2})
    trained(config, tmp_path / "halves", 10)
    for one, other in zip(
        trained(config, tmp_path / "halves", 20), trained(config, tmp_path / "whole", 20), strict=True
    ):
        np.testing.assert_array_equal(one, other)

    kept, info = saved_config.trusted_config(tmp_path / "halves", trust=True)
    assert info.image_shape == shape
    assert info.label_size == (2 if write is stylegan_zip else 0)
    assert info.num_classes == {grey_of_16_bits: 2, parquet: 3}.get(write)
    if write is grey_of_16_bits:
        assert info.label_names == ("a", "b")
        assert 100 <= info.levels[0] < info.levels[1] <= 4195

    drawn = gallery.save_samples(
        tmp_path / "halves", tmp_path / "a.npy", draw=gallery.Draw(num=6), which=Which(trust=True)
    )
    array = np.load(drawn)
    assert array.shape == (6, *shape)
    kept.eval.num = 12
    scores = evaluate.create_evaluator(kept, jaxgan.open_source(kept.data)).evaluate(
        jaxgan.load(tmp_path / "halves", trust=True), 20
    )["metrics"]
    assert np.isfinite(scores["swd"])
    params, _ = load_with_config(tmp_path / "halves", Which(trust=True))
    file = export.export(params, tmp_path / "g.stablehlo", run=tmp_path / "halves", batch=2)
    z, labels = jaxgan.latents(params, jax.random.key(0), 2), gallery.choose_labels(params, 2, None)
    given = (z,) if labels is None else (z, labels)
    call = jax.export.deserialize(bytearray(file.read_bytes())).call
    np.testing.assert_allclose(call(*given), jaxgan.generate(*(params, *given)), atol=1e-5)
