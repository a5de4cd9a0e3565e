"""The forms in which a convolution is computed."""
