"""Convolutions in forms that are fast on a CPU."""
