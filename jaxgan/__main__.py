"""Train a GAN, draw its pictures, look at its networks: `jaxgan --config=dcgan`."""

from jaxgan.cli.start import main

main()
