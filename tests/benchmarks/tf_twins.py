"""The five systems in TensorFlow and Keras, as a careful user writes them: whole steps for `tf.function`.

Each does the work of the PyTorch twin of its name in `twins.py`. Nothing here imports JAX or PyTorch, so that a process
with a twin in it holds one framework only. Layers stand in the order of jaxgan's.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf
from keras import layers

Metrics = dict[str, Any]
Config = Mapping[str, Any]  # a file of configs/, as nested dicts or as a ConfigDict


class TfTwin:
    """Two networks, their optimisers and the generator's average; a system adds `networks` and `update`.

    Attributes:
      mirrored: the images are those of jaxgan turned by 180 degrees, for which PyTorch's paddings are SAME.
      d_weight: factor on the sum of D's two losses that is minimised.
      d_report: the same factor in the reported loss.
    """

    mirrored = False
    d_weight = d_report = 1.0

    def __init__(self, config: Config, num_classes: int):
        self.config, self.model, self.num_classes = config, config["model"], num_classes
        self.batch_size, self.low_high = config["data"]["batch_size"], config["data"]["range"]
        self.latent_shape: tuple[int, ...] = (self.model["latent_size"],)
        self.shape = (config["data"]["image_size"],) * 2 + (config["data"]["channels"],)
        self.start = keras.initializers.RandomNormal(stddev=self.model.get("init_stddev", 0.0))
        self.g, self.d = self.networks()
        # Called once, they have all their variables, which a function may not make later.
        pictures = self.make(*self.draw(2), training=False)
        self.d(pictures, training=False)
        self.g_optimiser, self.d_optimiser = self._adam("g"), self._adam("d")
        self.g_optimiser.build(self.g.trainable_variables)
        self.d_optimiser.build(self.d.trainable_variables)
        # Keras keeps the state of its random layers among the others.
        self.averaged = [v.value for v in self.g.variables if "seed" not in v.path]
        self.ema = [tf.Variable(v) for v in self.averaged]
        self.steps = tf.Variable(0, dtype=tf.int64)

    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Return G and D."""
        raise NotImplementedError

    def update(self, real: Any, labels: Any) -> Metrics:
        """Update both networks once in the reference's order."""
        raise NotImplementedError

    def step(self, images: Any, labels: Any) -> Metrics:
        """Make one training step on uint8[B, H, W, C] images and int32[B] labels."""
        low, high = self.low_high
        metrics = self.update(tf.cast(images, keras.config.floatx()) * ((high - low) / 255) + low, labels)
        steps = tf.cast(self.steps, keras.config.floatx())
        decay = tf.minimum(tf.cast(self.config["train"]["ema_decay"], steps.dtype), (1 + steps) / (10 + steps))
        for mean, value in zip(self.ema, self.averaged, strict=True):
            mean.assign_sub((1 - decay) * (mean - value))
        self.steps.assign_add(1)
        return metrics

    def draw(self, num: int | None = None) -> tuple[Any, Any]:
        """Draw latents and, for a conditional GAN, labels."""
        shape, dtype = (num or self.batch_size, *self.latent_shape), keras.config.floatx()
        if self.model["latent_law"] == "uniform":
            return tf.random.uniform(shape, -1, 1, dtype), None
        return tf.random.normal(shape, dtype=dtype), None

    def make(self, z: Any, labels: Any, *, training: bool) -> Any:
        """Make images with G as it is."""
        return self.g(z, training=training)

    def sample(self, num: int) -> Any:
        """Draw images in [-1, 1] with running statistics, as `jaxgan.sample` does."""
        low, high = self.low_high
        pictures = self.make(*self.draw(num), training=False)
        return tf.clip_by_value((pictures - low) * (2 / (high - low)) - 1, -1, 1)

    def norm(self) -> layers.Layer:
        """Return a batch norm with the config's numbers."""
        mean, stddev = self.model.get("bn_scale_mean", 1.0), self.model.get("init_stddev", 0.0)
        start = keras.initializers.RandomNormal(mean, stddev)
        return layers.BatchNormalization(
            momentum=self.model["bn_momentum"], epsilon=self.model["bn_epsilon"], gamma_initializer=start
        )

    def descend_g(self, tape: tf.GradientTape, loss: Any) -> None:
        """Move G along its gradient."""
        variables = self.g.trainable_variables
        self.g_optimiser.apply(tape.gradient(loss, variables), variables)

    def descend_d(self, tape: tf.GradientTape, loss: Any) -> None:
        """Move D along its gradient."""
        variables = self.d.trainable_variables
        self.d_optimiser.apply(tape.gradient(loss, variables), variables)

    def d_metrics(self, on_real: Any, on_fake: Any, loss_real: Any, loss_fake: Any) -> Metrics:
        """Return D's losses and accuracies."""
        losses = {"d/loss": self.d_report * (loss_real + loss_fake), "d/loss_real": loss_real, "d/loss_fake": loss_fake}
        return accuracies(on_real, on_fake) | losses

    def _adam(self, name: str) -> keras.optimizers.Optimizer:
        c = self.config["optim"][name]
        return keras.optimizers.Adam(c["learning_rate"], c["b1"], c["b2"], c["eps"])


def bce(logits: Any, target: float) -> Any:
    """Return the mean binary cross-entropy of logits [B] with a target of 1 (real) or 0 (fake)."""
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(tf.shape(logits), tf.cast(target, logits.dtype)), logits)
    )


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Return the mean cross-entropy of class logits [B, K] for labels int32[B]."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def share(flags: Any) -> Any:
    """Return the mean of bool[B]."""
    return tf.reduce_mean(tf.cast(flags, keras.config.floatx()))


def accuracies(on_real: Any, on_fake: Any) -> Metrics:
    """Return the shares of real and of fake images that D, with these logits, tells right."""
    real, fake = share(on_real > 0), share(on_fake <= 0)
    return {"d/acc_real": real, "d/acc_fake": fake, "d/acc": (real + fake) / 2}


def g_metrics(logits: Any, loss: Any) -> Metrics:
    """Return G's loss and the share of its images that D takes for real."""
    return {"g/loss": loss, "g/acc": share(logits > 0)}


def scores(net: Sequence[layers.Layer]) -> keras.Model:
    """Return a D whose last layer gives one number an image."""
    return keras.Sequential([*net, layers.Dense(1), layers.Reshape(())])


class GanMlp(TfTwin):
    """Two dense layers each; both gradients at the old parameters, from one forward pass."""

    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Return G and D."""
        hidden = self.model["hidden"]

        def dense(size, activation=None):
            return layers.Dense(size, activation, kernel_initializer="he_normal")

        g = [dense(hidden, "relu"), dense(math.prod(self.shape), "sigmoid"), layers.Reshape(self.shape)]
        d = [layers.Flatten(), dense(hidden, "relu"), dense(1), layers.Reshape(())]
        return keras.Sequential(g), keras.Sequential(d)

    def update(self, real: Any, labels: Any) -> Metrics:
        """Move both networks at once."""
        z, _ = self.draw()
        with tf.GradientTape(persistent=True) as tape:
            on_real, on_fake = self.d(real), self.d(self.g(z))
            g_loss, loss_real, loss_fake = bce(on_fake, 1), bce(on_real, 1), bce(on_fake, 0)
            d_loss = loss_real + loss_fake
        g_grads = tape.gradient(g_loss, self.g.trainable_variables)
        self.descend_d(tape, d_loss)
        self.g_optimiser.apply(g_grads, self.g.trainable_variables)
        return self.d_metrics(on_real, on_fake, loss_real, loss_fake) | g_metrics(on_fake, g_loss)


class Dcgan(TfTwin):
    """28x28 with dropout in D: D on real and fake images together, then G with fresh latents."""

    d_weight = d_report = 0.5

    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Return G and D."""
        same = {"padding": "same", "kernel_initializer": self.start}

        def grow(features, strides):
            conv = layers.Conv2DTranspose(features, 5, strides, use_bias=False, **same)
            return conv, self.norm(), layers.LeakyReLU(negative_slope=0.2)

        def halve(features):
            conv = layers.Conv2D(features, 5, 2, use_bias=False, **same)
            return conv, layers.LeakyReLU(negative_slope=0.2), layers.Dropout(self.model["dropout"])

        g = [layers.Dense(12544, kernel_initializer=self.start), layers.Reshape((7, 7, 256)), self.norm()]
        g += [layers.LeakyReLU(negative_slope=0.2), *grow(128, 1), *grow(64, 2), *grow(32, 2)]
        g += [layers.Conv2D(1, 5, activation="tanh", use_bias=False, **same)]
        return keras.Sequential(g), scores([*halve(64), *halve(128), layers.Flatten()])

    def update(self, real: Any, labels: Any) -> Metrics:
        """D, then G."""
        fake = self.g(self.draw()[0], training=self.config["rule"]["g_stats_for_d"] == "batch")
        with tf.GradientTape() as tape:
            on_real, on_fake = tf.split(self.d(tf.concat([real, fake], 0), training=True), 2)
            losses = bce(on_real, 1), bce(on_fake, 0)
            d_loss = self.d_weight * sum(losses)
        self.descend_d(tape, d_loss)
        metrics = self.d_metrics(on_real, on_fake, *losses)
        with tf.GradientTape() as tape:
            logits = self.d(self.g(self.draw()[0], training=True), training=True)
            loss = bce(logits, 1)
        self.descend_g(tape, loss)
        return metrics | g_metrics(logits, loss)


class Acgan(TfTwin):
    """28x28 with labels: D on real, D on fake images, an update each; then G with the same latents and labels."""

    d_report = 0.5

    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Return G and D."""
        size, bound = self.model["latent_size"], self.model["embedding_bound"]
        z, label, images = keras.Input((size,)), keras.Input((), dtype="int32"), keras.Input(self.shape)
        embed = layers.Embedding(self.num_classes, size, keras.initializers.RandomUniform(-bound, bound))
        x = layers.Dense(7 * 7 * 32, "relu")(layers.Multiply()([z, embed(label)]))
        x = layers.Reshape((7, 7, 32))(x)
        for features, factor in (64, 1), (128, 2), (64, 2):
            x = x if factor == 1 else layers.UpSampling2D(factor)(x)
            x = layers.ReLU()(self.norm()(layers.Conv2D(features, 3, padding="same")(x)))
        g = keras.Model([z, label], layers.Conv2D(1, 3, padding="same", activation="tanh")(x))
        x = images
        for features in 32, 64, 128:
            x = self.norm()(layers.Conv2D(features, 3, 2, padding="same")(x))
            x = layers.LeakyReLU(negative_slope=0.2)(x)
        x = layers.GlobalAveragePooling2D()(x)
        heads = layers.Reshape(())(layers.Dense(1, name="real")(x)), layers.Dense(self.num_classes, name="classes")(x)
        return g, keras.Model(images, heads)

    def draw(self, num: int | None = None) -> tuple[Any, Any]:
        """Draw latents and labels."""
        z, _ = super().draw(num)
        return z, tf.random.uniform((num or self.batch_size,), maxval=self.num_classes, dtype=tf.int32)

    def make(self, z: Any, labels: Any, *, training: bool) -> Any:
        """Make images of the labels."""
        return self.g([z, labels], training=training)

    def update(self, real: Any, labels: Any) -> Metrics:
        """D on real, D on fake, G."""
        z, wanted = self.draw()
        fake = self.make(z, wanted, training=False)
        metrics = accuracies(self.d(real, training=False)[0], self.d(fake, training=False)[0])
        for name, images, target, classes in ("real", real, 1, labels), ("fake", fake, 0, wanted):
            with tf.GradientTape() as tape:
                logits, class_logits = self.d(images, training=True)
                metrics[f"d/class_{name}"] = cross_entropy(class_logits, classes)
                loss = bce(logits, target) + metrics[f"d/class_{name}"]
            self.descend_d(tape, loss)
            metrics[f"d/loss_{name}"] = loss
        metrics["d/loss"] = self.d_report * (metrics["d/loss_real"] + metrics["d/loss_fake"])
        with tf.GradientTape() as tape:
            made = self.make(z, wanted, training=True)
            logits, class_logits = self.d(made, training=self.config["rule"]["d_stats_in_g"] == "batch")
            metrics["g/class"] = cross_entropy(class_logits, wanted)
            loss = bce(logits, 1) + metrics["g/class"]
        self.descend_g(tape, loss)
        return metrics | {"g/loss": loss, "g/acc": 1 - metrics["d/acc_fake"]}


class Dcgan64(TfTwin):
    """Sides of 16 n in colour: D on real and on fake images apart, one update; then G with fresh latents."""

    d_report = 0.5

    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Return G and D."""
        width, (height, across, colours) = self.model["width"], self.shape
        start = (height // 16, across // 16, 8 * width)
        same = {"kernel_size": 4, "strides": 2, "padding": "same", "kernel_initializer": self.start}
        g = [layers.Dense(math.prod(start), kernel_initializer=self.start), layers.Reshape(start)]
        g += [self.norm(), layers.ReLU()]
        for times in 4, 2, 1:
            g += [layers.Conv2DTranspose(times * width, **same), self.norm(), layers.ReLU()]
        g += [layers.Conv2DTranspose(colours, activation="tanh", **same)]
        d = [layers.Conv2D(width, **same), layers.LeakyReLU(negative_slope=0.2)]
        for times in 2, 4, 8:
            d += [layers.Conv2D(times * width, **same), self.norm(), layers.LeakyReLU(negative_slope=0.2)]
        return keras.Sequential(g), scores([*d, layers.Flatten()])

    def update(self, real: Any, labels: Any) -> Metrics:
        """D, then G, all in training mode."""
        fake = self.g(self.draw()[0], training=True)
        with tf.GradientTape() as tape:
            on_real, on_fake = self.d(real, training=True), self.d(fake, training=True)
            losses = bce(on_real, 1), bce(on_fake, 0)
            d_loss = sum(losses)
        self.descend_d(tape, d_loss)
        with tf.GradientTape() as tape:
            logits = self.d(self.g(self.draw()[0], training=True), training=True)
            loss = bce(logits, 1)
        self.descend_g(tape, loss)
        return self.d_metrics(on_real, on_fake, *losses) | g_metrics(logits, loss)


class DcganZ1x1(TfTwin):
    """28x28 from a map of one pixel: G first, then D on the very images that G was judged by."""

    mirrored = True
    d_weight = d_report = 0.5

    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Return G and D."""
        self.latent_shape = (1, 1, self.model["latent_size"])
        plain = {"use_bias": False, "kernel_initializer": self.start}

        def keep(features, strides=1, slope=0.0):
            act = layers.LeakyReLU(negative_slope=slope) if slope else layers.ReLU()
            return layers.Conv2D(features, 3, strides, padding="same", **plain), self.norm(), act

        def grow(features, strides):
            if strides == 2:
                conv = [layers.Conv2DTranspose(features, 4, 2, padding="same", **plain)]
            else:  # a pixel more a side
                conv = [layers.Conv2DTranspose(features, 4, padding="valid", **plain), layers.Cropping2D(1)]
            return *conv, self.norm(), layers.ReLU()

        g = [*grow(256, 2), *keep(128), *grow(256, 1), *grow(256, 2), *grow(128, 1), *grow(128, 2), *keep(128)]
        g += [*grow(64, 2), *keep(64), *keep(64)]
        g += [layers.Conv2D(1, 3, padding="same", activation="tanh", kernel_initializer=self.start)]
        d, slope = [], 0.2 if self.model["leaky"] else 0.0
        for features, strides in (32, 2), (64, 1), (128, 2), (128, 2), (64, 2):
            d += keep(features, strides, slope)
        return keras.Sequential(g), keras.Sequential([*d, layers.GlobalAveragePooling2D(), layers.Dense(2)])

    def update(self, real: Any, labels: Any) -> Metrics:
        """G, then D; two logits an image, the second for real."""
        of_real = tf.ones(len(real), tf.int32)
        with tf.GradientTape() as tape:
            fake = self.g(self.draw()[0], training=True)
            logits = self.d(fake, training=True)
            loss = cross_entropy(logits, of_real)
        self.descend_g(tape, loss)
        with tf.GradientTape() as tape:
            on_real, on_fake = self.d(real, training=True), self.d(fake, training=True)
            losses = cross_entropy(on_real, of_real), cross_entropy(on_fake, tf.zeros_like(of_real))
            d_loss = self.d_weight * sum(losses)
        self.descend_d(tape, d_loss)
        return g_metrics(margin(logits), loss) | self.d_metrics(margin(on_real), margin(on_fake), *losses)


def margin(logits: Any) -> Any:
    """Return how much more than fake, [B], two logits [B, 2] say real."""
    return logits[:, 1] - logits[:, 0]


TWINS: dict[str, type[TfTwin]] = {
    "gan_mlp": GanMlp,
    "dcgan": Dcgan,
    "acgan": Acgan,
    "dcgan64": Dcgan64,
    "dcgan_z1x1": DcganZ1x1,
}
