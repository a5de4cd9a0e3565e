"""Images from a trained generator, as pure functions."""
