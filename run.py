"""Train GANs, sample images, show networks: `python run.py --config=configs/dcgan.py`."""

from jaxgan.cli.start import main

if __name__ == "__main__":
    main()
