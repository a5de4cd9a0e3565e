"""Train GANs, sample images, show networks: `jaxgan --config=dcgan`."""

from jaxgan.cli.start import main

main()
