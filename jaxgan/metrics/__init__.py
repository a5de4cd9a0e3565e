"""How good pictures are: one measure a file, on arrays of pictures or of their features."""
