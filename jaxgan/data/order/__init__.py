"""Which images a step takes: shuffled orders that are functions of the seed."""
