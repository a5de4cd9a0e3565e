"""Weights from PyTorch and Keras: the same images."""

import os

import jax
import numpy as np
import pytest
import systems

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.generators.import_weights import import_weights

GREY, COLOUR = DataInfo((28, 28, 1), 100, 10), DataInfo((32, 32, 3), 100, None)


def pictures(params, num=3):
    z, labels = jaxgan.latents(params, jax.random.key(1), num), np.arange(num) + 2
    images = jaxgan.generate(params, z, labels if params.num_classes else None)
    return np.asarray(z), labels, np.asarray(images)


def small64():
    return systems.get_config("dcgan64", width=4)


def changed(net, torch):
    """Give all parameters and statistics values of their own."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if "num_batches" not in name:
                tensor.add_(0.4 * (torch.rand(tensor.shape, generator=generator) - 0.5))
    return net.eval()


def torch_dcgan64(nn, *, linear):
    def up(channels, features):
        return nn.ConvTranspose2d(channels, features, 4, 2, 1, bias=linear)

    first = (
        [nn.Linear(100, 2 * 2 * 32), nn.Unflatten(1, (32, 2, 2))]
        if linear
        else [nn.Unflatten(1, (100, 1, 1)), nn.ConvTranspose2d(100, 32, 2, 1, 0, bias=False)]
    )
    layers = [*first, nn.BatchNorm2d(32), nn.ReLU()]
    for channels in 32, 16, 8:
        layers += [up(channels, channels // 2), nn.BatchNorm2d(channels // 2), nn.ReLU()]
    return nn.Sequential(*layers, up(4, 3), nn.Tanh())


@pytest.mark.parametrize("ending", [".pth", ".npz", ".safetensors"])
@pytest.mark.parametrize("linear", [True, False])
def test_pytorchs_dcgan(linear, ending, tmp_path):
    torch = pytest.importorskip("torch")
    net = changed(torch_dcgan64(torch.nn, linear=linear), torch)
    path, state = tmp_path / f"g{ending}", {name: x.numpy() for name, x in net.state_dict().items()}
    if ending == ".pth":
        torch.save(net.state_dict(), path)
    elif ending == ".npz":
        np.savez(path, **state)
    else:
        pytest.importorskip("safetensors.numpy").save_file(state, path)
    z, _, ours = pictures(import_weights(small64(), path, data=COLOUR))
    with torch.no_grad():
        theirs = net(torch.tensor(z)).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert ours.std() > 0.05


@pytest.fixture
def keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "jax"))
    return pytest.importorskip("keras")


def scattered(model):
    rng = np.random.default_rng(0)
    model.set_weights([w + rng.uniform(-0.02, 0.02, w.shape) for w in model.get_weights()])

    def draw(inputs):
        with jax.numpy_rank_promotion("allow"):  # Keras needs it
            return np.asarray(model(inputs, training=False))

    return model, draw


@pytest.mark.filterwarnings("default")  # of what Keras imports
def test_keras_dcgan(keras, tmp_path):
    layers = keras.layers
    kinds = [layers.Input((100,)), layers.Dense(7 * 7 * 256), layers.Reshape((7, 7, 256))]
    kinds += [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.2)]
    for features, strides in (128, 1), (64, 2), (32, 2):
        kinds += [layers.Conv2DTranspose(features, 5, strides, padding="same", use_bias=False)]
        kinds += [layers.BatchNormalization(), layers.LeakyReLU(negative_slope=0.2)]
    kinds += [layers.Conv2D(1, 5, padding="same", use_bias=False, activation="tanh")]
    model, draw = scattered(keras.Sequential(kinds))
    np.savez(tmp_path / "g.npz", **{w.path: w.numpy() for w in model.weights})
    z, _, ours = pictures(import_weights(systems.get_config("dcgan"), tmp_path / "g.npz", data=GREY))
    np.testing.assert_allclose(ours, draw(z), atol=1e-5)
    assert ours.std() > 0.01


@pytest.mark.filterwarnings("default")  # of what Keras imports
def test_keras_acgan(keras, tmp_path):
    layers = keras.layers
    z_in, label = layers.Input((100,)), layers.Input((), dtype="int32")
    x = layers.Multiply()([z_in, layers.Embedding(10, 100)(label)])
    x = layers.Reshape((7, 7, 32))(layers.Dense(7 * 7 * 32, activation="relu")(x))
    for features, factor in (64, 1), (128, 2), (64, 2):
        x = layers.Conv2D(features, 3, padding="same")(layers.UpSampling2D(factor)(x))
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
    model, draw = scattered(keras.Model([z_in, label], layers.Conv2D(1, 3, padding="same", activation="tanh")(x)))
    np.savez(tmp_path / "g.npz", **{w.path: w.numpy() for w in model.weights})
    z, labels, ours = pictures(import_weights(systems.get_config("acgan"), tmp_path / "g.npz", data=GREY))
    np.testing.assert_allclose(ours, draw([z, labels]), atol=1e-5)


def as_pytorch(params):
    """Our small dcgan64 as a state dict, laid out by hand."""
    p, s = params.variables["params"], params.variables["batch_stats"]
    out, convs = {}, [f"ConvTranspose_{i}" for i in range(4)]
    dense = np.asarray(p["Dense_0"]["kernel"]).reshape(100, 2, 2, 32).transpose(3, 1, 2, 0).reshape(128, 100)
    out["fc.weight"] = dense
    out["fc.bias"] = np.asarray(p["Dense_0"]["bias"]).reshape(2, 2, 32).transpose(2, 0, 1).ravel()
    for i in range(4):
        norm = f"BatchNorm_{i}"
        out |= {f"n{i}.weight": p[norm]["scale"], f"n{i}.bias": p[norm]["bias"]}
        out |= {f"n{i}.running_mean": s[norm]["mean"], f"n{i}.running_var": s[norm]["var"]}
        out[f"n{i}.num_batches_tracked"] = np.array(7)
        kernel = np.asarray(p[convs[i]]["kernel"])
        out[f"c{i}.weight"] = kernel[::-1, ::-1].transpose(2, 3, 0, 1)
        out[f"c{i}.bias"] = p[convs[i]]["bias"]
    return {name: np.asarray(array) for name, array in out.items()}


@pytest.fixture(scope="module")
def ours():
    gan = systems.build("dcgan64", shape=(32, 32, 3), width=4)
    variables = jax.tree.map(lambda x: x + jax.random.uniform(jax.random.key(3), x.shape), systems.initialise(gan).ema)
    return jaxgan.generator_params(gan, variables)


def test_layers_are_matched_in_order_or_by_names(ours, tmp_path):
    tensors = as_pytorch(ours)
    np.savez(tmp_path / "a.npz", **tensors)
    back = import_weights(small64(), tmp_path / "a.npz", data=COLOUR)
    jax.tree.map(np.testing.assert_array_equal, back, ours)
    moved = {name: x for name, x in tensors.items() if not name.startswith("fc")} | tensors
    np.savez(tmp_path / "b.npz", **moved)
    with pytest.raises(UserError, match=r"gives .* for params/Dense_0/.*say by `names`"):
        import_weights(small64(), tmp_path / "b.npz", data=COLOUR)
    back = import_weights(small64(), tmp_path / "b.npz", data=COLOUR, names={"Dense_0": "fc"})
    jax.tree.map(np.testing.assert_array_equal, back, ours)


def test_what_was_exported_without_a_run_is_read_back(ours, tmp_path):
    jaxgan.export(ours, tmp_path / "ours.safetensors")
    back = import_weights(small64(), tmp_path / "ours.safetensors", data=COLOUR)
    jax.tree.map(np.testing.assert_array_equal, back, ours)


def test_mistakes_are_named(ours, tmp_path):
    jaxgan.export(jaxgan.load("mnist"), tmp_path / "ours.safetensors")
    with pytest.raises(UserError, match="does not hold the arrays of the generator of 'dcgan64'"):
        import_weights(small64(), tmp_path / "ours.safetensors", data=COLOUR)
    tensors = as_pytorch(ours)
    np.savez(tmp_path / "a.npz", **tensors)
    with pytest.raises(UserError, match="`names` holds 'Dense_9'"):
        import_weights(small64(), tmp_path / "a.npz", data=COLOUR, names={"Dense_9": "fc"})
    with pytest.raises(UserError, match="`names` holds 'fx'"):
        import_weights(small64(), tmp_path / "a.npz", data=COLOUR, names={"Dense_0": "fx"})
    with pytest.raises(UserError, match=r"gives .*128\] for params/Dense_0/.* which is .*256\]; set config\.model"):
        import_weights(systems.get_config("dcgan64", width=8), tmp_path / "a.npz", data=COLOUR)
    np.savez(tmp_path / "few.npz", **{name: x for name, x in tensors.items() if not name.startswith("c3")})
    with pytest.raises(UserError, match=r"has 8 layers .* the generator has 9"):
        import_weights(small64(), tmp_path / "few.npz", data=COLOUR)
