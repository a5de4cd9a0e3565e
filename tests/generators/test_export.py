"""Generators as files: what other programs make of them, and what comes back."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems
import tiny
from cli import call
from long_form import long
from safetensors.numpy import load_file, save_file
from tiny_params import make_params

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.generators import arrays, export, pretrained
from jaxgan.sampling.labels import shown_vectors

NUMS = 1, 3
# What stands in for a program that has neither jaxgan nor Flax.
STRANGER = """
import sys
sys.modules.update(dict.fromkeys(("jaxgan", "flax")))
import numpy as np
{imports}
for name in sys.argv[1:]:
    inputs = np.load(name + ".npz")
    run = {reader}
    for num in {nums}:
        np.save(f"{{name}}_{{num}}.npy", run(*(inputs[key][:num] for key in inputs.files)))
"""


def params_of(name):
    if name in pretrained.names():
        return jaxgan.load(name)
    gan = systems.build(name)
    example = jnp.zeros((1, *gan.latent.shape)), jnp.zeros((1,), jnp.int32)
    return jaxgan.generator_params(gan, jax.jit(gan.generator.init, static_argnames="train")(
        jax.random.key(1), *example, train=False
    ))  # fmt: skip


def inputs_of(params):
    z = np.asarray(jaxgan.latents(params, jax.random.key(2), max(NUMS)))
    if params.label_size:
        return z, np.asarray(shown_vectors(params, len(z)))
    return (z,) if params.num_classes is None else (z, np.arange(len(z), dtype=np.int32) * 3)


def compare(tmp_path, names, ending, imports, reader):
    """Export generators, run them in a process without jaxgan, and compare the images."""
    all_params = {name: params_of(name) for name in names}
    for name, params in all_params.items():
        export.export(params, tmp_path / f"{name}{ending}")
        np.savez(tmp_path / f"{name}.npz", *inputs_of(params))
    code = STRANGER.format(imports=imports, reader=reader, nums=NUMS)
    subprocess.run([sys.executable, "-c", code, *names], cwd=tmp_path, check=True, timeout=200)
    for name, params in all_params.items():
        for num in NUMS:
            made = np.load(tmp_path / f"{name}_{num}.npy")
            expected = jaxgan.generate(params, *(array[:num] for array in inputs_of(params)))
            np.testing.assert_allclose(made, expected, atol=1e-5, err_msg=f"{name}, {num} images")


@pytest.mark.long
@pytest.mark.parametrize("others", [(), *long((["dcgan_z1x1"],))], ids=["two", "three"])
def test_stablehlo_makes_the_same_images_without_jaxgan(tmp_path, others):
    reader = 'jax.export.deserialize(open(name + ".stablehlo", "rb").read()).call'
    compare(tmp_path, ["gan_mlp", "cgan", *others], ".stablehlo", "import jax, jax.export", reader)
    exported = jax.export.deserialize((tmp_path / "gan_mlp.stablehlo").read_bytes())
    assert set(exported.platforms) == {"cpu", "cuda", "tpu"}
    facts = json.loads((tmp_path / "cgan.stablehlo.json").read_bytes())
    lifetime = facts.pop("lifetime")
    assert lifetime.startswith(f"JAX {jax.__version__} wrote this file; releases of the next six months read it.")
    assert facts == {"latent_shape": [100], "latent_law": "normal", "num_classes": 10, "image_range": [-1, 1]}


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # of what jax2onnx imports
def test_onnx_makes_the_same_images_without_jax(tmp_path):
    pytest.importorskip("jax2onnx")
    pytest.importorskip("onnxruntime")
    imports = 'import onnxruntime\nsys.modules["jax"] = None'
    reader = (
        '(lambda s: lambda *given: s.run(None, dict(zip(("z", "labels"), given)))[0])'
        '(onnxruntime.InferenceSession(name + ".onnx"))'
    )
    compare(tmp_path, [*systems.NAMES, *pretrained.names()], ".onnx", imports, reader)


@pytest.mark.long
def test_a_batch_makes_stablehlo_of_one_shape_for_one_platform(tmp_path):
    params = jaxgan.load("mnist_classes")
    z, labels = jaxgan.latents(params, jax.random.key(2), 2), jnp.array([3, 8])
    expected = jaxgan.generate(params, z, labels)  # a program of the same shapes, whose convolutions are our own
    done = call("--mode=export", "--workdir=mnist_classes", "--batch=2", f"--out={tmp_path / 'g.stablehlo'}")
    assert done.returncode == 0, done.stderr
    exported = jax.export.deserialize((tmp_path / "g.stablehlo").read_bytes())
    text = exported.mlir_module()
    assert exported.platforms == ("cpu",)
    assert "?" not in text  # no size is left open
    assert "custom_call" not in text
    made = exported.call(z, labels.astype(jnp.int32))
    np.testing.assert_allclose(made, expected, atol=1e-5)
    with pytest.raises(UserError, match=r"With a batch, the ending of the file is '.safetensors'; expected one of"):
        export.export(params, tmp_path / "g.safetensors", batch=2)


@pytest.mark.long
def test_labels_that_are_no_classes_are_moved_to_the_nearest(tmp_path):
    params = make_params(conditional=True)
    export.export(params, tmp_path / "g.stablehlo", batch=4)
    call_it = jax.export.deserialize((tmp_path / "g.stablehlo").read_bytes()).call
    z = jnp.broadcast_to(jaxgan.latents(params, jax.random.key(2), 1), (4, 3))
    made = call_it(z, jnp.array([10, 9, -1, 0], jnp.int32))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[2], made[3])
    assert np.abs(made[1] - made[3]).max() > 1e-3


@pytest.mark.parametrize("ending", [".stablehlo", ".onnx", ".safetensors"])
def test_weights_that_are_not_finite_are_refused(ending, tmp_path):
    params = make_params()
    variables = jax.tree.map(lambda x: x.at[-1].set(jnp.nan), params.variables)
    with pytest.raises(UserError, match=r"/\w+ of the generator holds numbers that are not finite"):
        export.export(params.replace(variables=variables), tmp_path / f"g{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("default")  # of what jax2onnx imports
@pytest.mark.parametrize("name", ["acgan", "r3gan"])
def test_onnx_has_constants_computed_and_an_old_opset(name, tmp_path):
    pytest.importorskip("jax2onnx")
    onnx = pytest.importorskip("onnx")
    params = small_r3gan() if name == "r3gan" else params_of(name)
    export.export(params, tmp_path / "g.onnx")
    model = onnx.load(tmp_path / "g.onnx")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    known = {tensor.name for tensor in model.graph.initializer}
    assert [node.name for node in model.graph.node if known >= set(node.input)] == []
    if name == "acgan":
        assert len(model.graph.node) < 60  # 102 as jax2onnx makes them


def small_r3gan():
    config = jaxgan.get_config("r3gan_mnist")
    config.model.update(widths=(8, 8, 8), blocks=1, group_size=8)
    gan = jaxgan.build(config, DataInfo((16, 16, 1), 100, None))
    example = jnp.zeros((1, *gan.latent.shape)), jnp.zeros((1,), jnp.int32)
    variables = gan.generator.init(jax.random.key(1), *example, train=False)
    return jaxgan.generator_params(gan, jax.tree.map(lambda x: x + 0.1, variables))


def test_arrays_that_lie_in_memory_in_another_order_are_written_right(tmp_path):
    """As transposed ones of other frameworks, of which safetensors 0.8.0 writes the bytes as they lie."""
    params = jaxgan.load("mnist")
    jaxgan.export(jax.tree.map(np.asfortranarray, params), tmp_path / "g.safetensors", run="mnist")
    for ours, theirs in zip(*map(jax.tree.leaves, (params, jaxgan.load(tmp_path / "g.safetensors"))), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_safetensors_come_back(tmp_path):
    config = tiny.get_config()
    config.gan = "gan_mlp"
    config.model = systems.get_config("gan_mlp").model
    config.data.range = (0.0, 1.0)
    config.data.channels = 1
    config.train.update(num_steps=1, sample_every=0)
    jaxgan.train(config, tmp_path / "run")
    out = tmp_path / "g.safetensors"
    done = call("--mode=export", f"--workdir={tmp_path / 'run'}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    params, back = jaxgan.load(tmp_path / "run"), jaxgan.load(out)
    assert jax.tree.structure(params) == jax.tree.structure(back)
    for ours, theirs in zip(jax.tree.leaves(params), jax.tree.leaves(back), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert set(load_file(out)) >= {"params/Dense_0/kernel"}
    done = call("--mode=sample", f"--workdir={out}", "--num=4", f"--out={tmp_path / 'a.png'}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.png").is_file()
    with pytest.raises(UserError, match="is no run and has one set of weights"):
        jaxgan.load(out, 1)
    # What is not ours, or was changed, is refused.
    arrays = load_file(out)
    save_file(arrays, out)
    with pytest.raises(UserError, match=r"g.safetensors is not what jaxgan exports of a run"):
        jaxgan.load(out)
    facts = json.loads((tmp_path / "run" / "config.json").read_bytes())
    save_file({**arrays, "more": np.zeros(3, np.float32)}, out, {"jaxgan": json.dumps(facts)})
    with pytest.raises(UserError, match="does not hold the arrays of the generator of 'gan_mlp'"):
        jaxgan.load(out)
    facts["config"]["gan"] = "/tmp/own.py"
    save_file(arrays, out, {"jaxgan": json.dumps(facts)})
    with pytest.raises(UserError):
        jaxgan.load(out)
    save_file(arrays, out, {"jaxgan": (tmp_path / "run" / "config.json").read_text()})
    jaxgan.load(out)
    for strange in (
        out.read_bytes() + b"more",
        b"\xff" * 40,
        header({"x": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}) + b"ab",
    ):
        out.write_bytes(strange)
        with pytest.raises(UserError, match="is not what jaxgan exports"):
            jaxgan.load(out)
    out.write_bytes(header({"__metadata__": {"jaxgan": "[" * 100_000}}))
    with pytest.raises(UserError, match="is not what jaxgan exports"):
        jaxgan.load(out)


def header(content):
    """Return the beginning of a .safetensors file: the length of its header, and the header."""
    text = json.dumps({"__metadata__": {"jaxgan": "{}"}, **content}).encode()
    return len(text).to_bytes(8, "little") + text


def test_mistakes_are_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"expected one of \.stablehlo, \.onnx, \.html, \.safetensors"):
        export.export(make_params(), tmp_path / "g.pt")
    done = call("--mode=export", "--workdir=mnist")
    endings = ".stablehlo, .onnx, .html, .safetensors"
    assert done.stderr == f"error: --mode=export needs --out, a file that ends in {endings}.\n"
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    with pytest.raises(UserError, match=r"needs jax2onnx, which is not installed; pip install 'jaxgan\[export\]'"):
        export.export(make_params(), tmp_path / "g.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_what_comes_along_can_be_exported(tmp_path):
    done = call("--mode=export", "--workdir=mnist", f"--out={tmp_path / 'm.safetensors'}")
    assert done.returncode == 0, done.stderr
    again = call("--mode=export", f"--workdir={tmp_path / 'm.safetensors'}", f"--out={tmp_path / 'n.safetensors'}")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "m.safetensors").read_bytes() == (tmp_path / "n.safetensors").read_bytes()
    both = "mnist", tmp_path / "n.safetensors"
    ours, back = (jaxgan.sample(jaxgan.load(name), jax.random.key(3), num=2) for name in both)
    np.testing.assert_array_equal(ours, back)


def test_scalars_stay_scalars_and_what_does_not_fit_its_run_is_refused(tmp_path):
    params = jaxgan.load("mnist")
    variables = {**params.variables, "params": {**params.variables["params"], "gain": jax.numpy.ones(())}}
    with_scalar = params.replace(variables=variables)
    assert arrays.arrays_of(with_scalar)["params/gain"].shape == ()
    for given, run in ((with_scalar, "mnist"), (params, "mnist_classes")):
        with pytest.raises(UserError, match="does not hold the arrays of the generator"):
            jaxgan.export(given, tmp_path / "g.safetensors", run=run)


def test_a_file_of_weights_is_drawn_from_and_is_no_run(tmp_path):
    jaxgan.export(jaxgan.load("mnist"), tmp_path / "g.safetensors", run="mnist")
    done = call("--mode=sample", f"--workdir={tmp_path / 'g.safetensors'}", "--num=2")
    assert (done.returncode, (tmp_path / "g_samples.png").exists()) == (0, True), done.stderr
    done = call("--mode=evaluate", f"--workdir={tmp_path / 'g.safetensors'}")
    assert (done.returncode, "is not the folder of a run" in done.stderr) == (1, True), done.stderr
