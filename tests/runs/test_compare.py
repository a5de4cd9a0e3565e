"""Folders of images scored against each other, by the command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from cli import call
from PIL import Image

from jaxgan.base.checks import UserError
from jaxgan.runs.compare import compare_folders, folder_config, size_of


def write(folder, images):
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Smooth images, others of the same distribution, and noise."""
    root = tmp_path_factory.mktemp("folders")
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 256, (80, 3, 3, 3), np.uint8).repeat(4, 1).repeat(4, 2)
    write(root / "real", smooth[:50])
    write(root / "same", smooth[50:])
    write(root / "noise", rng.integers(0, 256, (30, 12, 12, 3), np.uint8))
    return root


@pytest.mark.long
def test_the_nearer_distribution_scores_better(folders):
    scores = {}
    for name in "same", "noise":
        config = folder_config()
        config.data.image_size = size_of(config, folders / name)
        assert config.data.image_size == (12, 12)
        config.data.path, config.eval.metrics = str(folders / "real"), "kid,memorised"
        entry = compare_folders(config, folders / name)
        scores[name] = entry["metrics"]
        assert entry["protocol"].startswith(f"30 images of {folders / name} against 50 real images")
        assert (entry["main"], entry["step"]) == ("kid_imagenet", None)
    assert set(scores["same"]) == {"kid_imagenet", "kid_imagenet_se", "memorised"}  # 30 images are too few for FD
    assert abs(scores["same"]["kid_imagenet"]) < scores["noise"]["kid_imagenet"] / 10


def test_images_of_several_sizes_need_a_size(folders, tmp_path):
    write(tmp_path / "mixed", [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)])
    with pytest.raises(UserError, match=r"2 sizes.* Or give --config.data.image_size"):
        size_of(folder_config(), tmp_path / "mixed")


@pytest.mark.long
def test_command_prints_a_table_and_writes_the_scores(folders, tmp_path):
    def run(*args):
        return subprocess.run(
            [sys.executable, "-m", "jaxgan", "--mode=evaluate", *args], capture_output=True, text=True
        )

    fake, out = f"--fake={folders / 'same'}", tmp_path / "scores.json"
    done = run(fake, f"--real={folders / 'real'}", f"--out={out}", "--config.eval.metrics=kid")
    assert done.returncode == 0, done.stderr
    assert "kid_imagenet" in done.stdout
    assert json.loads(out.read_text())[0]["num"] == 30
    for args, words in {
        (fake,): "needs --real=FOLDER and --fake=FOLDER",
        (fake, f"--real={tmp_path}/none"): f"--real is '{tmp_path}/none', where nothing is",
        (f"--fake={tmp_path}/none", f"--real={folders / 'real'}"): "--fake is",
        (fake, f"--real={folders / 'real'}", "--out=scores.csv"): "use .json",
        (fake, f"--real={folders / 'real'}", "--step=3"): "--step means nothing to a comparison of folders",
        (fake, f"--real={folders / 'real'}", "--seed=-1"): "--seed is -1; expected a value from 0",
    }.items():
        done = run(*args)
        assert (done.returncode, words in done.stderr, done.stderr.count("\n")) == (1, True, 1), done.stderr


def test_command_takes_settings_and_fails_where_the_scores_cannot_be_written(folders, tmp_path):
    two = ["--mode=evaluate", f"--real={folders / 'real'}", f"--fake={folders / 'same'}", "--config.eval.features=none"]
    out = tmp_path / "scores.json"
    done = call(*two, "--config.data.image_size=4", f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert set(json.loads(out.read_text())[0]["metrics"]) == {"nearest", "swd"}
    assert call(*two, "--config=images64", "--config.eval.metrics=swd").returncode == 0
    (tmp_path / "file").touch()
    done = call(*two, f"--out={tmp_path}/file/scores.json")
    assert done.returncode == 1
    assert "could not be written" in done.stderr
    assert "swd" in done.stdout
    done = call("--mode=evaluate", "--config=gan_mlp", f"--workdir={tmp_path}")
    assert "--config means nothing to --mode=evaluate of a run" in done.stderr
