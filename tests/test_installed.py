"""The command as an installed package has it, without a checkout."""

import os
import shutil
import subprocess
import sys
import tomllib

import jax
import pytest
from cli import ROOT, call

import jaxgan
from jaxgan import config_files
from jaxgan.cli import start


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of packages as the wheel unpacks them."""
    folder = tmp_path_factory.mktemp("site")
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    places = {name: name for name in build["packages"]} | build["force-include"]
    for source, place in places.items():
        shutil.copytree(ROOT / source, folder / place, dirs_exist_ok=True)
    return folder


def jaxgan_command(site, cwd, *args):
    """Run `python -m jaxgan` in some folder, with the package of `site`."""
    env = os.environ | {
        "PYTHONPATH": str(site),
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
    }
    command = [sys.executable, "-m", "jaxgan", *args]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=200, check=False)


@pytest.mark.long
def test_it_trains_by_the_name_of_a_configuration_wherever_it_stands(site, tmp_path):
    # A folder of the same name as ours, as many projects have.
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "dcgan.py").write_text("raise SystemExit('not ours')\n")
    done = jaxgan_command(
        site, tmp_path, "--config=gan_mlp_robust", "--config.train.num_steps=2", "--config.train.sample_every=0"
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "gan_mlp_robust" / "checkpoints" / "2").is_dir()
    done = jaxgan_command(site, tmp_path, "--mode=sample", "--workdir=runs/gan_mlp_robust", "--out=a.png", "--num=4")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").is_file()
    done = jaxgan_command(site, tmp_path, "--config=configs/dcgan.py")
    assert "not ours" in done.stderr


def test_a_name_that_nothing_has_is_said():
    status, error = (done := call("--config=dcgn")).returncode, done.stderr
    assert status == 1
    assert error.startswith("error: --config=dcgn is no Python file; give one as configs/dcgan.py, or a")
    assert "dcgan_robust" in error


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "configs").glob("*.py")))
def test_each_configuration_has_a_name(name):
    assert config_files.find_file(name) == ROOT / "configs" / f"{name}.py"
    before = set(sys.modules)
    assert jaxgan.get_config(name).gan == jaxgan.get_config(str(ROOT / "configs" / f"{name}.py")).gan
    assert not {module for module in set(sys.modules) - before if module.startswith("configs")}


def test_a_file_of_ones_own_goes_before_what_comes_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dcgan").write_text("")
    assert config_files.find_file("dcgan") == config_files.Path("dcgan")
    assert config_files.find_file("mine/dcgan") == config_files.Path("mine/dcgan")


def test_the_console_command_is_where_pyproject_says():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"jaxgan": f"{start.__name__}:{start.main.__name__}"}


def test_names_are_looked_up_when_they_are_asked_for():
    code = (
        "import sys, jaxgan; print('jax' in sys.modules, jaxgan.config.default().data.source, jaxgan.sample.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "mnist", "sample"]
    assert set(jaxgan.__all__) <= set(dir(jaxgan))
    for name in jaxgan.__all__:
        assert getattr(jaxgan, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        jaxgan.nothing  # noqa: B018
