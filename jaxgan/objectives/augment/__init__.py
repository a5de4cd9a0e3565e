"""Augmentations of all images that D sees."""
