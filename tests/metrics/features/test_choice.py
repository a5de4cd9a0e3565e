import numpy as np
import pytest

from jaxgan.metrics.features import choice


def choose(spec, source="mnist", shape=(28, 28, 1)):
    return choice.choose_features(spec, source=source, image_shape=shape, data_digest="0" * 16)


def name(net):
    return None if net is None else net.distance_name


def test_features_follow_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert name(choose("")) == "fd_mnist"
    assert name(choose("", "stacked_mnist", (32, 32, 3))) == "fd_stacked_mnist"
    assert name(choose("none")) is None
    assert name(choose("", "folder")) is None
    assert name(choose("", "mnist", (32, 32, 1))) is None


def test_the_way_to_resize_names_the_distance(tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "load_inception", lambda path, resize: (path, resize))
    given = {"source": "folder", "image_shape": (8, 8, 3), "data_digest": "0"}
    assert choice.choose_features("x.pth", **given) == ("x.pth", "clean")
    assert choice.choose_features("x.pth", fid="tensorflow", **given) == ("x.pth", "tensorflow")


def test_or_what_was_asked_for(tmp_path):
    (tmp_path / "own.py").write_text("def embed(images):\n    return images.mean((1, 2)) / 255\n")
    net = choose(f"{tmp_path}/own.py:embed")
    np.testing.assert_array_equal(net.features_and_logits(np.full((3, 28, 28, 1), 255, np.uint8))[0], np.ones((3, 1)))
    with pytest.raises(FileNotFoundError, match="no file"):
        choose(str(tmp_path / "inception.pth"))
