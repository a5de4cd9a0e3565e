import pytest
import tiny

import jaxgan
from jaxgan.nets.efficientnet import Wheel
from jaxgan.rundir.saved_config import load_config
from jaxgan.runs.by_size import decided


@pytest.mark.parametrize(
    ("num", "probability"), [(3, 0.5), (100, 0.5), (1_000, 0.25), (3_786, 0.11), (10_000, 0), (10**6, 0)]
)
def test_fewer_images_are_augmented_more_often(num, probability):
    config = tiny.get_config()
    config.augment, config.augment_by_size = "translation", True
    assert decided(config, num).augment_p == pytest.approx(probability)
    assert config.augment_p == 1
    config.data.levels = "auto"
    decided(config, num).data.levels = (0.0, 1.0)  # a setting of several types stays one
    config.augment_by_size = False
    assert decided(config, num) is config


@pytest.mark.long
@pytest.mark.parametrize("has_weights", [True, False])
def test_what_was_decided_is_printed_and_kept_in_the_run(tmp_path, capfd, monkeypatch, has_weights):
    monkeypatch.setattr(Wheel, "is_installed", lambda wheel: has_weights)
    config = tiny.get_config()
    config.augment, config.augment_by_size, config.train.num_steps = "translation", True, 2
    jaxgan.train(config, tmp_path)
    told = capfd.readouterr().err
    assert "augment_p is 0.1, data.instance_features is 0, for this number of images" in told  # 4,096 synthetic ones
    assert ("pip install 'jaxgan[perceptual]'" in told) != has_weights
    assert load_config(tmp_path)[0].augment_p == 0.1
    config.train.num_steps = 4
    jaxgan.train(config, tmp_path)
    assert "config.augment_p" not in capfd.readouterr().err
