"""PyTorch networks that compute what ours do: the same variables in layers that we did not write."""

from collections import Counter

import numpy as np
import pytest
from systems import forward

torch = pytest.importorskip("torch")
nn = torch.nn

KINDS = {nn.Conv2d: "Conv", nn.ConvTranspose2d: "ConvTranspose", nn.BatchNorm2d: "BatchNorm", nn.Linear: "Dense"}


def load(twin, net, map_shape=None):
    """Copy the variables of a `NetState` into a Sequential whose layers of each kind come in the same order.

    `map_shape` is the (H, W, C) of the map that a dense layer makes or reads; PyTorch lays it out as (C, H, W).
    """
    counter = Counter()
    for layer in twin:
        kind = KINDS.get(type(layer))
        if kind is None:
            continue
        name = f"{kind}_{counter[kind]}"
        counter[kind] += 1
        params = {key: np.asarray(value) for key, value in net.params[name].items()}
        if kind == "Conv":
            params["weight"] = params.pop("kernel").transpose(3, 2, 0, 1)
        elif kind == "ConvTranspose":
            # PyTorch's is the gradient of a convolution, which turns the kernel round.
            params["weight"] = params.pop("kernel")[::-1, ::-1].transpose(2, 3, 0, 1)
        elif kind == "BatchNorm":
            params["weight"] = params.pop("scale")
            stats = net.batch_stats[name]
            params |= {"running_mean": np.asarray(stats["mean"]), "running_var": np.asarray(stats["var"])}
        else:
            params = dense(params["kernel"].T, params["bias"], map_shape)
        for key, value in params.items():
            assert getattr(layer, key).shape == value.shape, (name, key)
            getattr(layer, key).data = torch.tensor(value.copy())
    assert counter.total() == len(net.params), "a layer of ours has no twin"
    return twin


def dense(weight, bias, map_shape):
    """Turn the axis of a dense layer that belongs to a map from (H, W, C) to (C, H, W)."""
    if map_shape is not None:
        order = np.arange(np.prod(map_shape)).reshape(map_shape).transpose(2, 0, 1).ravel()
        if weight.shape[0] == len(order):
            weight, bias = weight[order], bias[order]
        elif weight.shape[1] == len(order):
            weight = weight[:, order]
    return {"weight": weight, "bias": bias}


def run(twin, x, *, train):
    """Run a twin on [B, H, W, C] or [B, Z]; maps come back as [B, H, W, C]."""
    x = np.asarray(x)
    with torch.no_grad():
        y = twin.train(train)(torch.tensor(x.transpose(0, 3, 1, 2).copy() if x.ndim == 4 else x)).numpy()
    return y.transpose(0, 2, 3, 1) if y.ndim == 4 else y


def check_statistics(twin, before, after, pixels):
    """Compare running statistics; PyTorch's batch variance is n / (n - 1) times ours, n = pixels per channel.

    `before` and `after` are our batch statistics around one pass, `pixels` has n for each batch norm.
    """
    norms = [layer for layer in twin if isinstance(layer, nn.BatchNorm2d)]
    for i, (norm, n) in enumerate(zip(norms, pixels, strict=True)):
        old, new = before[f"BatchNorm_{i}"], after[f"BatchNorm_{i}"]
        np.testing.assert_allclose(norm.running_mean, new["mean"], atol=1e-5)
        var = np.asarray(new["var"]) - 0.9 * np.asarray(old["var"])
        np.testing.assert_allclose(norm.running_var, 0.9 * np.asarray(old["var"]) + var * n / (n - 1), atol=1e-5)


def check_outputs(twin, module, net, x, labels=None, *, pick=lambda twin_out: twin_out, pixels=None, atol=1e-4):
    """Compare outputs with running and with batch statistics, then the running statistics that the latter left."""
    for train in False, True:
        ours, stats = forward(module, net, x, labels, train=train)
        ours = ours[0] if isinstance(ours, tuple) else ours
        np.testing.assert_allclose(ours, pick(run(twin, x, train=train)), atol=atol)
    if pixels is not None:
        check_statistics(twin, net.batch_stats, stats, pixels)
