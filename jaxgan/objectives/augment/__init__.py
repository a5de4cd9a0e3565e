"""Differentiable augmentations of the images that D sees."""
