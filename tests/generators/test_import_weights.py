"""Weights from PyTorch and Keras: the same images."""

import os

import jax
import numpy as np
import pytest
import systems
import torch_layers
from cli import ROOT
from safetensors.numpy import save_file

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.generators.import_weights import import_weights

GREY, COLOUR = DataInfo((28, 28, 1), 100, 10), DataInfo((32, 32, 3), 100, None)


def images_of(params, num=3):
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
        save_file(state, path)
    z, _, ours = images_of(import_weights(small64(), path, data=COLOUR))
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
    z, _, ours = images_of(import_weights(systems.get_config("dcgan"), tmp_path / "g.npz", data=GREY))
    np.testing.assert_allclose(ours, draw(z), atol=1e-5)
    assert ours.std() > 0.01


@pytest.mark.filterwarnings("default")
def test_keras_dcgan_of_the_tutorial(keras, tmp_path):
    layers = keras.layers
    kinds = [layers.Input((100,)), layers.Dense(7 * 7 * 256, use_bias=False)]
    kinds += [layers.BatchNormalization(), layers.LeakyReLU(), layers.Reshape((7, 7, 256))]
    for features, strides in (128, 1), (64, 2):
        kinds += [layers.Conv2DTranspose(features, 5, strides, padding="same", use_bias=False)]
        kinds += [layers.BatchNormalization(), layers.LeakyReLU()]
    kinds += [layers.Conv2DTranspose(1, 5, 2, padding="same", use_bias=False, activation="tanh")]
    model, draw = scattered(keras.Sequential(kinds))
    np.savez(tmp_path / "g.npz", **{w.path: w.numpy() for w in model.weights})
    config = jaxgan.get_config(str(ROOT / "examples" / "tutorial_dcgan" / "settings.py"))
    z, _, ours = images_of(import_weights(config, tmp_path / "g.npz", data=GREY))
    np.testing.assert_allclose(ours, draw(z), atol=2e-6)
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
    z, labels, ours = images_of(import_weights(systems.get_config("acgan"), tmp_path / "g.npz", data=GREY))
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


@pytest.mark.long
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


@pytest.mark.long
def test_what_was_exported_without_a_run_is_read_back(ours, tmp_path):
    jaxgan.export(ours, tmp_path / "ours.safetensors")
    back = import_weights(small64(), tmp_path / "ours.safetensors", data=COLOUR)
    jax.tree.map(np.testing.assert_array_equal, back, ours)


@pytest.mark.long
def test_mistakes_are_named(ours, tmp_path):
    jaxgan.export(jaxgan.load("mnist"), tmp_path / "ours.safetensors")
    with pytest.raises(UserError, match="does not hold the arrays of the generator of 'dcgan64'"):
        import_weights(small64(), tmp_path / "ours.safetensors", data=COLOUR)
    tensors = as_pytorch(ours)
    np.savez(tmp_path / "a.npz", **tensors)
    with pytest.raises(UserError, match="`names` has 'Dense_9'"):
        import_weights(small64(), tmp_path / "a.npz", data=COLOUR, names={"Dense_9": "fc"})
    with pytest.raises(UserError, match="`names` has 'fx'"):
        import_weights(small64(), tmp_path / "a.npz", data=COLOUR, names={"Dense_0": "fx"})
    with pytest.raises(UserError, match=r"gives .*128\] for params/Dense_0/.* which is .*256\]; set config\.model"):
        import_weights(systems.get_config("dcgan64", width=8), tmp_path / "a.npz", data=COLOUR)
    np.savez(tmp_path / "few.npz", **{name: x for name, x in tensors.items() if not name.startswith("c3")})
    with pytest.raises(UserError, match=r"has 8 layers .* the generator has 9"):
        import_weights(small64(), tmp_path / "few.npz", data=COLOUR)


SMALL, OBLONG = DataInfo((8, 8, 1), 100, 4), DataInfo((8, 12, 1), 100, 4)


def torch_cgan(*, affine, data=SMALL):
    """A state dict as of a small `cgan` in PyTorch, whose convolutions all have biases, and images that it makes."""
    rng = np.random.default_rng(0)
    rows, columns = (size // 4 for size in data.image_shape[:2])
    features = 128 * rows * columns
    shapes = {
        "embed.weight": (4, 10), "fc.weight": (features, 110), "fc.bias": (features,),
        "up1.weight": (128, 64, 5, 5), "up1.bias": (64,), "up2.weight": (64, 32, 5, 5), "up2.bias": (32,),
        "last.weight": (1, 32, 5, 5),
    }  # fmt: skip
    state = {}
    for name in ("embed", "fc", "bn0", "up1", "bn1", "up2", "bn2", "last"):
        for key, shape in shapes.items():
            if key.startswith(f"{name}."):
                state[key] = 0.02 * rng.standard_normal(shape)
        if name.startswith("bn"):
            num = {"bn0": 128, "bn1": 64, "bn2": 32}[name]
            if affine:
                state |= {f"{name}.weight": rng.uniform(0.5, 1.5, num), f"{name}.bias": rng.standard_normal(num)}
            state[f"{name}.running_mean"] = rng.standard_normal(num)
            state[f"{name}.running_var"] = rng.uniform(0.02, 0.3, num)
            state[f"{name}.num_batches_tracked"] = np.array(3)
    state = {name: x.astype(np.float32) if x.ndim else x for name, x in state.items()}
    z, labels = rng.standard_normal((3, 100)).astype(np.float32), np.arange(3)
    x = np.concatenate([z, state["embed.weight"][labels]], 1) @ state["fc.weight"].T + state["fc.bias"]
    x = torch_layers.leaky_relu(torch_layers.batch_norm(x.reshape(3, 128, rows, columns), state, "bn0", 1e-5), 0.2)
    for i in (1, 2):
        x = torch_layers.conv_transpose2d(x, state[f"up{i}.weight"], state[f"up{i}.bias"], 2, 2, 1)
        x = torch_layers.leaky_relu(torch_layers.batch_norm(x, state, f"bn{i}", 1e-5), 0.2)
    return state, (z, labels, np.tanh(torch_layers.conv2d(x, state["last.weight"], np.zeros(1), 2)))


@pytest.mark.long
@pytest.mark.parametrize("affine", [True, False])
def test_pytorchs_borders_epsilons_and_biases_before_norms(affine, tmp_path, capsys):
    state, shown = torch_cgan(affine=affine)
    np.savez(tmp_path / "g.npz", **state, n_averaged=np.array(9))
    config = systems.get_config("cgan", bn_epsilon=1e-3)
    params = import_weights(config, tmp_path / "g.npz", data=SMALL, padding="TORCH", compare=shown)
    assert capsys.readouterr().err == (
        f"batch norms in {tmp_path / 'g.npz'} add 1e-05 to variances, ours 0.001; variances were changed to make up "
        "for it\n"
    )
    z, labels, theirs = shown
    ours = np.asarray(jaxgan.generate(params, jax.numpy.asarray(z), jax.numpy.asarray(labels)))
    np.testing.assert_allclose(ours, theirs.transpose(0, 2, 3, 1), atol=1e-5)
    assert ours.std() > 0.1


@pytest.mark.long
def test_pytorchs_oblong_maps(tmp_path):
    state, shown = torch_cgan(affine=True, data=OBLONG)
    np.savez(tmp_path / "g.npz", **state)
    import_weights(systems.get_config("cgan"), tmp_path / "g.npz", data=OBLONG, padding="TORCH", compare=shown)


def test_pytorchs_dense_layers_make_colours_first(tmp_path):
    rng, data = np.random.default_rng(0), DataInfo((4, 6, 3), 100, None)
    state = {"0.weight": rng.standard_normal((256, 100)), "0.bias": rng.standard_normal(256)}
    state |= {"2.weight": rng.standard_normal((72, 256)) / 16, "2.bias": rng.standard_normal(72)}
    np.savez(tmp_path / "g.npz", **{name: array.astype(np.float32) for name, array in state.items()})
    z = rng.standard_normal((5, 100)).astype(np.float32)
    x = np.maximum(z @ state["0.weight"].T + state["0.bias"], 0) @ state["2.weight"].T + state["2.bias"]
    images = (1 / (1 + np.exp(-x))).reshape(5, 3, 4, 6)
    import_weights(systems.get_config("gan_mlp"), tmp_path / "g.npz", data=data, compare=(z, images))


@pytest.mark.long
def test_pytorchs_norms_of_a_vector_that_becomes_a_map(tmp_path):
    """As in the tutorial of Keras, where the norm comes before the map does; PyTorch has its channels first."""
    config = jaxgan.get_config(str(ROOT / "examples" / "tutorial_dcgan" / "settings.py"))
    rng, size = np.random.default_rng(0), 7 * 7 * 256
    kernel, norm = rng.standard_normal((size, 100)), rng.uniform(0.5, 1.5, (4, size))
    state = {"0.weight": kernel, **dict(zip(NORM, norm, strict=True))}
    for name, shape in {"4.weight": (256, 128, 5, 5), "7.weight": (128, 64, 5, 5), "10.weight": (64, 1, 5, 5)}.items():
        state[name] = np.zeros(shape)
        if shape[1] > 1:
            state |= {f"{int(name[:-7]) + 1}.{key[2:]}": np.ones(shape[1]) for key in NORM}
    np.savez(tmp_path / "g.npz", **{name: array.astype(np.float32) for name, array in state.items()})
    for padding in None, "TORCH":
        with pytest.raises(UserError, match="give the ConvTranspose in its file padding='TORCH' for ConvTranspose2d"):
            import_weights(config, tmp_path / "g.npz", data=GREY, padding=padding)
    params = import_weights(config, tmp_path / "g.npz", data=GREY, padding="SAME")
    maps = kernel.reshape(256, 7, 7, 100).transpose(3, 1, 2, 0).reshape(100, size)
    np.testing.assert_allclose(params.variables["params"]["Dense_0"]["kernel"], maps, rtol=1e-6)
    scale = norm[0].reshape(256, 7, 7).transpose(1, 2, 0).ravel()
    np.testing.assert_allclose(params.variables["params"]["BatchNorm_0"]["scale"], scale, rtol=1e-6)


NORM = ["1.weight", "1.bias", "1.running_mean", "1.running_var"]


def test_other_images_are_reported(tmp_path):
    state, shown = torch_cgan(affine=True)
    np.savez(tmp_path / "g.npz", **state)

    def read(**options):
        return import_weights(systems.get_config("cgan"), tmp_path / "g.npz", data=SMALL, **options)

    with pytest.raises(UserError, match=r"up1 of .* whose borders are not those of ConvTranspose_0; give padding="):
        read()
    for wrong in ({"padding": "SAME"}, {"padding": "TORCH", "epsilon": 0.1}):
        with pytest.raises(UserError, match=r"makes other images here: they differ by .* in a range of 2"):
            read(compare=shown, **wrong)
    with pytest.raises(UserError, match=r"to compare with have shape \[3, 7, 8, 1\], ours \[3, 8, 8, 1\]"):
        read(padding="TORCH", compare=(*shown[:2], shown[2][:, :, 1:]))
    with pytest.raises(UserError, match="padding is 'VALID'; expected one of SAME, TORCH"):
        read(padding="VALID")


def test_arrays_that_have_no_place_are_refused(tmp_path):
    state, _ = torch_cgan(affine=True)

    def read(**more):
        np.savez(tmp_path / "g.npz", **state | more)
        return import_weights(systems.get_config("cgan"), tmp_path / "g.npz", data=SMALL, padding="TORCH")

    last = {"last.bias": np.ones(1, np.float32)}  # no norm follows that could take it
    with pytest.raises(UserError, match=r"last of .* has a bias of \[1\] that Conv_0 of 'cgan' has not"):
        read(**last)
    with pytest.raises(UserError, match=r"fc of .* has a gain of \[2\] that Dense_0"):
        read(**{"fc.gain": np.ones(2, np.float32)})


def test_safetensors_whose_order_is_not_known_are_refused(ours, tmp_path):
    four = np.ones(4, np.float32)
    norm = {"weight": four, "bias": four, "running_mean": four, "running_var": four}
    tensors = {f"{name}.{key}": x for name in ("norm_in", "norm_out") for key, x in norm.items()}
    save_file(tensors, tmp_path / "g.safetensors")
    with pytest.raises(UserError, match=r"not keep the order of layers, and norm_in, norm_out .* say by `names`"):
        import_weights(small64(), tmp_path / "g.safetensors", data=COLOUR)
    state = {name.replace("n2.", "a.") if "n2." in name else name: x for name, x in as_pytorch(ours).items()}
    save_file({name: np.ascontiguousarray(x) for name, x in state.items()}, tmp_path / "g.safetensors")
    names = {row: row.replace("ConvTranspose_", "c").replace("BatchNorm_", "n") for row in LAYERS}
    names |= {"Dense_0": "fc", "BatchNorm_2": "a"}
    back = import_weights(small64(), tmp_path / "g.safetensors", data=COLOUR, names=names)
    jax.tree.map(np.testing.assert_array_equal, back, ours)


LAYERS = [f"{kind}_{i}" for kind in ("ConvTranspose", "BatchNorm") for i in range(4)]
