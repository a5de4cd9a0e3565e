"""A custom training loop: `python examples/loop.py`."""

import jax
import optax

import jaxgan
from jaxgan import config

settings = config.default()
settings.gan, settings.data.range = "gan_mlp", (0.0, 1.0)
settings.model = {"latent_size": 16, "latent_law": "normal", "hidden": 64, "init_scale": 2.0}

source = jaxgan.open_source(settings.data)
gan = jaxgan.build(settings, source.info)
adam = optax.adam(2e-4, b1=0.5)
state = jaxgan.create_state(gan, adam, adam, jax.random.key(settings.seed))
step = jax.jit(jaxgan.make_train_step(gan), donate_argnums=0, compiler_options=jaxgan.compiler_options())
plan = jaxgan.IndexPlan(settings.seed, source.info.num_images, batch_size=32)

for i in range(3):
    images, labels = source.read(plan.indices(i, 1)[0])  # uint8 [B, H, W, C] and int32 [B]
    state, metrics = step(state, images[None], labels[None])  # the leading axis has one batch for each update of D
    print(i, {name: round(float(value), 3) for name, value in metrics.items()})

images = jaxgan.sample(jaxgan.generator_params(gan, state.ema), jax.random.key(1), num=4)
print(images.shape, float(images.min()), float(images.max()))
