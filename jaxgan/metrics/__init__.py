"""How good images are: one measure a file, on arrays of images or of their features."""
