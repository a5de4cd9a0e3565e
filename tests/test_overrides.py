"""Settings on the command line: any text is taken, or refused in one sentence."""

import pytest
import tiny
from cli import ROOT, call
from fuzz import FUZZ
from hypothesis import given, strategies as st

import jaxgan
from jaxgan import config as config_lib

PATHS = sorted(config_lib.flatten(tiny.get_config()))
VALUES = (
    st.text(max_size=20)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["", "nan", "-inf", "1e999", "True", "none", "[" * 2000, "(" * 99 + ")" * 99, "9" * 5000, "0x1F"])
    | st.lists(st.floats() | st.integers(), max_size=4).map(str)
)


@FUZZ
@given(
    settings=st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3),
    misspelt=st.none() | st.text(max_size=12),
)
def test_fuzz_any_setting_is_valid_or_one_sentence(settings, misspelt):
    arguments = [f"--config.{path}={value}" for path, value in settings]
    if misspelt is not None:
        arguments.append(f"--config.{misspelt}=1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxgan, "train", lambda config, workdir: config_lib.validate(config))
        done = call(f"--config={ROOT / 'tests' / 'tiny.py'}", *arguments)
    assert done.returncode in (0, 1)
    if done.returncode:
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
    else:
        assert misspelt is None or any(path == misspelt for path, _ in settings) or "=" in misspelt
