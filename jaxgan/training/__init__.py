"""The maths of a training step, and where it meets the devices."""
