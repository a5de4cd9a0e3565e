import pytest
import tiny

from jaxgan.base.types import DataInfo
from jaxgan.runs import folder

INFO = DataInfo((8, 8, 3), 12, None)


def test_config_and_data_are_read_back(tmp_path):
    config = tiny.get_config()
    folder.save_config(tmp_path / "run", config, INFO)
    back, info = folder.load_config(tmp_path / "run")
    assert folder.differences(back, config) == {}
    assert info == INFO
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["config.json"]


def test_differences_are_found_by_path():
    one, two = tiny.get_config(), tiny.get_config()
    two.train.num_steps, two.data.range = 9, (0.0, 1.0)
    assert folder.differences(one, two) == {"train.num_steps": (6, 9), "data.range": ([-1.0, 1.0], [0.0, 1.0])}


@pytest.mark.parametrize("path", ["gan", "seed", "model.dropout", "data.batch_size", "optim.g.name"])
def test_frozen_fields_are_refused(tmp_path, path):
    with pytest.raises(ValueError, match=f"config.{path} is 2, but the run in .* has 1; resume with the saved value"):
        folder.check_resumable(tmp_path, {path: (1, 2)})


@pytest.mark.parametrize("path", ["train.num_steps", "train.log_every", "train.num_devices", "data.cache", "data.path"])
def test_lengths_periods_and_places_may_change(tmp_path, path):
    folder.check_resumable(tmp_path, {path: (1, 2)})


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config.json"):
        folder.load_config(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", '{"config": {}, "data": {"image_shape": [1]}}'])
def test_a_damaged_file(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="is damaged"):
        folder.load_config(tmp_path)


def test_a_run_of_an_older_version_gets_the_defaults_of_new_settings(tmp_path):
    config = tiny.get_config()
    del config.sample["stats"]
    folder.save_config(tmp_path, config, INFO)
    assert folder.load_config(tmp_path)[0].sample.stats == "running"
