import json
import os
import shutil

import jax
import pytest
import tiny

from jaxgan.base.types import DataInfo
from jaxgan.config import with_whole_paths
from jaxgan.rundir import saved_config

INFO = DataInfo((8, 8, 3), 12, None)


def changes(workdir, config, data=INFO, fingerprint="f00d"):
    return saved_config.changes(workdir, config, data, fingerprint)


@pytest.fixture
def saved(tmp_path):
    saved_config.save_config(tmp_path, tiny.get_config(), INFO, "f00d")
    return tmp_path


def test_config_and_data_are_read_back(tmp_path):
    config = tiny.get_config()
    saved_config.save_config(tmp_path / "run", config, INFO, "f00d")
    back = saved_config.load_saved(tmp_path / "run")
    assert saved_config.differences(back.config, config) == {}
    assert (back.data, back.fingerprint) == (INFO, "f00d")
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["config.json", "gan.py"]


def test_differences_are_found_by_path():
    one, two = tiny.get_config(), tiny.get_config()
    two.train.num_steps, two.data.range = 9, (0.0, 1.0)
    assert saved_config.differences(one, two) == {"train.num_steps": (6, 9), "data.range": ([-1.0, 1.0], [0.0, 1.0])}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("gan", "dcgan"),
        ("seed", 1),
        ("model.dropout", 0.5),
        ("data.batch_size", 9),
        ("optim.g.name", "sgd"),
        ("rule.order", "g_first"),
        ("rule.d_loss_weight", 1.0),
        ("data.range", (0.0, 1.0)),
        ("data.fit", "pad"),
        ("data.background", "black"),
    ],
)
def test_frozen_fields_are_refused(saved, path, value):
    config = tiny.get_config()
    config.update_from_flattened_dict({path: value})
    with pytest.raises(
        ValueError,
        match=f"config.{path} is .* but the run in .* has .*; choose another --workdir for a new run, or give",
    ):
        changes(saved, config)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("train.num_steps", 9),
        ("train.log_every", 9),
        ("train.num_devices", 2),
        ("data.cache", "none"),
        ("data.path", "x"),
        ("loss", "hinge"),
        ("optim.g.learning_rate", 1e-5),
    ],
)
def test_all_else_may_change_and_is_said(saved, path, value):
    config = tiny.get_config()
    before = config.copy_and_resolve_references()
    config.update_from_flattened_dict({path: value})
    assert changes(saved, config) == saved_config.differences(before, config) != {}


@pytest.mark.parametrize(
    ("data", "fingerprint", "sentence"),
    [
        (DataInfo((8, 8, 3), 13, None), "f00d", "13 images .* where the run has 12"),
        (INFO, "beef", "12 images, but other ones than the run has"),
    ],
)
def test_other_images_are_refused(saved, data, fingerprint, sentence):
    with pytest.raises(ValueError, match=sentence):
        changes(saved, tiny.get_config(), data, fingerprint)


def test_a_run_that_did_not_say_what_its_images_were_goes_on(tmp_path):
    saved_config.save_config(tmp_path, tiny.get_config(), INFO, None)
    assert changes(tmp_path, tiny.get_config()) == {}


def test_an_own_gan_file_is_copied_and_its_content_counts(saved, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "mine.py"
    config = tiny.get_config()
    moved.write_bytes((saved / "gan.py").read_bytes())
    config.gan = str(moved)
    assert changes(saved, config) == {}
    moved.write_text(moved.read_text() + "\n# another line\n")
    assert list(changes(saved, config)) == ["gan (the file's content)"]


def test_own_code_needs_consent_and_must_be_what_was_saved(saved):
    with pytest.raises(ValueError, match=r"config\.gan of .* is .*gan\.py, a file that would be executed; .*--trust"):
        saved_config.trusted_config(saved, trust=False)
    config, _ = saved_config.trusted_config(saved, trust=True)
    assert config.gan == str(saved / "gan.py")
    (saved / "gan.py").write_text("raise SystemExit")
    with pytest.raises(ValueError, match="is not the file that the run was made with"):
        saved_config.trusted_config(saved, trust=True)
    (saved / "gan.py").unlink()
    with pytest.raises(ValueError, match=r"gan\.py is missing, which config\.gan needs; restore it from a copy"):
        saved_config.trusted_config(saved, trust=True)


def test_checkpoints_without_the_settings_they_were_trained_with_are_refused(tmp_path):
    (tmp_path / "checkpoints" / "4").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"has checkpoints but no config\.json; restore it"):
        changes(tmp_path, tiny.get_config())


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config.json"):
        saved_config.load_config(tmp_path)


def edited(saved, *path, value):
    content = json.loads((saved / "config.json").read_text())
    section = content
    for name in path[:-1]:
        section = section[name]
    section[path[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    "make",
    [
        lambda saved: "{",
        lambda saved: "{}",
        lambda saved: "[" * 100_000,
        lambda saved: "null",
        lambda saved: '{"config": {}, "data": {"image_shape": [1]}}',
        lambda saved: edited(saved, "config", "gan", value=None),
        lambda saved: edited(saved, "config", "gan", value=["dcgan"]),
        lambda saved: edited(saved, "config", "model", value=[]),
        lambda saved: edited(saved, "config", "train", value=[1]),
        lambda saved: edited(saved, "config", "train", "num_steps", value="many"),
        lambda saved: edited(saved, "config", "train", "num_step", value=1),
        lambda saved: edited(saved, "config", "seed", value=-1),
        lambda saved: edited(saved, "config", "class_weight", value=10**400),
        lambda saved: edited(saved, "data", "num_images", value=-3),
        lambda saved: edited(saved, "data", "num_classes", value="ten"),
        lambda saved: edited(saved, "data", "fingerprint", value=5),
        lambda saved: edited(saved, "home", value=5),
        lambda saved: edited(saved, "draws", value=[]),
        lambda saved: edited(saved, "draws", "jax_default_prng_impl", value={}),
    ],
)
def test_a_damaged_file_is_one_sentence(saved, make):
    (saved / "config.json").write_text(make(saved))
    with pytest.raises(ValueError, match="is damaged") as caught:
        saved_config.load_config(saved)
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(saved):
    (saved / "config.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="is damaged"):
        saved_config.load_config(saved)


@pytest.mark.parametrize("bad", ["\x1b[2J", "a\nb", "\x00", "\u202egnp.txt", "\udcff", "\x9b31m"])
@pytest.mark.parametrize("path", [("data", "path"), ("gan",), ("train", "log_to"), ("model", "latent_law")])
def test_text_that_a_terminal_would_obey_is_refused_and_not_repeated(saved, path, bad):
    (saved / "config.json").write_text(edited(saved, "config", *path, value=f"x{bad}"))
    with pytest.raises(ValueError, match=r"is damaged .* without control characters") as caught:
        saved_config.load_config(saved)
    assert str(caught.value).isprintable()


def test_names_of_a_gans_own_settings_are_text_too(saved):
    (saved / "config.json").write_text(edited(saved, "config", "model", "\x1b[2J", value=1))
    with pytest.raises(ValueError, match="without control characters") as caught:
        saved_config.load_config(saved)
    assert str(caught.value).isprintable()


def test_names_in_any_writing_are_text(saved):
    config = tiny.get_config()
    config.data.path = "/data/\u732b\u3000\u306e\u00a0\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u0634\u0648\u062f"
    saved_config.save_config(saved, config, INFO, None)
    assert saved_config.load_config(saved)[0].data.path == config.data.path


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("jax_default_prng_impl", "rbg"),
        ("jax_threefry_partitionable", False),
        ("jax_enable_x64", True),
        ("jax_random_seed_offset", 7),
    ],
)
def test_a_run_goes_on_with_the_random_numbers_it_began_with_only(saved, name, other):
    used = getattr(jax.config, name)
    jax.config.update(name, other)
    try:
        sentence = rf"{name} is {other!r}, but the run in .* has {used!r}, .*; set .* {name.upper()}={used}, or choose"
        with pytest.raises(ValueError, match=sentence):
            changes(saved, tiny.get_config())
    finally:
        jax.config.update(name, used)
    assert changes(saved, tiny.get_config()) == {}
    content = json.loads((saved / "config.json").read_text())
    del content["draws"]  # of a run of an older version
    (saved / "config.json").write_text(json.dumps(content))
    assert changes(saved, tiny.get_config()) == {}


def test_a_folder_knows_whether_it_came_from_elsewhere(saved, tmp_path_factory):
    assert not saved_config.is_from_elsewhere(saved)
    assert not saved_config.is_from_elsewhere(os.path.relpath(saved))
    link = tmp_path_factory.mktemp("links") / "run"
    link.symlink_to(saved)
    assert not saved_config.is_from_elsewhere(link)
    copy = shutil.copytree(saved, tmp_path_factory.mktemp("other") / "run")
    assert saved_config.is_from_elsewhere(copy)
    (saved / "config.json").write_text(edited(saved, "home", value=None))
    assert saved_config.is_from_elsewhere(saved)
    assert "home" not in saved_config.load_settings(saved)


def test_paths_are_the_same_however_they_are_spelt(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "images").mkdir()
    for spelling in "images", "./images/", "~/images", "../" + tmp_path.name + "/images":
        config = tiny.get_config()
        config.data.path = spelling
        saved_config.save_config(tmp_path / "run", config, INFO, None)  # as an older version saved it
        whole = with_whole_paths(config)
        assert whole.data.path == str(tmp_path / "images")
        assert changes(tmp_path / "run", whole) == {}
        assert config.data.path == spelling


def test_more_images_are_refused_with_the_way_to_go_on(saved):
    with pytest.raises(ValueError, match=r"13 images .*--config\.train\.warm_start=.*") as caught:
        changes(saved, tiny.get_config(), DataInfo((8, 8, 3), 13, None))
    assert f"warm_start={saved}" in str(caught.value)


def test_a_run_of_an_older_version_gets_the_defaults_of_new_settings(saved):
    content = json.loads((saved / "config.json").read_text())
    del content["config"]["sample"]["stats"], content["data"]["fingerprint"]
    (saved / "config.json").write_text(json.dumps(content))
    config, _ = saved_config.load_config(saved)
    assert config.sample.stats == "running"
