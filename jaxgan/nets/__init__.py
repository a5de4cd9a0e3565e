"""Layers that several GANs share."""
