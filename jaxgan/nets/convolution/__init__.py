"""Convolutions as a primitive of JAX, in the form of XLA and in forms for CPUs."""
