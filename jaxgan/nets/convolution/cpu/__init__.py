"""Forms of convolutions that are fast on a CPU."""
