"""Trained generators: loading, exporting, importing, drawing with them."""
