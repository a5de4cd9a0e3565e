"""Train a GAN, draw its images, look at its networks: `jaxgan --config=dcgan`."""

from jaxgan.cli.start import main

main()
